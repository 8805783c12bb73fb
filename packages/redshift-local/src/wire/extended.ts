import type { Prompt, Ran } from '../engine/prompt';
import { WireError } from './errors';
import type { ClientMessage } from './inbox';
import {
  bindComplete,
  closeComplete,
  emptyQuery,
  MessageReader,
  noData,
  parameterDescription,
  parseComplete,
  portalSuspended,
} from './messages';
import type { Outbox } from './outbox';
import { type Bound, bindPrepared, describePrepared, type Prepared, parsePrepared, readParse } from './prepared';
import { complete, descriptionOf, RowStream } from './query';

/** Most statements, and most portals, that one connection may hold. */
const mostHeld = 5000;

interface Portal extends Bound {
  /** Set by the first Execute. */
  ran?: Ran;
  rows?: RowStream;
}

/** The extended protocol: statements that are parsed, bound, described and executed apart. */
export class ExtendedQuery {
  private readonly statements = new Map<string, Prepared>();
  private readonly portals = new Map<string, Portal>();

  /** The statement of the last message, for positions in errors. */
  sql = '';

  constructor(
    private readonly prompt: Prompt,
    private readonly out: Outbox,
  ) {}

  /** @throws SqlError, WireError, RangeError for a message that is cut off */
  async handle({ type, body }: ClientMessage, signal: AbortSignal): Promise<void> {
    const reader = new MessageReader(body);
    switch (type) {
      case 'P':
        return this.parse(reader, signal);
      case 'B':
        return this.bind(reader);
      case 'D':
        return this.describe(reader, signal);
      case 'E':
        return this.execute(reader, signal);
      case 'C':
        return this.close(reader);
    }
  }

  /** Portals end with their transaction. */
  endTransaction(): void {
    if (this.prompt.status !== 'block') this.portals.clear();
  }

  /** The simple protocol ends the unnamed statement and portal. */
  endUnnamed(): void {
    this.statements.delete('');
    this.portals.delete('');
  }

  /** DEALLOCATE, which is the SQL for Close. */
  deallocate(name: string | undefined): void {
    if (name === undefined) this.statements.clear();
    else if (!this.statements.delete(name)) throw new WireError('26000', `prepared statement "${name}" does not exist`);
  }

  private async parse(reader: MessageReader, signal: AbortSignal): Promise<void> {
    const name = reader.text();
    this.sql = '';
    const { sql, oids } = readParse(reader);
    this.sql = sql;
    const prepared = parsePrepared(sql, oids, this.prompt);
    // A mistake is found here. What depends on values that are not known yet is left to the execution.
    if (prepared.parameters.length === 0) await describePrepared(prepared, this.prompt, signal);
    if (name !== '' && this.statements.has(name))
      throw new WireError('42P05', `prepared statement "${name}" already exists`);
    requireRoom(this.statements, 'prepared statements');
    this.statements.set(name, prepared);
    this.out.add(parseComplete);
  }

  private bind(reader: MessageReader): void {
    const name = reader.text();
    const prepared = this.statement(reader.text());
    const portal = bindPrepared(reader, prepared);
    if (name !== '' && this.portals.has(name)) throw new WireError('42P03', `portal "${name}" already exists`);
    requireRoom(this.portals, 'portals');
    this.portals.set(name, portal);
    this.out.add(bindComplete);
  }

  private async describe(reader: MessageReader, signal: AbortSignal): Promise<void> {
    const isStatement = String.fromCharCode(reader.byte()) === 'S';
    const name = reader.text();
    if (isStatement) return this.describeStatement(name, signal);
    const { prepared, values, formats } = this.portal(name);
    const columns = prepared.isEmpty ? undefined : await this.prompt.describe(prepared.sql, values, signal);
    this.out.add(columns ? descriptionOf(columns, formats) : noData);
  }

  private async describeStatement(name: string, signal: AbortSignal): Promise<void> {
    const prepared = this.statement(name);
    try {
      const { oids, columns } = await describePrepared(prepared, this.prompt, signal);
      this.out.add(parameterDescription(oids), columns ? descriptionOf(columns, []) : noData);
    } catch (error) {
      // Clients expect that a statement with a mistake does not exist.
      this.statements.delete(name);
      throw error;
    }
  }

  private async execute(reader: MessageReader, signal: AbortSignal): Promise<void> {
    const portal = this.portal(reader.text());
    const most = Math.max(0, reader.int32());
    if (portal.prepared.isEmpty) {
      this.out.add(emptyQuery);
      return;
    }
    if (portal.ran && !portal.rows)
      throw new WireError('55000', 'the portal was executed already, and has no rows left');
    if (!portal.ran) await this.start(portal, signal);
    const { ran, rows } = portal;
    if (rows && (await rows.send(this.out, most, signal))) this.out.add(portalSuspended);
    else {
      portal.rows = undefined;
      complete(this.out, ran!);
    }
  }

  private async start(portal: Portal, signal: AbortSignal): Promise<void> {
    for await (const ran of this.prompt.run(portal.prepared.sql, portal.values, signal)) {
      portal.ran = ran;
      if (ran.done.cursor) portal.rows = new RowStream(ran.done.cursor, portal.formats);
    }
  }

  private close(reader: MessageReader): void {
    const isStatement = String.fromCharCode(reader.byte()) === 'S';
    (isStatement ? this.statements : this.portals).delete(reader.text());
    this.out.add(closeComplete);
  }

  private statement(name: string): Prepared {
    const found = this.statements.get(name);
    if (!found) throw new WireError('26000', `prepared statement "${name}" does not exist`);
    this.sql = found.sql;
    return found;
  }

  private portal(name: string): Portal {
    const found = this.portals.get(name);
    if (!found) throw new WireError('34000', `portal "${name}" does not exist`);
    this.sql = found.prepared.sql;
    return found;
  }
}

function requireRoom(held: ReadonlyMap<string, unknown>, what: string): void {
  if (held.size >= mostHeld) throw new WireError('54000', `a connection may hold ${mostHeld} ${what}`);
}
