import type { Step } from '../../../lambda/shared/plan';
import { asked, renderAll } from '../../../lambda/shared/statement';
import { openStreamWarehouse, type StreamWarehouse } from '../../../local/stream-warehouse';
import type { Pipeline } from '../../../pipelines/definition';
import { ownerObject, ownerUser, refreshPlan, registryObject, warehouseObjects } from '../../../sql';
import { Failure } from '../../failure';
import { grouped, plural } from '../../terminal';
import type { SampleRecord } from './records';

/** What the merge made of the sample. */
export interface Proof {
  readonly records: number;
  readonly events: number;
  readonly duplicates: number;
  readonly rejects: number;
}

const database = 'millrace';
/** Records and bytes of one merge. */
const batchRecords = 200_000;
const batchBytes = 128 * 1024 * 1024;
/** Rejects that a message names. */
const shownRejects = 5;

export interface ProofOptions {
  readonly pipeline: Pipeline;
  readonly records: AsyncIterable<SampleRecord[]>;
  /** Lines that are known to be no events. */
  readonly foreseen: ReadonlySet<number>;
  readonly now: number;
  readonly onProgress?: (records: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Sends all records through the merge of the pipeline, in a warehouse of its own.
 * @throws Failure for a reject that was not foreseen, and if a record is missing
 */
export async function prove(options: ProofOptions): Promise<Proof> {
  const { pipeline, signal } = options;
  const warehouse = await openStreamWarehouse(database, options.now);
  try {
    await install(warehouse, pipeline);
    let sent = 0;
    let batch: SampleRecord[] = [];
    let bytes = 0;
    const merge = async () => {
      await warehouse.put(batch.map(({ data, line }) => ({ data, partitionKey: String(line) })));
      sent += batch.length;
      [batch, bytes] = [[], 0];
      await refresh(warehouse, pipeline, `proof-${sent}`);
      options.onProgress?.(sent);
    };
    for await (const records of options.records) {
      signal?.throwIfAborted();
      batch = batch.concat(records);
      for (const { data } of records) bytes += data.length;
      if (batch.length >= batchRecords || bytes >= batchBytes) await merge();
    }
    if (batch.length > 0 || sent === 0) await merge();
    return await judge(warehouse, options, sent);
  } finally {
    warehouse.dispose();
  }
}

async function install(warehouse: StreamWarehouse, pipeline: Pipeline): Promise<void> {
  const names = { streamName: pipeline.name, streamRoleArn: 'arn:aws:iam::000000000000:role/proof', database };
  const objects = [registryObject(), ...warehouseObjects(pipeline, names)];
  const create = async ({ properties }: (typeof objects)[number], user: string) => {
    for (const { mode, statements } of JSON.parse(properties.create) as Step[])
      await warehouse.run(mode, filled(statements, { owner_password: 'Password2' }), user);
  };
  await create(ownerObject(database), warehouse.administrator);
  for (const object of objects) await create(object, ownerUser);
}

const filled = (statements: readonly string[], values: Record<string, string>) =>
  renderAll(statements, asked(statements, values));

async function refresh(warehouse: StreamWarehouse, pipeline: Pipeline, run: string): Promise<void> {
  warehouse.pass();
  const { steps, idle } = refreshPlan(pipeline);
  const [[started]] = (await warehouse.query(idle!.started)) as [[string]];
  const values = { run_id: run, started, failures: '[]' };
  for (const { name, mode, statements } of steps) {
    // Every record is needed until the end.
    if (name === 'trim') continue;
    try {
      await warehouse.run(mode, filled(statements, values), ownerUser);
    } catch (error) {
      throw new Failure(`the step ${name} of the merge failed: ${(error as Error).message}`, 1, { cause: error });
    }
  }
}

async function judge(warehouse: StreamWarehouse, options: ProofOptions, sent: number): Promise<Proof> {
  const { name } = options.pipeline;
  const count = async (table: string) =>
    Number((await warehouse.query(`select count(*) from ${name}.${table}`))[0]![0]);
  const [events, duplicates] = [await count('events'), await count('duplicates')];
  const rejected = (await warehouse.query(`select partition_key, reason from ${name}.rejects`)) as [string, string][];
  const unforeseen = rejected.filter(([line]) => !options.foreseen.has(Number(line)));
  if (unforeseen.length > 0) throw new Failure(unforeseenText(unforeseen));
  if (events + duplicates + rejected.length !== sent)
    throw new Failure(
      `${plural(sent, 'record')} gave ${grouped(events)} events, ${grouped(duplicates)} duplicates and ${grouped(rejected.length)} rejects; the sum must be the same`,
    );
  return { records: sent, events, duplicates, rejects: rejected.length };
}

function unforeseenText(rejects: readonly [string, string][]): string {
  const shown = rejects
    .map(([line, reason]) => ({ line: Number(line), reason }))
    .sort((one, other) => one.line - other.line)
    .slice(0, shownRejects)
    .map(({ line, reason }) => `  line ${line}: ${reason}`);
  const more = rejects.length > shownRejects ? [`  and ${grouped(rejects.length - shownRejects)} more`] : [];
  return [
    `the merge rejects ${plural(rejects.length, 'record')} that the report calls sound, so nothing was written:`,
    ...shown,
    ...more,
  ].join('\n');
}
