import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DeployedResource, Deployment, ExtensionBase, Runtime } from 'aws-local';
import type { WarehousePort } from 'redshift-local';
import { literal, quoted, type TableColumn } from './engine';
import type { Materialize } from './index';

/** What a function of an export of Materialize knows of it. */
export interface Peer {
  readonly environment: string;
  readonly pipeline: string;
  readonly cluster: string;
  readonly connection: string;
  readonly partner: string;
  readonly secretArn: string;
}

export interface MaterializeSurroundings {
  /** The runtime, once everything is deployed. */
  readonly runtime: () => Promise<Pick<Runtime, 'ofType' | 'deployment'>>;
  readonly warehouse: () => WarehousePort;
}

/** Events of a pipeline, in Redshift and here. */
const table = 'events';
const rowsPerWrite = 10_000;

/** Brings a Materialize up to date with the runtime: its AWS connections, and the events of the pipelines that export from it. */
export class Refresh {
  #reported = '';
  readonly #copies = new Map<string, { readonly deployment: Deployment; readonly merged: string }>();
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly base: ExtensionBase,
    private readonly surroundings: MaterializeSurroundings,
    private readonly folder: string,
    private readonly peers: ReadonlyMap<string, Peer>,
  ) {}

  /** One refresh at a time. */
  run(server: Materialize): Promise<void> {
    const work = this.#last.then(() => this.#refresh(server));
    this.#last = work.catch(() => undefined);
    return work;
  }

  async #refresh(server: Materialize): Promise<void> {
    const { ofType, deployment } = await this.surroundings.runtime();
    for (const peer of this.peers.values()) {
      await this.#connect(server, peer, ofType('AWS::IAM::Role'));
      await this.#fill(server, peer.pipeline, deployment);
    }
  }

  /** The hosted service makes the external id, and a person enters it at the partner. Here the connection has the id that was entered. */
  async #connect(
    server: Materialize,
    { environment, partner, connection }: Peer,
    roles: readonly DeployedResource[],
  ): Promise<void> {
    const role = roles.find(({ properties }) => properties['RoleName'] === `millrace-${environment}-${partner}`);
    if (!role) return;
    const [entered] = externalIds(role.properties['AssumeRolePolicyDocument']);
    const { externalId } = await server.connect(connection, String(role.attributes['Arn']), entered);
    if (entered !== undefined || this.#reported === externalId) return;
    this.#reported = externalId;
    const { clock, onRun } = this.base;
    const message =
      `the partner ${partner} trusts nobody yet, so its exports fail. Enter in environments/${environment}.ts ` +
      `externalId: { kind: 'given', values: ['${externalId}'] }, or the id that the hosted Materialize shows`;
    onRun({ kind: 'trouble', at: clock.now(), name: 'Materialize', message });
  }

  /** Copies the events, unless nothing was merged or deployed since the last copy. */
  async #fill(server: Materialize, pipeline: string, deployment: Deployment): Promise<void> {
    const warehouse = this.surroundings.warehouse();
    const columns = await columnsOf(warehouse, pipeline);
    if (columns.length === 0) return;
    const last = this.#copies.get(pipeline);
    const merged = await mergedUntil(warehouse, pipeline);
    if (last?.deployment === deployment && last.merged === merged) return;
    const file = join(this.folder, `${pipeline}.jsonl`);
    try {
      await writeRows(warehouse, pipeline, columns, file);
      await server.replaceTable({ schema: pipeline, name: table, columns, file });
      this.#copies.set(pipeline, { deployment, merged });
    } finally {
      rmSync(file, { force: true });
    }
  }
}

/** Ids in the condition of a trust policy. None while the partner awaits its id. */
function externalIds(trust: unknown): string[] {
  const { Statement = [] } = trust as { Statement?: readonly TrustStatement[] };
  return Statement.flatMap(({ Condition }) => Condition?.StringEquals?.['sts:ExternalId'] ?? []);
}

interface TrustStatement {
  readonly Condition?: { readonly StringEquals?: Readonly<Record<string, string | readonly string[]>> };
}

/** The columns with types of DuckDB, which takes the standard's names as Redshift shows them. */
async function columnsOf(warehouse: WarehousePort, pipeline: string): Promise<TableColumn[]> {
  const { rows } = await warehouse.query(
    `select column_name, data_type, numeric_precision, numeric_scale from svv_columns
     where table_schema = ${literal(pipeline)} and table_name = ${literal(table)} order by ordinal_position`,
  );
  return rows.map(([name, type, precision, scale]) => ({
    name: String(name),
    type: type === 'super' ? 'json' : type === 'numeric' ? `decimal(${precision}, ${scale})` : String(type),
  }));
}

/** A text that changes with every merge. */
async function mergedUntil(warehouse: WarehousePort, pipeline: string): Promise<string> {
  const { rows } = await warehouse.query(`select count(*), max(merged_at) from ${quoted(pipeline)}.${quoted(table)}`);
  return JSON.stringify(rows);
}

async function writeRows(
  warehouse: WarehousePort,
  pipeline: string,
  columns: readonly TableColumn[],
  file: string,
): Promise<void> {
  const names = columns.map(({ name }) => name);
  const { rows } = await warehouse.query(
    `select ${names.map(quoted).join(', ')} from ${quoted(pipeline)}.${quoted(table)}`,
  );
  const text = (value: unknown) =>
    value === null || value === undefined || typeof value === 'string' ? value : JSON.stringify(value);
  const line = (row: readonly unknown[]) =>
    `${JSON.stringify(Object.fromEntries(names.map((name, i) => [name, text(row[i])])))}\n`;
  const opened = openSync(file, 'w');
  try {
    for (let at = 0; at < rows.length; at += rowsPerWrite)
      writeSync(
        opened,
        rows
          .slice(at, at + rowsPerWrite)
          .map(line)
          .join(''),
      );
  } finally {
    closeSync(opened);
  }
}
