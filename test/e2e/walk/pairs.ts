import type { Column, Pipeline } from '../../../pipelines/definition';
import type { Deployed, Tree } from '../../support/deployed-cloud';
import { simPipeline as sim } from '../../support/pipeline';

/** An edit of what is deployed, as a test deploys it. */
export interface Pair {
  readonly kind: string;
  readonly from: Tree;
  readonly to: Tree;
  /** True of every event of the first pipeline while the old tree is deployed. */
  readonly held?: string;
  /** True of every event of the first pipeline once the new tree is. */
  readonly holds?: string;
}

const view = (name: string, query: string) => ({ name, query, file: `views/${name}.sql` });
const hourly = (amount: string) =>
  view(
    'hourly',
    `select date_trunc('hour', occurred_at) as hour, count(*) as events, ${amount} as amount
from sim.events
group by date_trunc('hour', occurred_at)`,
  );
const daily = view(
  'daily',
  "select date_trunc('day', hour) as day, sum(events) as events from sim.hourly group by date_trunc('day', hour)",
);
const large = view('large', 'select event_id, id, events.amount from sim.events where events.amount >= 10');

const base: Pipeline = { ...sim, views: [hourly('sum(events.amount)'), large] };
const edited = (edit: Partial<Pipeline>): Tree => [{ ...base, ...edit }];
const withViews = (...views: Pipeline['views'][number][]): Tree => edited({ views });
const withAmount = (change: Partial<Column>): Column[] =>
  sim.columns.map((column) => (column.name === 'amount' ? ({ ...column, ...change } as Column) : column));

const other: Deployed = {
  ...sim,
  name: 'other',
  views: [view('hourly', hourly('sum(events.amount)').query.replace('sim.', 'other.'))],
};
const label: Column = { name: 'label', path: ['label'], type: 'varchar', maxBytes: 20 };
const labelled = edited({ columns: [...sim.columns, label] });
const keeping: Tree = [base, { ...other, retainData: true }];
const old: Tree = [base];
const recreated = { ...sim.stream, recreatedAt: '2026-11-21T00:30:00Z' };
const arrivals = sim.exports[0]!;

/** Of every four records one identity makes one event, another one two. */
const identified = (by: 'four' | 'two'): Tree =>
  edited({
    identity: { by: 'columns', columns: [by] },
    columns: [
      ...sim.columns,
      ...['four', 'two'].map((name): Column => ({ name, path: [name], type: 'bigint', required: true })),
    ],
    views: base.views.map((one) => ({ ...one, mayShrink: 1 })),
  });
const [fours, twos] = [identified('four'), identified('two')];

const amountHolds = 'amount = substring(id, 2)::bigint';
const labelHolds = "label = 'label ' || substring(id, 2)";

export const pairs: readonly Pair[] = [
  { kind: 'view edited', from: old, to: withViews(hourly('max(events.amount)'), large) },
  { kind: 'view added', from: withViews(hourly('sum(events.amount)')), to: old },
  { kind: 'view removed', from: old, to: withViews(hourly('sum(events.amount)')) },
  {
    kind: 'view edited that another one reads',
    from: withViews(hourly('sum(events.amount)'), daily),
    to: withViews(hourly('max(events.amount)'), daily),
  },
  { kind: 'landing view edited', from: old, to: edited({ stream: recreated }) },
  {
    kind: 'column added and filled',
    from: old,
    to: edited({ columns: [...sim.columns, { ...label, fill: true }] }),
    holds: labelHolds,
  },
  {
    kind: 'column with another type',
    from: old,
    to: edited({
      columns: withAmount({ type: 'decimal', precision: 18, scale: 2, stored: 'amount_2', fill: true }),
    }),
    held: amountHolds,
    holds: 'amount = substring(id, 2)::decimal(18, 2)',
  },
  {
    kind: 'column renamed',
    from: old,
    to: edited({
      columns: withAmount({ name: 'price', stored: 'amount' }),
      views: [hourly('sum(events.price)'), view('large', large.query.replaceAll('events.amount', 'events.price'))],
      exports: [{ ...arrivals, query: 'select event_id, id, price, arrived_at from sim.events' }],
    }),
    held: amountHolds,
    holds: 'price = substring(id, 2)::bigint',
  },
  {
    kind: 'column retired',
    from: labelled,
    to: old,
    held: labelHolds,
    holds: amountHolds,
  },
  {
    kind: 'text made longer',
    from: labelled,
    to: edited({ columns: [...sim.columns, { ...label, stored: 'label_2', maxBytes: 40, fill: true }] }),
    held: labelHolds,
    holds: labelHolds,
  },
  {
    kind: 'landing view, column and view edited',
    from: old,
    to: edited({
      stream: recreated,
      columns: [...sim.columns, { ...label, fill: true }],
      views: [hourly('max(events.amount)'), large, view('labels', 'select event_id, events.label from sim.events')],
    }),
    holds: labelHolds,
  },
  {
    kind: 'export edited',
    from: old,
    to: edited({ exports: [{ ...arrivals, query: 'select event_id, id, arrived_at from sim.events' }] }),
  },
  { kind: 'export removed', from: old, to: edited({ exports: [] }) },
  { kind: 'identity made finer', from: fours, to: twos, held: amountHolds, holds: amountHolds },
  { kind: 'identity made coarser', from: twos, to: fours, held: amountHolds, holds: amountHolds },
  { kind: 'pipeline added', from: old, to: [base, other] },
  { kind: 'pipeline removed with its data', from: [base, other], to: old },
  { kind: 'pipeline removed, its data kept', from: keeping, to: old },
  { kind: 'data no longer kept', from: keeping, to: [base, other] },
];
