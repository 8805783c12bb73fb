import { createHash } from 'node:crypto';
import { roleArn } from 'redshift-local/testing';
import { removalStatements } from '../../../cli/commands/smoke/remove-marks';
import { keyId, markOf } from '../../../lambda/shared/forget-keys';
import type { StatementTemplate, Step } from '../../../lambda/shared/plan';
import {
  claimStatements,
  eraseStatements,
  exportPlan,
  loadPlan,
  markStatements,
  reconcilePlan,
  refreshPlan,
  retryStatements,
  swapStatements,
  sweptStatements,
} from '../../../sql';
import { fillSpec } from '../../../sql/objects/fills';
import { resolvePipeline } from '../../../sql/resolve';
import { deploymentParties } from './deployments';
import {
  appendedKey,
  archivedRecord,
  before,
  decoding,
  firstLanded,
  forgotten,
  keeping,
  lateLines,
  loadedLines,
  newLines,
  objectOf,
  pipeline,
  stepOf,
  type World,
} from './world';

/** A step of a party, and the values of its placeholders. */
export interface PartyStep {
  readonly step: Step;
  readonly values: Record<string, string>;
}

/** What one function does: transactions one after the other, which run beside those of other parties. */
export interface Party {
  readonly name: string;
  /** Makes the steps, with new values for each call. */
  make(world: World): Promise<readonly PartyStep[]>;
}

const transaction = (name: string, statements: readonly StatementTemplate[]): Step => ({
  name,
  mode: 'transaction',
  statements,
});
/** A step without placeholders, or with the same ones always. */
const only =
  (step: Step, values: Record<string, string> = {}) =>
  async () => [{ step, values }];
const ofRun = (world: World) => ({ run_id: world.nextRun(), started: world.started, failures: '[]' });
const source = (name: string, of = pipeline) => loadPlan(of).sources.find((candidate) => candidate.name === name)!;

async function load(world: World, name: string, lines: readonly string[], of = pipeline): Promise<PartyStep[]> {
  const { warehouse } = world;
  const [key, bucket] =
    name === 'archive'
      ? (['archive/shop/2026/11/21/10/1.gz', 'archive'] as const)
      : ([`shop/${of === pipeline ? 'new' : 'late'}.gz`, 'history'] as const);
  const object = await warehouse.put(key, lines, bucket);
  const values = { ...(await warehouse.loadValues([object])), run_id: world.nextRun() };
  return [{ step: transaction('load', source(name, of).inPlace.statements), values }];
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

async function listing({ warehouse }: World, statements: readonly StatementTemplate[], key: string) {
  const row = { object_key: key, etag: 'e', size: 1, last_modified: '2026-11-21 05:00:00' };
  return [{ step: transaction('list', statements), values: await warehouse.listValues([row]) }];
}

/** What a swap gives the object of the world. */
export const swapped = { newEtag: 'swapped', newVersionId: 'v2', newSize: 1 };

const marks = ({ warehouse: { keys } }: World): PartyStep => ({
  step: transaction('mark', markStatements(pipeline)),
  values: {
    marks: JSON.stringify(forgotten.map((value) => markOf(keys, 'id', value))),
    key_id: keyId(keys),
    run_id: 'marked',
  },
});

const { batch, search } = fillSpec(resolvePipeline(pipeline))!;
export const fillStep = transaction('fill', batch);
export const fillValues = { ...search!.batchValues, raised: '[]' };

/** What the functions and commands run. */
const functionParties = {
  run: {
    name: 'run of the refresh function',
    async make(world) {
      const steps = refreshPlan(pipeline).steps.filter(({ name }) => name !== 'skipped' && name !== 'trim');
      const [[started]] = (await world.warehouse.query('select getdate()')) as [[string]];
      const values = { ...ofRun(world), started };
      return steps.map((step) => ({ step, values }));
    },
  },
  merge: { name: 'merge', make: async (world) => [{ step: stepOf('merge'), values: ofRun(world) }] },
  mergeBefore: {
    name: 'merge of the functions before',
    make: async (world) => [{ step: stepOf('merge', before), values: ofRun(world) }],
  },
  complete: {
    name: 'end of a run',
    make: async (world) => [{ step: stepOf('complete'), values: { ...ofRun(world), run_id: world.mergedRun } }],
  },
  skipped: {
    name: 'search for skipped records',
    make: async (world) => [{ step: stepOf('skipped'), values: ofRun(world) }],
  },
  undecoded: {
    name: 'unload of records to decode',
    make: async (world) => [
      {
        step: stepOf('undecoded', decoding),
        values: { undecoded: `s3://work/${world.nextRun()}/`, unload_role: roleArn('unload'), key: 'arn:key' },
      },
    ],
  },
  raising: {
    name: 'reject of a record that raises',
    async make(world) {
      const { shardId, sequenceNumber } = world.warehouse.positionOf(firstLanded);
      const raised = [{ key: `${shardId}:${sequenceNumber.padStart(128, '0')}`, reason: 'raised: x' }];
      const values = { run_id: world.nextRun(), raised: JSON.stringify(raised) };
      return [{ step: transaction('record', refreshPlan(pipeline).raising!.record), values }];
    },
  },
  expire: {
    name: 'deletion of expired rows',
    make: async (world) => [{ step: stepOf('expire', keeping), values: { run_id: world.nextRun() } }],
  },
  trim: { name: 'trim', make: only(stepOf('trim')) },
  idle: {
    name: 'idle run',
    make: async ({ started }) => [{ step: refreshPlan(pipeline).idle!.step, values: { started } }],
  },
  load: { name: 'load', make: (world) => load(world, 'logs', newLines) },
  loadBefore: {
    name: 'load of the functions before',
    make: (world) => load(world, 'logs', lateLines, before),
  },
  archive: {
    name: 'load of the archive',
    make: (world) => load(world, 'archive', [world.warehouse.archived(archivedRecord)]),
  },
  reload: {
    name: 'reload',
    async make(world) {
      const { warehouse } = world;
      const object = await warehouse.put('shop/1.gz', loadedLines);
      const values = {
        ...(await warehouse.loadValues([object])),
        run_id: world.nextRun(),
        replaced: world.loadedRun,
      };
      return [{ step: transaction('reload', source('logs').reload.inPlace.statements), values }];
    },
  },
  origins: {
    name: 'origins',
    async make({ loadedRun }) {
      const text = loadedLines.at(-1)!;
      const digest = createHash('sha256')
        .update(JSON.stringify(JSON.parse(text)))
        .digest('hex');
      const places = JSON.stringify([{ digest, copy: 1, url: 's3://history/shop/1.gz', line: loadedLines.length }]);
      const values = { run_id: loadedRun, places };
      return [{ step: transaction('origins', loadPlan(pipeline).origins.place), values }];
    },
  },
  retry: {
    name: 'retry',
    make: async (world) => [{ step: transaction('retry', retryStatements(pipeline)), values: ofRun(world) }],
  },
  lastMerge: {
    name: 'last merge of a landing view',
    async make(world) {
      const [step] = JSON.parse(objectOf(pipeline, 'Landing').properties.delete) as Step[];
      return [{ step: step!, values: ofRun(world) }];
    },
  },
  fill: { name: 'fill', make: only(fillStep, fillValues) },
  unmark: {
    name: 'removal of the marks of a smoke test',
    // No row has the mark, so that the counts stay comparable.
    make: only(
      transaction(
        'unmark',
        removalStatements({
          pipeline,
          mark: 'smoke',
          column: pipeline.columns[0]!,
          stream: [],
          object: { key: 'shop/smoke.gz', body: Buffer.alloc(0) },
          expected: { events: 0, duplicates: 0, rejects: 0 },
          eventIds: [],
        }),
      ),
    ),
  },
  mark: { name: 'marks of subjects', make: async (world) => [marks(world)] },
  erase: {
    name: 'erasure',
    make: async (world) => [
      marks(world),
      {
        step: transaction('erase', eraseStatements(pipeline).statements),
        values: { run_id: world.nextRun(), raised: '[]' },
      },
    ],
  },
  swap: {
    name: 'swap of an object',
    async make({ loadedObject }) {
      const objects = (more: object) => ({ objects: JSON.stringify([{ ...loadedObject, ...more }]) });
      return [
        { step: transaction('claim', claimStatements(pipeline)), values: objects({ rewriteId: 'mine' }) },
        { step: transaction('swap', swapStatements(pipeline)), values: objects(swapped) },
      ];
    },
  },
  swept: {
    name: 'end of an erasure',
    make: only(transaction('swept', sweptStatements(pipeline)), { run_id: 'marked', swept_at: '2026-11-21 10:00:00' }),
  },
  publish: {
    name: 'record of a publication',
    make: only(transaction('record', exportPlan(pipeline).exports[0]!.record), {
      publications: JSON.stringify([publication]),
    }),
  },
  list: { name: 'listing', make: (world) => listing(world, reconcilePlan(pipeline).list, 'shop/9.gz') },
  append: { name: 'more of a listing', make: (world) => listing(world, reconcilePlan(pipeline).append, appendedKey) },
} as const satisfies Readonly<Record<string, Party>>;

/** By the name under which the reports list them. */
export const parties = { ...functionParties, ...deploymentParties } as const satisfies Readonly<Record<string, Party>>;

export type PartyName = keyof typeof parties;
export const partyNames = Object.keys(parties) as PartyName[];
