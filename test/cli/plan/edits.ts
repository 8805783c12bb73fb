import { join } from 'node:path';
import { readManifest } from '../../../cli/dbt/manifest';
import { readRelations } from '../../../cli/dbt/relations';
import type { Facts } from '../../../cli/plan/facts';
import type { Problem, Sides } from '../../../cli/plan/plan';
import { type ObjectState, treeStates } from '../../../cli/plan/state';
import type { Environment } from '../../../environments/environment';
import type { Column, EndpointDefinition, Pipeline } from '../../../pipelines/definition';
import { anExport, aSource, aView } from '../../sql/fixtures';
import { prod, shop, visits, withColumn, withView } from './sample';

/** One edit of the sample: what is deployed, the tree, and what the warehouse says. */
export interface Edit {
  readonly before?: readonly Pipeline[];
  readonly after?: readonly Pipeline[];
  readonly environmentBefore?: Environment;
  readonly environmentAfter?: Environment;
  /** False: nobody is asked. @default - 20,588 events, merged two minutes ago */
  readonly facts?: Partial<Facts> | false;
  readonly problems?: readonly Problem[];
  /** Changes what is deployed beyond what pipelines can say. */
  readonly deployed?: (states: ObjectState[]) => ObjectState[];
  /** True for a plan with the dbt project of manifest.json. It leaves statements out. @default false */
  readonly dbt?: boolean;
  /** @default true */
  readonly statements?: boolean;
}

const now = Date.parse('2026-11-21T12:00:00Z');
const merged = (minutesAgo: number, gaps: Facts['pipelines'] extends ReadonlyMap<string, infer T> ? T : never) =>
  new Map([['shop', { ...gaps, mergedUntil: now - minutesAgo * 60_000 }]]);
const noGaps = { mergedUntil: null, gaps: [] };
const facts: Facts = {
  now,
  rows: new Map([
    ['shop.events_51d923f4', 20_588],
    ['shop.duplicates_51d923f4', 588],
    ['shop.rejects_51d923f4', 118],
    ['visits.events_51d923f4', 1_204_311],
    ['visits.duplicates_51d923f4', 12],
  ]),
  pipelines: merged(2, noGaps),
  losses: new Map(),
  expiries: new Map(),
  rebuilds: new Map([['shop', { duplicates: 588, landed: 71 }]]),
};

/** What dbt parse wrote for the project of the sample with a few models, without the fields that nothing reads. */
const manifest = { ...readManifest(join(__dirname, 'manifest.json')), file: 'target/manifest.json' };

export function sidesOf({ before = [shop()], after = [shop()], ...edit }: Edit): Sides {
  const deployed = treeStates(edit.environmentBefore ?? prod(), before);
  return {
    before: edit.deployed?.(deployed) ?? deployed,
    after: treeStates(edit.environmentAfter ?? edit.environmentBefore ?? prod(), after),
    ...(edit.dbt && { dbt: { manifest, relations: readRelations(after) } }),
    ...(edit.facts !== false && { facts: { ...facts, ...edit.facts } }),
  };
}

const ranked = {
  ...aView(
    'ranked',
    '-- one row per sale\nselect e.kind, e.amount,\n  rank() over (partition by e.kind order by e.amount) as place\nfrom shop.events e\nleft join shop.sold s on s.at = e.at',
  ),
  recomputed: true,
};

/** Another definition of the landing view than the one of this version of Millrace. */
const olderLanding = (states: ObjectState[]) =>
  states.map((state) => {
    if (state.kind !== 'landing-view') return state;
    const { version } = state;
    return JSON.parse(JSON.stringify(state).replaceAll(version, '0ld0ld00')) as ObjectState;
  });

const [sold, hourly] = shop().views as [Pipeline['views'][number], Pipeline['views'][number]];
const [sales] = shop().exports as [Pipeline['exports'][number]];
const idAndAt = { by: 'columns', columns: ['id', 'at'] } as const;
const note = { name: 'note', path: ['note'], type: 'varchar', maxBytes: 32 } as const;
const renamed = (name: string) => withColumn('kind', { name, stored: 'kind' });
const stream = shop().stream;

const sold_since = { type: 'timestamp' } as const;
const most = { type: 'integer', min: 1, max: 100, default: 10 } as const;
const revenue: EndpointDefinition = {
  name: 'revenue',
  query: `select hour, amount from shop.hourly_sold
where true [[ and hour >= :sold_since ]]
order by hour desc
limit :most`,
  file: 'pipelines/shop/endpoints/revenue.sql',
  params: { sold_since, most },
};
const withEndpoint = (changes: Partial<EndpointDefinition> = {}) => shop({ endpoints: [{ ...revenue, ...changes }] });
/** Loses a column, another gets another type, one is new; a parameter is gone, one is required and one is narrower. */
const breaking: Partial<EndpointDefinition> = {
  query: `select amount::double precision as amount, kind from shop.sold
where at >= :sold_until and kind = :kind
order by 1
limit :most`,
  params: {
    sold_until: sold_since,
    kind: { type: 'varchar', oneOf: ['sale'] },
    most: { ...most, max: 50, default: 20 },
  },
  maxRows: 50,
  tenant: 'kind',
};

/** Two dozen and more, each with a golden plan of its name. */
export const edits: Readonly<Record<string, Edit>> = {
  nothing: {},
  'white-space-and-comments': {
    after: [withView('sold', "-- what was sold\nSELECT kind,  amount, at\nFROM shop.events WHERE kind = 'sale'")],
  },
  'view-edited': {
    after: [withView('hourly_sold', hourly.query.replace('sum(amount)', 'sum(amount * 100)'))],
  },
  'view-that-another-one-reads': { after: [withView('sold', `${sold.query} and amount > 0`)] },
  'view-gets-and-loses-columns': {
    after: [
      withView(
        'hourly_sold',
        "select date_trunc('hour', at) as hour, count(*) as sales from shop.sold group by date_trunc('hour', at)",
      ),
    ],
  },
  'view-edited-offline': {
    after: [withView('hourly_sold', hourly.query.replace('sum(amount)', 'max(amount)'))],
    facts: false,
  },
  'view-edited-with-open-gaps': {
    after: [withView('hourly_sold', hourly.query.replace('sum(amount)', 'max(amount)'))],
    facts: {
      pipelines: merged(2, { mergedUntil: null, gaps: [{ from: '2026-11-19 08:00:00', to: '2026-11-19 11:00:00' }] }),
    },
  },
  'view-added-that-is-recomputed': { after: [shop({ views: [sold, hourly, ranked] })] },
  'view-edited-that-is-recomputed-offline': {
    before: [shop({ views: [sold, hourly, ranked] })],
    after: [shop({ views: [sold, hourly, { ...ranked, query: ranked.query.replace('rank()', 'dense_rank()') }] })],
    facts: false,
  },
  'view-added': {
    after: [
      shop({
        views: [sold, hourly, aView('returned', "select kind, amount, at from shop.events where kind = 'return'")],
      }),
    ],
  },
  'view-removed': { after: [shop({ views: [sold] })] },
  'view-renamed': {
    after: [shop({ views: [sold, { ...hourly, name: 'sold_by_hour', file: 'views/sold_by_hour.sql' }] })],
  },
  'column-added': { after: [shop({ columns: [...shop().columns, note] })] },
  'column-added-and-filled': { after: [shop({ columns: [...shop().columns, { ...note, fill: true }] })] },
  'column-of-another-type-beside-the-old-one': {
    after: [withColumn('amount', { type: 'double', stored: 'amount_2', fill: true })],
  },
  'column-filled-once': {
    before: [shop({ columns: [...shop().columns, { ...note, fill: true }] })],
    after: [shop({ columns: [...shop().columns, note] })],
  },
  'column-renamed': {
    after: [
      shop({
        ...renamed('sort'),
        views: [
          aView('sold', "select e.sort as kind, e.amount, e.at from shop.events e where e.sort = 'sale'"),
          hourly,
        ],
      }),
    ],
  },
  'column-retired': { before: [shop({ columns: [...shop().columns, note] })] },
  'column-of-another-type': { after: [withColumn('amount', { type: 'double' })] },
  'column-widened': { after: [withColumn('kind', { maxBytes: 64 })] },
  'column-narrowed': { after: [withColumn('kind', { maxBytes: 6 })] },
  'column-required-and-read-elsewhere': { after: [withColumn('amount', { required: true, path: ['order', 'total'] })] },
  'identity-finer': { after: [shop({ identity: idAndAt })] },
  'identity-finer-offline': { after: [shop({ identity: idAndAt })], facts: false, statements: false },
  'identity-coarser': {
    before: [shop({ identity: idAndAt })],
    after: [shop({ identity: { by: 'columns', columns: ['id'], mayReject: true } })],
    facts: { rows: new Map([['shop.events_fe91a638', 20_588]]) },
    statements: false,
  },
  'identity-by-position': { after: [shop({ identity: { by: 'stream-position' } })], statements: false },
  'identity-by-columns-instead-of-position': {
    before: [shop({ identity: { by: 'stream-position' } })],
    facts: { rows: new Map([['shop.events_5855b12e', 20_588]]) },
    statements: false,
  },
  'identity-column-of-another-type': {
    after: [withColumn('id', { type: 'bigint' })],
    statements: false,
  },
  'identity-changed-with-the-type-of-a-column': {
    after: [
      {
        ...withColumn('amount', { type: 'bigint', stored: 'amount_2', fill: true }),
        identity: idAndAt,
      },
    ],
    statements: false,
  },
  'identity-changed-with-the-landing-view': {
    deployed: olderLanding,
    after: [shop({ identity: idAndAt })],
    statements: false,
  },
  'identity-changed-before-the-first-event': {
    after: [shop({ identity: idAndAt })],
    facts: { rows: new Map([['shop.events_51d923f4', 0]]) },
    statements: false,
  },
  'stream-recreated': { after: [shop({ stream: { ...stream, recreatedAt: '2026-11-21T10:00:00Z' } })] },
  'landing-view-edited': { deployed: olderLanding },
  'landing-view-edited-too-late': {
    deployed: olderLanding,
    facts: {
      pipelines: merged(3120, noGaps),
      losses: new Map([
        [
          treeStates(prod(), [shop()]).find(({ kind }) => kind === 'landing-view')!.name,
          'the last merge that is known to be complete reaches to 2026-11-19 08:00, 52 h ago, the stream keeps 48 h and a deployment may take 1 h: what arrived in 5 h would be neither merged nor on the stream. Let a refresh succeed first',
        ],
      ]),
    },
  },
  'retention-raised': { after: [shop({ stream: { ...stream, retentionHours: 168 } })] },
  'retention-lowered': { after: [shop({ stream: { ...stream, retentionHours: 24 } })] },
  'retention-lowered-too-far': {
    after: [shop({ stream: { ...stream, retentionHours: 24 } })],
    facts: { pipelines: merged(30 * 60, noGaps) },
  },
  'expiry-added': {
    after: [shop({ retention: { events: '400 days', rejects: '90 days', archive: '800 days' } })],
    facts: { expiries: new Map([['shop', { events: 12_044, rejects: 0, objects: 31 }]]) },
  },
  'expiry-added-offline': { after: [shop({ retention: { events: '400 days' } })], facts: false },
  'expiry-changed': {
    before: [shop({ retention: { events: '400 days', rejects: '90 days', archive: '800 days' } })],
    after: [shop({ retention: { events: '30 days' } })],
    facts: { expiries: new Map([['shop', { events: 1, rejects: null, objects: null }]]) },
  },
  'export-edited': {
    after: [
      shop({
        exports: [{ ...sales, query: 'select event_id, kind, amount, at from shop.events', format: { kind: 'csv' } }],
      }),
    ],
  },
  'export-added': {
    after: [
      shop({ exports: [sales, anExport('returns', "select event_id, at from shop.events where kind = 'return'")] }),
    ],
  },
  'endpoint-added': { after: [withEndpoint()] },
  'endpoint-edited': {
    before: [withEndpoint()],
    after: [
      withEndpoint({
        query: revenue.query.replace('select hour, amount', 'select amount, hour, hour::date as day'),
        params: { sold_since, most: { ...most, max: 200, default: 20 } },
        timeoutSeconds: 10,
      }),
    ],
  },
  'endpoint-that-breaks-its-readers': { before: [withEndpoint()], after: [withEndpoint(breaking)] },
  'endpoint-that-may-break-its-readers': {
    before: [withEndpoint()],
    after: [withEndpoint({ ...breaking, allowBreaking: true })],
  },
  'endpoint-removed': { before: [withEndpoint()], after: [shop()] },
  'endpoint-removed-that-may-break-its-readers': {
    before: [withEndpoint({ allowBreaking: true })],
    after: [shop({ endpoints: [{ ...revenue, name: 'revenue_2' }] })],
  },
  'export-removed': { after: [shop({ exports: [] })], environmentAfter: prod({ partners: [] }) },
  'schedule-and-capacity-changed': {
    after: [shop({ refreshEveryMinutes: 1, stream: { ...stream, capacity: { mode: 'provisioned', shards: 4 } } })],
  },
  'history-added': { after: [shop({ history: [aSource()] })] },
  'pipeline-added': { after: [shop(), visits()], facts: { rows: new Map([['shop.events_51d923f4', 20_588]]) } },
  'pipeline-removed': { before: [shop(), visits()] },
  'pipeline-to-be-dropped': {
    before: [shop(), visits()],
    after: [shop(), visits()],
    environmentAfter: prod({ dropData: ['visits'] }),
  },
  'pipeline-removed-with-its-data': {
    before: [shop(), visits()],
    environmentBefore: prod({ dropData: ['visits'] }),
    environmentAfter: prod(),
  },
  'pipeline-removed-long-ago': {
    deployed: (states) => [
      ...states,
      ...treeStates(prod(), [visits()]).filter(
        ({ pipeline, onRemoval }) => pipeline === 'visits' && onRemoval === 'keep',
      ),
    ],
  },
  'partner-added-and-another-removed': {
    environmentAfter: prod({
      partners: [
        {
          name: 'auditor',
          who: { kind: 'aws', principal: 'arn:aws:iam::444455556666:root' },
          access: { mode: 'read', exports: ['shop.sales'] },
          externalId: { kind: 'generated' },
        },
      ],
    }),
  },
  'table-moved': {
    deployed: (states) =>
      states
        .filter(({ name }) => name !== 'shop.events')
        .map((state) =>
          state.name === 'shop.events_51d923f4' ? { ...state, name: 'shop.events', onRemoval: 'drop' } : state,
        ),
  },
  'first-deployment': { before: [], deployed: () => [], facts: false, statements: false },
  'everything-at-once': {
    before: [shop(), visits()],
    after: [
      shop({
        columns: [...shop().columns, note],
        views: [{ ...sold, query: `${sold.query} and amount > 0` }, hourly],
        refreshEveryMinutes: 1,
        exports: [],
      }),
    ],
    environmentAfter: prod({ partners: [] }),
  },
  'dbt-nothing-is-lost': { after: [shop({ columns: [...shop().columns, note] })], dbt: true },
  'dbt-column-renamed': {
    after: [
      {
        ...renamed('sort'),
        views: [{ ...sold, query: "select sort as kind, amount, at from shop.events where sort = 'sale'" }, hourly],
      },
    ],
    dbt: true,
  },
  'dbt-column-of-another-type': {
    after: [withColumn('amount', { type: 'bigint', stored: 'amount_2', fill: true } as Partial<Column>)],
    dbt: true,
  },
  'dbt-column-widened': {
    after: [withColumn('amount', { precision: 12, stored: 'amount_2', fill: true } as Partial<Column>)],
    dbt: true,
  },
  'dbt-view-loses-a-column': {
    after: [
      withView('hourly_sold', "select date_trunc('hour', at) as hour from shop.sold group by date_trunc('hour', at)"),
    ],
    dbt: true,
  },
  'dbt-view-renamed': { after: [shop({ views: [sold, { ...hourly, name: 'sold_by_hour' }] })], dbt: true },
  'dbt-view-removed': { after: [shop({ views: [sold] })], dbt: true },
  'dbt-pipeline-renamed': {
    after: [
      shop({
        name: 'store',
        views: shop().views.map((view) => ({ ...view, query: view.query.replaceAll('shop.', 'store.') })),
        exports: [],
      }),
    ],
    dbt: true,
  },
};
