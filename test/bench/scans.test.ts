import { scansOf } from '../../bench/scale/scans';
import { exceptions, exceptionsOf, isEveryMinute, pipelineScans } from '../../bench/scale/scans-of-pipelines';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';

const [estore, pageviews] = ['estore', 'pageviews'].map((name) => pipelines.find((one) => one.name === name)!) as [
  Pipeline,
  Pipeline,
];

/** The pipelines of the tree, and what they lack: an identity by position, and records that are decoded. */
const all: readonly [string, Pipeline][] = [
  ...pipelines.map((pipeline): [string, Pipeline] => [pipeline.name, pipeline]),
  ['by position', { ...estore, identity: { by: 'stream-position' }, history: undefined }],
  ['decoded', { ...pageviews, stream: { ...pageviews.stream, records: { decode: ['gzip', 'aggregate'] } } }],
];
const scans = all.flatMap(([label, pipeline]) => pipelineScans(pipeline).map((scan) => ({ ...scan, label })));
const unbounded = scans.filter(({ bounds }) => bounds.length === 0);

test('every scan of a table that grows is bounded by a column that orders it, or is one of the named exceptions', () => {
  expect(unbounded.filter((scan) => exceptionsOf(scan).length === 0)).toEqual([]);
});

test('each exception is needed', () => {
  const used = new Set(unbounded.flatMap(exceptionsOf));
  expect(exceptions.filter((one) => !used.has(one))).toEqual([]);
});

test('what runs every minute reads everything only for an identity without a time, and for records that wait', () => {
  const everyMinute = unbounded.filter(isEveryMinute).map(({ label, what, table }) => `${label}: ${what} ${table}`);
  expect([...new Set(everyMinute)]).toEqual([
    'pageviews: create temp table shared as events',
    'decoded: create temp table shared as events',
    expect.stringMatching(/^decoded: unload .* rejects$/),
    'decoded: update rejects rejects',
    expect.stringMatching(/^decoded: select reason rejects$/),
  ]);
});

test('a statement that runs every minute is found in each part of the refresh', () => {
  const parts = scans.filter(isEveryMinute).map(({ statement }) => statement.replace(/#\d+$/, ''));
  expect([...new Set(parts)]).toEqual(
    expect.arrayContaining(['refresh.steps.merge.statements', 'refresh.steps.skipped.statements', 'refresh.totals']),
  );
});

describe('a scan', () => {
  const tables = [
    {
      name: 'events',
      relations: ['shop.events_1a2b3c4d', 'shop.events'],
      columns: ['event_id', 'at', 'merged_at', 'kind'],
      ordered: ['merged_at', 'at'],
    },
  ];
  const boundsOf = (sql: string) => scansOf(sql, tables).map(({ bounds }) => bounds);

  test.each([
    ['a literal', "select 1 from shop.events where merged_at >= '2026-11-01'"],
    ['a time', 'select 1 from shop.events e where e.merged_at > dateadd(hour, -3, getdate())'],
    ['a value from the left', "select 1 from shop.events where '2026-11-01' <= merged_at"],
    ['BETWEEN', "select 1 from shop.events where merged_at between '2026-11-01' and '2026-11-02'"],
    ['a query of its own', 'select 1 from shop.events e where e.merged_at >= (select min(n.at) from shop.fresh n)'],
    [
      'each side of OR',
      "select 1 from shop.events where merged_at = '2026-11-01' or (merged_at > '2026-11-02' and kind = 'a')",
    ],
    [
      'the condition of an inner join',
      "select 1 from shop.fresh n inner join shop.events e on e.event_id = n.event_id and e.merged_at > '2026-11-01'",
    ],
    [
      'the table by its whole name',
      "delete from shop.events using fresh where shop.events.merged_at > '2026-11-01' and fresh.event_id = shop.events.event_id",
    ],
    [
      'an updated table',
      "update shop.events_1a2b3c4d as e set kind = 'a' from fresh where e.event_id = fresh.event_id and e.merged_at > '2026-11-01'",
    ],
    [
      'the condition of a query around it',
      "select 1 from (select kind, merged_at from shop.events) as shown where shown.merged_at > '2026-11-01'",
    ],
    [
      'a query within UNLOAD',
      "unload ('select 1 from shop.events where merged_at > ''2026-11-01''') to 's3://bucket/p' iam_role 'arn:aws:iam::111122223333:role/x'",
    ],
  ])('is bounded by %s', (_, sql) => {
    expect(boundsOf(sql)).toEqual([['merged_at']]);
  });

  test.each([
    ['no condition', 'select 1 from shop.events'],
    ['an upper bound', "select 1 from shop.events where merged_at < '2026-11-01'"],
    ['a column without order', "select 1 from shop.events where kind = 'a'"],
    ['a function of the column', "select 1 from shop.events where date_trunc('day', merged_at) = '2026-11-01'"],
    ['a value of another table', 'select 1 from shop.events e inner join shop.fresh n on e.at = n.at'],
    [
      'a query that names the table outside',
      'select 1 from shop.events e where e.merged_at > (select min(n.at) from shop.fresh n where n.kind = e.kind)',
    ],
    ['one side of OR', "select 1 from shop.events where merged_at > '2026-11-01' or kind = 'a'"],
    [
      'the condition of an outer join that keeps all',
      "select 1 from shop.events e left join shop.fresh n on e.merged_at > '2026-11-01'",
    ],
    [
      'the condition around a query that limits its rows',
      "select 1 from (select merged_at from shop.events limit 5) as shown where shown.merged_at > '2026-11-01'",
    ],
    ['NOT', "select 1 from shop.events where not (merged_at > '2026-11-01')"],
  ])('is not bounded by %s', (_, sql) => {
    expect(boundsOf(sql)).toEqual([[]]);
  });

  test('is found in a common table, in a set operation and in a condition', () => {
    const sql = `with known as (select event_id from shop.events union all select event_id from shop.events where at = '2026-11-01')
select 1 from known where exists (select 1 from shop.events_1a2b3c4d where kind = 'a')`;
    expect(scansOf(sql, tables).map(({ bounds, columns }) => [bounds, columns])).toEqual([
      [[], ['event_id']],
      [['at'], ['event_id', 'at']],
      [[], ['kind']],
    ]);
  });
});
