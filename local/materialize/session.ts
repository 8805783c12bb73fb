import type { Clock, S3Port } from 'aws-local-kit';
import type { Connections } from './connections';
import { copyTo, parseCopyTo } from './copy-to';
import { checkFunctions, type Engine } from './engine';
import { type Answer, notModelled, SqlError } from './messages';

export interface SessionOptions {
  readonly engine: Engine;
  readonly connections: Connections;
  readonly s3: S3Port;
  readonly clock: Clock;
  readonly sinkId: () => string;
  readonly clusters: readonly string[];
}

/** Variables that may be set, with their defaults. */
const variables: Readonly<Record<string, string>> = {
  application_name: '',
  cluster: 'quickstart',
  database: 'materialize',
  statement_timeout: '60 s',
  transaction_isolation: 'strict serializable',
};

const identifier = String.raw`(?:"(?:[^"]|"")+"|[a-z_][\w$]*)`;
const createConnection = new RegExp(
  String.raw`^create\s+connection\s+(${identifier})\s+to\s+aws\s*\(\s*assume\s+role\s+arn\s*=?\s*'([^']*)'\s*\)$`,
  'i',
);

/** One client's session: understands what is listed here and refuses the rest. */
export class Session {
  #status: 'I' | 'T' | 'E' = 'I';
  #open = true;
  readonly #values = new Map(Object.entries(variables));

  constructor(private readonly options: SessionOptions) {}

  /** For ReadyForQuery. */
  get status(): 'I' | 'T' | 'E' {
    return this.#status;
  }

  /** The client is gone: whatever runs for it ends where it is. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.options.engine.interrupt();
  }

  /** @throws SqlError */
  async run(text: string): Promise<Answer> {
    const sql = text.trim().replace(/;\s*$/, '');
    if (this.#status === 'E' && !/^rollback$/i.test(sql))
      throw new SqlError('current transaction is aborted, commands ignored until end of transaction block', '25P02');
    try {
      return await this.#timed(() => this.#statement(sql));
    } catch (error) {
      if (this.#status === 'T') this.#status = 'E';
      throw error;
    }
  }

  async #statement(sql: string): Promise<Answer> {
    const word = /^[a-z]+/i.exec(sql)?.[0].toLowerCase();
    switch (word) {
      case 'select':
      case 'with':
      case 'values':
        this.#needCluster();
        return this.options.engine.query(sql);
      case 'copy':
        return this.#copy(sql);
      case 'validate':
        return this.#validate(sql);
      case 'create':
        return createConnection.test(sql) ? this.#createConnection(sql) : this.#change(sql);
      case 'insert':
      case 'delete':
      case 'drop':
        return this.#change(sql);
      case 'begin':
      case 'commit':
      case 'rollback':
        return this.#transaction(sql.toLowerCase(), word);
      case 'set':
        return this.#set(sql);
      case 'show':
        return this.#show(sql);
      default:
        throw notModelled(`the statement ${word ?? sql.slice(0, 20)}`);
    }
  }

  async #copy(sql: string): Promise<Answer> {
    const copy = parseCopyTo(sql);
    if (!copy) throw notModelled('this form of COPY');
    this.#needCluster();
    const alive = () => {
      if (!this.#open) throw new SqlError('canceling statement since its client is gone', '57014');
    };
    return { tag: `COPY ${await copyTo({ ...this.options, alive }, copy)}` };
  }

  #needCluster(): void {
    const cluster = this.#values.get('cluster')!;
    if (!this.options.clusters.includes(cluster)) throw new SqlError(`unknown cluster '${cluster}'`, '42704');
  }

  #validate(sql: string): Answer {
    const match = new RegExp(`^validate\\s+connection\\s+(${identifier})$`, 'i').exec(sql);
    if (!match) throw notModelled('this form of VALIDATE');
    const { connections } = this.options;
    connections.validate(connections.get(folded(match[1]!)));
    return { tag: 'VALIDATE CONNECTION' };
  }

  async #createConnection(sql: string): Promise<Answer> {
    const [, name, roleArn] = createConnection.exec(sql)!;
    const { connections, engine } = this.options;
    await engine.recordConnection(connections.create(folded(name!), roleArn!));
    return { tag: 'CREATE CONNECTION' };
  }

  /** Tables are filled by sources in Materialize; here, and there too, by hand. */
  async #change(sql: string): Promise<Answer> {
    const head = new RegExp(
      `^(create\\s+table|insert\\s+into|delete\\s+from|drop\\s+table)\\s+${identifier}(?:\\.${identifier})?\\s*(\\([^()]*(?:\\([\\d, ]+\\)[^()]*)*\\))?`,
      'i',
    ).exec(sql);
    if (!head) throw notModelled(`the statement ${sql.split(/\s+/).slice(0, 2).join(' ')}`);
    const rest = sql.slice(head[0].length).trim();
    if (rest !== '') checkFunctions(rest);
    const count = await this.options.engine.run(sql);
    const [verb] = head[1]!.toUpperCase().split(/\s+/);
    if (verb === 'INSERT') return { tag: `INSERT 0 ${count}` };
    return { tag: verb === 'DELETE' ? `DELETE ${count}` : head[1]!.toUpperCase().replace(/\s+/g, ' ') };
  }

  async #transaction(sql: string, word: 'begin' | 'commit' | 'rollback'): Promise<Answer> {
    if (sql !== word) throw notModelled(`the statement ${sql}`);
    const isOpen = this.#status !== 'I';
    if (word === 'begin' ? !isOpen : isOpen) await this.options.engine.run(word);
    this.#status = word === 'begin' ? 'T' : 'I';
    return { tag: word.toUpperCase() };
  }

  #set(sql: string): Answer {
    const [, name, value] =
      new RegExp(`^set\\s+([a-z_]+)\\s*(?:=|\\bto\\b)\\s*(${identifier}|'[^']*'|\\S+)$`, 'i').exec(sql) ?? [];
    if (!name || !(name.toLowerCase() in variables)) throw notModelled(`${sql.split(/\s+/).slice(0, 2).join(' ')}`);
    const bare = value!.startsWith("'") ? value!.slice(1, -1) : folded(value!);
    if (name.toLowerCase() === 'statement_timeout') milliseconds(bare);
    this.#values.set(name.toLowerCase(), bare);
    return { tag: 'SET' };
  }

  #show(sql: string): Answer {
    const name = /^show\s+([a-z_]+)$/i.exec(sql)?.[1]?.toLowerCase() ?? '';
    if (name === 'clusters') {
      const rows = this.options.clusters.map((cluster) => [cluster]);
      return { columns: [{ name: 'name', type: 25 }], rows, tag: `SELECT ${rows.length}` };
    }
    const value = this.#values.get(name);
    if (value === undefined) throw notModelled(`show ${name}`);
    return { columns: [{ name, type: 25 }], rows: [[value]], tag: 'SELECT 1' };
  }

  /** What runs ends by the session's timeout. */
  async #timed<T>(run: () => Promise<T>): Promise<T> {
    const { clock, engine } = this.options;
    const limitMs = milliseconds(this.#values.get('statement_timeout')!);
    const timer = limitMs > 0 ? clock.at(clock.now() + limitMs, () => engine.interrupt()) : undefined;
    try {
      return await run();
    } finally {
      timer?.cancel();
    }
  }
}

const folded = (name: string) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase());

function milliseconds(text: string): number {
  const match = /^(\d+)\s*(ms|s|min|h)?$/.exec(text);
  if (!match) throw new SqlError(`invalid value for parameter "statement_timeout": "${text}"`, '22023');
  return Number(match[1]) * { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }[(match[2] ?? 'ms') as 'ms'];
}
