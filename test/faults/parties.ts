import { createHash } from 'node:crypto';
import type { StatementTemplate, Step } from '../../lambda/shared/plan';
import type { Pipeline } from '../../pipelines/definition';
import { exportPlan, loadPlan, reconcilePlan, refreshPlan, retryStatements, warehouseObjects } from '../../sql';
import { fillSpec } from '../../sql/objects/fills';
import { resolvePipeline } from '../../sql/resolve';
import { anExport, aPipeline, aSource } from '../sql/fixtures';
import type { TestWarehouse } from '../sql/warehouse';

/** The pipeline, and the edition of it whose functions are about to be replaced: no column `extra`, no kind `c`. */
const columns = (kinds: string[], ...more: Pipeline['columns']): Pipeline['columns'] => [
  { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
  { name: 'kind', path: ['kind'], type: 'varchar', maxBytes: 8, oneOf: kinds },
  { name: 'at', path: ['timestamp'], type: 'timestamp' },
  ...more,
];
const parts = { history: [aSource()], exports: [anExport('all', 'select id, at from shop.events')] };
const before = aPipeline({ ...parts, columns: columns(['a', 'b']) });
export const pipeline = aPipeline({
  ...parts,
  columns: columns(['a', 'b', 'c'], { name: 'extra', path: ['extra'], type: 'bigint', fill: true }),
});

/** A transaction of one function, which may run beside any other. */
export interface Party {
  readonly name: string;
  /** Makes the transaction, whose values are those of this call. */
  make(world: World): Promise<{ readonly step: Step; readonly values: Record<string, string> }>;
}

/** The warehouse with its initial rows. */
export interface World {
  readonly warehouse: TestWarehouse;
  /** Time before the landing view was refreshed last. */
  readonly started: string;
  nextRun(): string;
}

const record = (n: number, kind = 'a') => ({ messageId: `m${n}`, kind, timestamp: '2026-11-21T05:00:00Z', extra: n });
const line = (n: number, kind = 'a') => JSON.stringify(record(n, kind));

/** Records on the stream and lines of history. Every transaction of a pair finds something to do, and both know `m4`. */
export const streamed = [record(1), record(2, 'c'), record(3), record(4), record(5)];
const loadedLines = [line(3), line(6, 'c'), '{"kind": "a"}'];
const newLines = [line(4), line(7)];
const archivedRecord = 5;

/**
 * Two records and a load, merged by the functions before, a merge of the present ones that has completed their rows, and
 * three landed records.
 */
export async function prepare(warehouse: TestWarehouse): Promise<World> {
  warehouse.pipeline = before;
  warehouse.send(...streamed.slice(0, 2));
  await warehouse.refresh();
  await warehouse.refresh();
  await warehouse.load(loadedLines);
  warehouse.pipeline = pipeline;
  await warehouse.refresh();
  warehouse.pass();
  const [[started]] = (await warehouse.query('select getdate()')) as [[string]];
  warehouse.send(...streamed.slice(2));
  await warehouse.land();
  let runs = 0;
  return {
    warehouse,
    started,
    nextRun() {
      runs += 1;
      return `beside-${runs}`;
    },
  };
}

const transaction = (name: string, statements: readonly StatementTemplate[]): Step => ({
  name,
  mode: 'transaction',
  statements,
});
const step = (name: string, of = pipeline) => refreshPlan(of).steps.find((candidate) => candidate.name === name)!;
const ofRun = (world: World) => ({ run_id: world.nextRun(), started: world.started, failures: '[]' });
const source = (name: string) => loadPlan(pipeline).sources.find((candidate) => candidate.name === name)!;
const loaded = { run_id: 'run-3' };

async function load(world: World, name: string, lines: readonly string[]) {
  const { warehouse } = world;
  const bucket = name === 'archive' ? 'archive' : 'history';
  const object = await warehouse.put(
    name === 'archive' ? 'archive/shop/2026/11/21/10/1.gz' : 'shop/new.gz',
    lines,
    bucket,
  );
  const values = { ...(await warehouse.loadValues([object])), run_id: world.nextRun() };
  return { step: transaction('load', source(name).inPlace.statements), values };
}

const publication = {
  start: '2026-11-21 05:00:00',
  end: '2026-11-21 06:00:00',
  runId: 'r',
  rows: 1,
  files: 1,
  location: 's3://exports/r/',
  revision: 0,
  sequence: 1,
  bytes: 1,
  fingerprint: 'f',
  statementId: 's',
};

const { batch, search } = fillSpec(resolvePipeline(pipeline))!;
export const fillStep = transaction('fill', batch);
export const fillValues = { ...search!.batchValues, raised: '[]' };

/** By the name under which the reports list them. */
export const parties = {
  merge: { name: 'merge', make: async (world) => ({ step: step('merge'), values: ofRun(world) }) },
  mergeBefore: {
    name: 'merge of the functions before',
    make: async (world) => ({ step: step('merge', before), values: ofRun(world) }),
  },
  complete: {
    name: 'complete',
    make: async (world) => ({ step: step('complete'), values: { ...ofRun(world), run_id: 'run-4' } }),
  },
  skipped: { name: 'skipped records', make: async (world) => ({ step: step('skipped'), values: ofRun(world) }) },
  trim: { name: 'trim', make: async () => ({ step: step('trim'), values: {} }) },
  idle: {
    name: 'idle run',
    make: async ({ started }) => ({ step: refreshPlan(pipeline).idle!.step, values: { started } }),
  },
  load: { name: 'load', make: (world) => load(world, 'logs', newLines) },
  archive: {
    name: 'load of the archive',
    make: (world) => load(world, 'archive', [world.warehouse.archived(archivedRecord)]),
  },
  reload: {
    name: 'reload',
    async make(world) {
      const { warehouse } = world;
      const object = await warehouse.put('shop/1.gz', loadedLines);
      const values = { ...(await warehouse.loadValues([object])), run_id: world.nextRun(), replaced: loaded.run_id };
      return { step: transaction('reload', source('logs').reload.inPlace.statements), values };
    },
  },
  origins: {
    name: 'origins',
    async make() {
      const text = '{"kind":"a"}';
      const digest = createHash('sha256').update(text).digest('hex');
      const places = JSON.stringify([{ digest, copy: 1, url: 's3://history/shop/1.gz', line: 3 }]);
      return { step: transaction('origins', loadPlan(pipeline).origins.place), values: { ...loaded, places } };
    },
  },
  retry: {
    name: 'retry',
    make: async (world) => ({ step: transaction('retry', retryStatements(pipeline)), values: ofRun(world) }),
  },
  fill: {
    name: 'fill',
    async make() {
      return { step: fillStep, values: fillValues };
    },
  },
  lastMerge: {
    name: 'last merge of a landing view',
    async make(world) {
      const tokens = {
        streamName: 'millrace-test',
        streamRoleArn: 'arn:aws:iam::000000000000:role/stream',
        database: 'millrace',
      };
      const landing = warehouseObjects(pipeline, tokens).find(({ id }) => id === 'Landing')!;
      return { step: (JSON.parse(landing.properties.delete) as Step[])[0]!, values: ofRun(world) };
    },
  },
  publish: {
    name: 'record of a publication',
    async make() {
      const { record: statements } = exportPlan(pipeline).exports[0]!;
      return { step: transaction('record', statements), values: { publications: JSON.stringify([publication]) } };
    },
  },
  list: {
    name: 'listing',
    async make({ warehouse }) {
      const values = await warehouse.listValues([
        { object_key: 'shop/9.gz', etag: 'e', size: 1, last_modified: '2026-11-21 05:00:00' },
      ]);
      return { step: transaction('list', reconcilePlan(pipeline).list), values };
    },
  },
} as const satisfies Readonly<Record<string, Party>>;

export type PartyName = keyof typeof parties;
