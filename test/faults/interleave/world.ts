import type { Step } from '../../../lambda/shared/plan';
import type { WarehouseObject } from '../../../lambda/warehouse-object/properties';
import { recordStatements } from '../../../lambda/warehouse-object/registry';
import type { Pipeline } from '../../../pipelines/definition';
import { pipelineTables, refreshPlan, warehouseObjects } from '../../../sql';
import { anExport, aPipeline, aSource, aView } from '../../sql/fixtures';
import { type TestObject, TestWarehouse } from '../../sql/warehouse';

const columns = (kinds: string[], ...more: Pipeline['columns']): Pipeline['columns'] => [
  { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
  { name: 'kind', path: ['kind'], type: 'varchar', maxBytes: 8, oneOf: kinds, required: true },
  { name: 'at', path: ['timestamp'], type: 'timestamp' },
  ...more,
];
const parts: Partial<Pipeline> = {
  // The landing view may be trimmed an hour after its refresh, and nothing expires on the stream.
  stream: { capacity: { mode: 'on-demand' }, retentionHours: 8760, landedHours: 1 },
  history: [aSource()],
  views: [aView('seen', 'select id, arrived_at from shop.events')],
  exports: [anExport('all', 'select id, at from shop.events')],
  subject: ['id'],
};
const extra: Pipeline['columns'][number] = { name: 'extra', path: ['extra'], type: 'bigint', fill: true };

export const pipeline = aPipeline({ ...parts, columns: columns(['a', 'b', 'c'], extra) });
/** The edition whose functions are about to be replaced: no column `extra`, no kind `c`. */
export const before = aPipeline({ ...parts, columns: columns(['a', 'b']) });
/** The edition of another identity, under which records with one id and two kinds are two events. */
export const finer: Pipeline = { ...pipeline, identity: { by: 'columns', columns: ['id', 'kind'] } };

/** The same tables, and functions that decode compressed records. */
export const decoding: Pipeline = { ...pipeline, stream: { ...pipeline.stream, records: { decode: ['gzip'] } } };

/** The same tables, and functions that delete events a day after their arrival. */
export const keeping: Pipeline = { ...pipeline, retention: { events: '1 days' } };

const tokens = {
  streamName: 'millrace-test',
  streamRoleArn: 'arn:aws:iam::000000000000:role/stream',
  database: 'millrace',
};
/** An object of a deployment, as far as the registry needs it. */
export const anObject = (name: string, version: string): WarehouseObject => ({
  name,
  kind: 'materialized-view',
  version,
  identity: 'owner',
  create: [],
  delete: [],
});
/** An object that the registry has. */
export const known = anObject('shop.known', 'v1');

/** A warehouse object of an edition. */
export const objectOf = (of: Pipeline, id: string) => warehouseObjects(of, tokens).find((object) => object.id === id)!;

/** A step of the refresh function. */
export const stepOf = (name: string, of = pipeline): Step =>
  refreshPlan(of).steps.find((candidate) => candidate.name === name)!;

/** The warehouse with its initial rows. */
export interface World {
  readonly warehouse: TestWarehouse;
  /** Time before the landing view was refreshed last. */
  readonly started: string;
  /** The run that merged last, whose end is due. */
  readonly mergedRun: string;
  /** The run that loaded `loadedLines`. */
  readonly loadedRun: string;
  /** Its object. */
  readonly loadedObject: TestObject;
  /** A new run id. */
  nextRun(): string;
}

const record = (n: number, kind = 'a') => ({ messageId: `m${n}`, kind, timestamp: '2026-11-21T05:00:00Z', extra: n });
const line = (n: number, kind = 'a') => JSON.stringify(record(n, kind));

/** Records on the stream: two of one id and another one, one that came two days later, and those that have just landed. */
const merged = [record(1), record(1, 'b'), record(2, 'c')];
const recent = [record(9)];
const landed = [record(3), record(4), record(5)];
export const streamed = [...merged, ...recent, ...landed];
/** The first landed record, counted from 1. */
export const firstLanded = merged.length + recent.length + 1;
/** Lines of history. The last is no event. */
export const loadedLines = [line(3), line(6, 'c'), '{"kind": "a"}'];
/** An event that has landed, one that was rejected, and a new one. */
export const newLines = [line(4), line(6, 'c'), line(7)];
/** An event that the functions before load while a deployment goes on. */
export const lateLines = [line(8)];
/** The last streamed record, as the archive knows it. */
export const archivedRecord = streamed.length;

/** Subjects with an event and a duplicate of the stream, with a line of history and a landed record, and with a reject. */
export const forgotten = ['m1', 'm3', 'm6'];

/** The object of a further part of a listing. */
export const appendedKey = 'shop/8.gz';

/** A record that waits to be decoded. No run counts it before it has an outcome. */
const waiting = `insert into ${pipelineTables(pipeline).rejects} (source, arrived_at, reason, unparsed, run_id, merged_at, decode_after)
values ('history', getdate(), 'payload: compressed', to_varbyte('1f8b', 'hex'), 'waiting', getdate(), dateadd(minute, -1, getdate()))`;

/** Records and lines that a world may have. */
export const recordsOfWorld = streamed.length + loadedLines.length + newLines.length + lateLines.length;

const daysBefore = 2 * 24 * 60;

/**
 * Every party finds work: records and a load that the functions before have merged two days ago, so that the landing view
 * can be trimmed; a merge of the present functions, whose run has not ended; and landed records.
 */
async function prepare(hasRebuild: boolean): Promise<() => Promise<World>> {
  const warehouse = await TestWarehouse.create(pipeline);
  warehouse.pipeline = before;
  warehouse.send(...merged);
  await warehouse.refresh();
  await warehouse.refresh();
  const [loadedObject] = await warehouse.load(loadedLines);
  warehouse.pass(daysBefore);
  warehouse.pipeline = pipeline;
  warehouse.send(...recent);
  const run = await warehouse.beginRun();
  for (const name of ['refresh-landing', 'merge', 'refresh-views']) await run.step(name);
  warehouse.pass();
  const text = async (sql: string) => String((await warehouse.query(sql))[0]![0]);
  const started = await text('select getdate()');
  warehouse.send(...landed);
  await warehouse.land();
  if (hasRebuild) await warehouse.installTables(finer);
  await warehouse.execute(recordStatements(known, ['Stack/Resource'], 'deploy'));
  await warehouse.execute([waiting]);
  const mergedRun = await text('select max(run_id) from shop.checkpoints');
  const loadedRun = await text(`select min(run_id) from ${pipelineTables(pipeline).ledger}`);
  const thaw = warehouse.freeze();
  return async () => {
    let runs = 0;
    return {
      warehouse: await thaw(),
      started,
      mergedRun,
      loadedRun,
      loadedObject: loadedObject!,
      nextRun() {
        runs += 1;
        return `beside-${runs}`;
      },
    };
  };
}

const prepared = new Map<boolean, ReturnType<typeof prepare>>();

/** Makes a world. The rows of all worlds are made once in each process. */
export async function makeWorld(hasRebuild: boolean): Promise<World> {
  const made = prepared.get(hasRebuild) ?? prepare(hasRebuild);
  prepared.set(hasRebuild, made);
  return (await made)();
}
