import type { Column, Pipeline } from '../../../../pipelines/definition';
import type { ExpectedRow } from '../../../../pipelines/test-file';
import type { ViewTest } from '../../../../pipelines/view-tests';
import { tokenize } from '../../../../sql/text/tokens';
import { type OutputColumn, outputColumns } from '../../../../sql/views/output-columns';
import { Failure } from '../../../failure';
import { eventTimeScore } from '../../../profile';
import { instantOf, sampleEvent } from './sample-event';

/** What a new view, export or endpoint consists of. */
export interface Draft {
  readonly sql: string;
  /** The YAML of its tests. Exports have none. */
  readonly tests?: string;
  /** Its entry in pipeline.ts. @default - none is needed */
  readonly options?: object;
}

const kindOf = (type: string | undefined) => (type ?? '').replace(/\(.*/, '');

/** A column with the time of the event, and how it reads in UTC. */
interface Time {
  readonly name: string;
  readonly isDate: boolean;
  readonly inUtc: string;
}

/** Names that views give to the time by which they group. */
const units = /^(minute|hour|day|week|month)$/;

/** The time that most likely is that of the row: by its type, then by its name. */
function timeOf(
  columns: readonly { readonly name?: string; readonly type?: string }[],
  isView: boolean,
): Time | undefined {
  const times = ['timestamp', 'timestamptz', 'date'];
  const score = (name: string, type: string) =>
    (isView && units.test(name) ? 10 : eventTimeScore(name)) - times.indexOf(type) * 0.1;
  const found = columns
    .flatMap(({ name, type }) =>
      name !== undefined && times.includes(kindOf(type)) ? [{ name, type: kindOf(type) }] : [],
    )
    .sort((one, other) => score(other.name, other.type) - score(one.name, one.type))[0];
  if (!found) return undefined;
  const { name, type } = found;
  return { name, isDate: type === 'date', inUtc: type === 'timestamptz' ? `${name} at time zone 'UTC'` : name };
}

/** A view of what happened in each hour, or of how much happened in all. */
export function viewDraft(pipeline: Pipeline): Draft {
  const time = timeOf(pipeline.columns, false);
  const unit = time?.isDate ? 'day' : 'hour';
  const key = time?.isDate ? time.name : `date_trunc('hour', ${time?.inUtc})`;
  const sql = [
    time
      ? `-- One row: a${unit === 'hour' ? 'n' : ''} ${unit} in which events happened, and how many there were.`
      : '-- One row: how many events there are.',
    time ? `-- Grain: ${unit} (UTC).` : '-- Grain: one row in all.',
    '-- COUNT only, so that it is refreshed incrementally.',
    'select',
    ...(time ? [`  ${key} as ${unit},`] : []),
    '  count(*) as events',
    `from ${pipeline.name}.events`,
    ...(time ? [`group by ${key}`] : []),
  ];
  return { sql: `${sql.join('\n')}\n`, tests: viewTests(pipeline, time) };
}

/** Two events, the first of them sent twice, and the rows that they make. */
function viewTests(pipeline: Pipeline, time: Time | undefined): string {
  const events = [0, 0, 1].map((n) => sampleEvent(pipeline, n, time ? [time.name] : []));
  const first = pipeline.identity.by === 'columns' ? 1 : 2;
  const hourOf = (n: number) => `${instantOf(n).toISOString().slice(0, 13)}:00:00Z`;
  const rows = !time
    ? [{ events: first + 1 }]
    : time.isDate
      ? [{ day: instantOf(0).toISOString().slice(0, 10), events: first + 1 }]
      : [
          { hour: hourOf(0), events: first },
          { hour: hourOf(1), events: 1 },
        ];
  const name =
    first === 1
      ? 'an event that is sent twice counts once'
      : 'an event that is sent twice counts twice, since its position is its identity';
  return yaml([{ name, events, rows }]);
}

/** A test as a file has it: an event, a row or a list in each line, in JSON, which is YAML too. */
interface TestText {
  readonly name: string;
  readonly events?: readonly unknown[];
  readonly [field: string]: unknown;
}

const yaml = (tests: readonly TestText[]) =>
  tests
    .map(({ name, ...fields }) =>
      [
        `- name: ${JSON.stringify(name)}`,
        ...Object.entries(fields).flatMap(([field, value]) =>
          Array.isArray(value) && value.length > 0 && field !== 'refused'
            ? [`  ${field}:`, ...value.map((each) => `    - ${JSON.stringify(each)}`)]
            : [`  ${field}: ${JSON.stringify(value)}`],
        ),
        '',
      ].join('\n'),
    )
    .join('');

/** What an export or an endpoint reads. */
interface Source {
  readonly name: string;
  readonly columns: readonly (OutputColumn & { readonly name: string })[];
  readonly time?: Time;
  /** True if rows are counts of others: a time that is no group changes. */
  readonly isGrouped: boolean;
}

/** @throws Failure if the pipeline has no such view */
function sourceOf(pipeline: Pipeline, of: string | undefined, kind: 'export' | 'endpoint'): Source {
  const views = pipeline.views.map(({ name }) => name);
  const allowed = kind === 'export' ? [...views, 'events'] : views;
  const name = of ?? allowed[0];
  if (name === undefined)
    throw new Failure(
      `an endpoint reads a view, and ${pipeline.name} has none: npx millrace new view ${pipeline.name} <name>`,
    );
  if (!allowed.includes(name)) throw new Failure(`--of must be one of ${allowed.join(', ')}, got '${name}'`, 2);
  const declared = pipeline.columns.map((column: Column) => column.name);
  const columns = outputColumns(pipeline, `select * from ${pipeline.name}.${name}`).flatMap((column) =>
    column.name === undefined || (name === 'events' && !['event_id', ...declared].includes(column.name))
      ? []
      : [{ ...column, name: column.name }],
  );
  const query = pipeline.views.find((view) => view.name === name)?.query ?? '';
  const words = tokenize(query).map(({ value }) => value);
  const time = timeOf(columns, name !== 'events');
  return { name, columns, ...(time && { time }), isGrouped: words.includes('group') };
}

const article = (source: Source) => (source.name === 'events' ? 'an event' : `a row of ${source.name}`);

/** An export of all columns: a file for each hour or day if rows have a time that stays, else the whole once an hour. */
export function exportDraft(pipeline: Pipeline, of: string | undefined): Draft {
  const source = sourceOf(pipeline, of, 'export');
  const { name, columns, time, isGrouped } = source;
  const isFixed = time !== undefined && (!isGrouped || units.test(time.name));
  const unit = time?.isDate || time?.name === 'day' ? 'day' : 'hour';
  const items = columns
    .filter(({ type }) => kindOf(type) !== 'varbyte')
    .map((column) =>
      kindOf(column.type) === 'timestamptz' ? `${column.name} at time zone 'UTC' as ${column.name}` : column.name,
    );
  const sql = [
    `-- One row: ${article(source)}.`,
    `-- Grain: as there${isFixed ? `; the window is ${time.name === unit ? 'that' : 'the'} ${unit}${time.name === unit ? '' : ` of ${time.name}`}` : ''}.`,
    '-- Names its columns, so that a column added there does not change the files of partners.',
    'select',
    items.map((item) => `  ${item}`).join(',\n'),
    `from ${pipeline.name}.${name}`,
  ];
  return {
    sql: `${sql.join('\n')}\n`,
    options: {
      content: isFixed
        ? { kind: 'incremental', timeColumn: time.name, window: unit, latenessMinutes: 15 }
        : { kind: 'snapshot', every: 'hour' },
      format: { kind: 'parquet' },
    },
  };
}

/** An endpoint of all columns of a view, the newest rows first. @param viewTests those of the view */
export function endpointDraft(pipeline: Pipeline, of: string | undefined, viewTests: readonly ViewTest[]): Draft {
  const source = sourceOf(pipeline, of, 'endpoint');
  const { name, columns, time } = source;
  const text = columns.find(({ type }) => kindOf(type) === 'varchar');
  const order = [...(time ? [`${time.name} desc`] : []), ...(text ? [text.name] : [])];
  if (order.length === 0) order.push(columns.find(({ type }) => kindOf(type) !== 'super')?.name ?? '1');
  const sql = [
    `-- One row: ${article(source)}.`,
    '-- Grain: as there.',
    time
      ? '-- The newest rows come first, so that a small limit shows what is happening now.'
      : `-- In the order of ${order[0]}.`,
    'select',
    columns.map((column) => `  ${column.name}`).join(',\n'),
    `from ${pipeline.name}.${name}`,
    ...(time ? ['where true', `  [[ and ${time.name} >= :since ]]`] : []),
    `order by ${order.join(', ')}`,
    'limit :limit',
  ];
  const since = { type: time?.isDate ? 'date' : 'timestamp', description: 'Rows of this time or later' };
  return {
    sql: `${sql.join('\n')}\n`,
    tests: endpointTests(viewTests, time, text?.name),
    options: {
      description: `Rows of ${name}${time ? ', the newest first' : ''}`,
      params: { ...(time && { since }), limit: { type: 'integer', min: 1, max: 1000, default: 100 } },
    },
  };
}

function endpointTests(viewTests: readonly ViewTest[], time: Time | undefined, text: string | undefined): string {
  const [given] = viewTests;
  const refusals = [
    { name: 'a limit of no rows is refused', params: { limit: 0 }, refused: ['limit'] },
    ...(time ? [{ name: 'a time that is none is refused', params: { since: 'yesterday' }, refused: ['since'] }] : []),
  ];
  if (!given || given.rows.length === 0) return yaml([{ ...refusals[0]!, events: [] }, ...refusals.slice(1)]);
  const keys = [...(time ? [[time.name, -1] as const] : []), ...(text ? [[text, 1] as const] : [])];
  const compare = (one: ExpectedRow, other: ExpectedRow): number => {
    for (const [key, sign] of keys) {
      const [left, right] = [String(one[key] ?? ''), String(other[key] ?? '')];
      if (left !== right) return left < right ? -sign : sign;
    }
    return 0;
  };
  return yaml([
    { name: `the rows of the view: ${given.name}`, events: given.events, rows: [...given.rows].sort(compare) },
    ...refusals,
  ]);
}
