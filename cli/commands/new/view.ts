import type { Column } from '../../../pipelines/definition';
import { type Span, spansOf } from '../../../pipelines/generator/replay-spans';
import { readTime } from '../../../pipelines/generator/replay-times';
import type { NewPipeline } from './make-plan';

/** The first view of a new pipeline: what happened per hour, or per value where records have no time. */
export interface FirstView {
  readonly name: string;
  readonly sql: string;
}

/** Columns that the view has. */
interface Shape {
  readonly hour?: NonNullable<NewPipeline['time']>;
  readonly group?: Column;
  readonly sum?: Column;
}

export function shapeOf({ time, dimension, measure }: NewPipeline): Shape & { readonly name: string } {
  const name = time ? 'hourly_events' : dimension ? `events_by_${dimension.name}`.slice(0, 60) : 'totals';
  return {
    name,
    ...(time && { hour: time }),
    ...(dimension && { group: dimension }),
    ...(measure && { sum: measure }),
  };
}

export function viewOf(plan: NewPipeline): FirstView {
  const shape = shapeOf(plan);
  return { name: shape.name, sql: sqlOf(plan.name, shape) };
}

const inUtc = ({ name, type }: NonNullable<Shape['hour']>) =>
  type === 'timestamptz' ? `${name} at time zone 'UTC'` : name;

function sqlOf(pipeline: string, { hour, group, sum }: Shape): string {
  const keys = [
    ...(hour ? [{ expression: `date_trunc('hour', ${inUtc(hour)})`, name: 'hour' }] : []),
    ...(group ? [{ expression: group.name, name: group.name }] : []),
  ];
  const items = [
    ...keys.map(({ expression, name }) => (expression === name ? name : `${expression} as ${name}`)),
    'count(*) as events',
    ...(sum ? [`sum(${sum.name}) as ${sum.name}_sum`] : []),
    ...(hour ? [`max(${inUtc(hour)}) as last_at`] : []),
  ];
  const what = hour ? 'an hour in which events happened' : group ? 'a value' : 'all events';
  const by = group && hour ? `, for each ${group.name}` : group ? ` of ${group.name}` : '';
  const grain = keys.map(({ name }) => (name === 'hour' ? 'hour (UTC)' : name)).join(', ') || 'one row in all';
  return `${[
    `-- One row: ${what}${by}, and how many there were.`,
    `-- Grain: ${grain}.`,
    '-- COUNT, SUM and MAX only, so that it is refreshed incrementally.',
    'select',
    items.map((item) => `  ${item}`).join(',\n'),
    `from ${pipeline}.events`,
    ...(keys.length > 0 ? [`group by ${keys.map(({ expression }) => expression).join(', ')}`] : []),
  ].join('\n')}\n`;
}

const HOUR_MS = 3_600_000;
/** Records of the test. The first one is sent twice. */
const testRecords = 3;

/** The YAML of the view's test: records of the sample, and the rows that they make. */
export function viewTest(plan: NewPipeline, sample: readonly string[]): string {
  const shape = shapeOf(plan);
  const paths = neededPaths(plan, shape);
  const records = sample.slice(0, testRecords).map((json) => shortened(json, paths));
  const once = plan.identity !== undefined;
  const counted = once ? records : [records[0]!, ...records];
  const name = once
    ? 'a record that is sent twice counts once'
    : 'a record that is sent twice counts twice, since its position is its identity';
  return [
    `- name: ${name}`,
    '  events:',
    ...[records[0]!, ...records].map((json) => `    - ${scalar(json)}`),
    '  rows:',
    ...rowsOf(counted, shape).map((row) => `    - { ${row.map(([key, value]) => `${key}: ${value}`).join(', ')} }`),
    '',
  ].join('\n');
}

/** A text in YAML, whatever is in it. */
const scalar = (text: string) => `'${text.replaceAll("'", "''")}'`;

const neededPaths = (plan: NewPipeline, { hour, group, sum }: Shape): (readonly string[])[] =>
  plan.columns
    .filter((column) => column.required || [hour?.name, group?.name, sum?.name].includes(column.name))
    .map(({ path }) => path);

/** The record with these paths alone, each value as it was written. */
function shortened(json: string, paths: readonly (readonly string[])[]): string {
  const root = new Map<string, unknown>();
  for (const [index, span] of spansOf(json, paths).entries()) {
    if (span === undefined) continue;
    let place = root;
    const path = paths[index]!;
    for (const name of path.slice(0, -1)) {
      const next = (place.get(name) as Map<string, unknown> | undefined) ?? new Map<string, unknown>();
      place.set(name, next);
      place = next;
    }
    place.set(path.at(-1)!, json.slice(...span));
  }
  return written(root);
}

function written(value: unknown): string {
  if (!(value instanceof Map)) return value as string;
  return `{${[...value].map(([name, inner]) => `${JSON.stringify(name)}:${written(inner)}`).join(',')}}`;
}

type Cell = readonly [column: string, value: string];

/** The rows that the view must have, computed apart from the warehouse. */
function rowsOf(records: readonly string[], { hour, group, sum }: Shape): Cell[][] {
  const groups = new Map<string, { keys: Cell[]; sums: (string | undefined)[]; times: number[]; events: number }>();
  let isExact = true;
  for (const json of records) {
    const at = hour && timeOf(json, hour);
    if (at !== undefined && !at.isExact) isExact = false;
    const keys: Cell[] = [
      ...(hour ? [['hour', at ? scalar(utc(Math.floor(at.at / HOUR_MS) * HOUR_MS)) : 'null'] as const] : []),
      ...(group ? [[group.name, groupText(json, group)] as const] : []),
    ];
    const key = JSON.stringify(keys);
    const row = groups.get(key) ?? { keys, sums: [], times: [], events: 0 };
    groups.set(key, row);
    row.events += 1;
    if (sum) row.sums.push(textAt(json, sum.path));
    if (at) row.times.push(at.at);
  }
  return [...groups.values()].map(({ keys, sums, times, events }) => [
    ...keys,
    ['events', String(events)],
    ...(sum ? [[`${sum.name}_sum`, total(sums)] as const] : []),
    ...(hour && isExact ? [['last_at', times.length > 0 ? scalar(utc(Math.max(...times))) : 'null'] as const] : []),
  ]);
}

/** A time in milliseconds, and whether these are all of its digits. */
function timeOf(json: string, { path, ...column }: NonNullable<Shape['hour']>) {
  const text = textAt(json, path);
  const convert = 'convert' in column ? column.convert : undefined;
  const form = convert === 'epochseconds' || convert === 'epochmillis' ? convert : 'iso';
  const time = text === undefined ? undefined : readTime(JSON.parse(text), form);
  return time && { at: time.at, isExact: form === 'iso' ? !/[.,]\d{4}/.test(text!) : Number.isInteger(time.at) };
}

function textAt(json: string, path: readonly string[]): string | undefined {
  const [span] = spansOf(json, [path]) as [Span | undefined];
  const text = span && json.slice(...span);
  return text === 'null' ? undefined : text;
}

function groupText(json: string, { path }: Column): string {
  const text = textAt(json, path);
  return text === undefined ? 'null' : scalar(JSON.parse(text) as string);
}

const utc = (epochMs: number) => new Date(epochMs).toISOString().replace('.000Z', 'Z');

/** The exact sum of decimals, as a text that YAML keeps. */
function total(texts: readonly (string | undefined)[]): string {
  const present = texts.filter((text) => text !== undefined);
  if (present.length === 0) return 'null';
  const places = Math.max(...present.map((text) => (text.split('.')[1] ?? '').length));
  const scaled = present.reduce((sum, text) => {
    const [whole, fraction = ''] = text.replace('-', '').split('.') as [string, string?];
    const value = BigInt(whole + fraction.padEnd(places, '0'));
    return text.startsWith('-') ? sum - value : sum + value;
  }, 0n);
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(places + 1, '0');
  const text = places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
  return scalar(`${scaled < 0n ? '-' : ''}${text}`);
}
