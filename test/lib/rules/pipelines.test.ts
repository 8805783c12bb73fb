import type { Column, ExportDefinition, ExportFormat, Pipeline, WindowLength } from '../../../pipelines/definition';
import { globsOverlap } from '../../../sql/history/glob';
import { anExport, aPipeline, aSource, aView } from '../../sql/fixtures';
import { problemsOf } from '../../support/problems';

const problems = (overrides: Partial<Pipeline>) => problemsOf(aPipeline(overrides));
const id: Column = { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true };

test('a sound pipeline has no problems', () => {
  expect(problems({})).toEqual([]);
});

test('all problems of all pipelines come at once', () => {
  const stream = { capacity: { mode: 'provisioned' as const, shards: 0 }, retentionHours: 12 };
  expect(problemsOf(aPipeline({ stream }), aPipeline({ name: 'Shop-2', refreshEveryMinutes: 60 }))).toEqual([
    'pipelines.shop.stream.retentionHours must be a whole number between 24 and 8760, got 12',
    'pipelines.shop.stream.capacity.shards must be a whole number between 1 and 10000, got 0',
    expect.stringContaining('pipelines.Shop-2.name must be lower-case letters'),
    'pipelines.Shop-2.refreshEveryMinutes must be a whole number between 1 and 59, got 60',
  ]);
});

test('a retention names days, and a time that every event has', () => {
  const at = 'pipelines.shop.retention';
  const of = (retention: unknown, more: Partial<Pipeline> = {}) => problems({ retention: retention as never, ...more });
  const time: Column = { name: 'at', path: ['at'], type: 'timestamp', required: true };
  expect(of({ events: '400 days', rejects: '1 days', archive: '2 days' })).toEqual([]);
  const history = [aSource()];
  expect(of({ events: '400 days', eventTime: 'at' }, { history, columns: [id, time] })).toEqual([]);
  expect(of({})).toEqual([`${at} must name what is deleted, or be left out, got {}`]);
  expect(of({ events: '6 days' })).toEqual([
    `${at}.events must be a number of days between 7 and 36500, as 400 days, got "6 days"`,
  ]);
  for (const wrong of ['400', '1 year', '1.5 days', 400, '036 days', '36501 days'])
    expect(of({ rejects: wrong })).toEqual([expect.stringContaining(`${at}.rejects must be a number of days`)]);
  expect(of({ archive: '1 days' })).toEqual([
    `${at}.archive must be at least 2 days, a day more than the stream keeps a record, got "1 days"`,
  ]);
  expect(of({ events: '400 days' }, { history, columns: [id, time] })).toEqual([
    `${at}.eventTime must name one of at, because files of history have no arrival times, got nothing`,
  ]);
  expect(of({ events: '400 days', eventTime: 'at' })).toEqual([
    `${at}.eventTime must name a required timestamp column, got "at"`,
  ]);
  expect(of({ rejects: '9 days', eventTime: 'at' }, { columns: [id, time] })).toEqual([
    `${at}.eventTime must be left out, because no event is deleted, got "at"`,
  ]);
  expect(of({ event: '400 days' })).toEqual([expect.stringContaining(`${at}.event is unknown`)]);
});

test('a subject is a column whose values can be given as texts', () => {
  const at = 'pipelines.shop.subject';
  expect(problems({ subject: ['id', 'pieces'] })).toEqual([]);
  expect(problems({ subject: [] })).toEqual([`${at} must name at least one column, or be left out, got []`]);
  expect(problems({ subject: ['weight', 'who'] })).toEqual([
    `${at} must name columns of type varchar, integer or bigint (id, kind, pieces), got "weight"`,
    `${at} must name columns of type varchar, integer or bigint (id, kind, pieces), got "who"`,
  ]);
  expect(problems({ subject: ['id', 'id'] })).toEqual([expect.stringContaining(at)]);
});

test('a stream of texts has no other shape, and its columns read the text', () => {
  const stream = {
    capacity: { mode: 'on-demand' },
    retentionHours: 24,
    records: { format: 'text', decode: ['gzip'], base64: true },
  } as const;
  const at = 'pipelines.shop.stream';
  expect(problems({ stream })).toEqual([
    `${at}.records.decode belongs to JSON only, got it with the format text`,
    `${at}.records.base64 belongs to JSON only, got it with the format text`,
    `${at}.records.format is text, whose only attribute is text, but the required column id is read from ["messageId"]`,
  ]);
  const of = (format: string) => problems({ stream: { ...stream, records: { format } as never } });
  expect(of('bytes')).toEqual([expect.stringContaining(`${at}.records.format must be text, got "bytes"`)]);
});

test.each<[string, Partial<Pipeline>, string]>([
  [
    'stream position as identity beside history',
    { identity: { by: 'stream-position' }, history: [aSource({ globs: ['a/*.gz'] })] },
    'pipelines.shop.identity must name columns, since pipelines.shop.history has events without a stream position',
  ],
  [
    'an unknown identity column',
    { identity: { by: 'columns', columns: ['ID'] } },
    'pipelines.shop.identity.columns names "ID"',
  ],
  [
    'an identity that may be missing',
    { columns: [{ ...id, required: false }] },
    'pipelines.shop.columns.id.required must be true, since the identity names it',
  ],
  [
    'an identity of doubles',
    { columns: [{ name: 'id', path: ['id'], type: 'double', required: true }] },
    'names "id", a double',
  ],
  [
    'a column name that SQL would fold',
    { columns: [id, { ...id, name: 'messageId' }] },
    'pipelines.shop.columns.messageId.name',
  ],
  ["one of Millrace's own columns", { columns: [id, { ...id, name: 'payload' }] }, 'is used by Millrace itself'],
  ['a name that the merge needs', { columns: [id, { ...id, name: 'id_text' }] }, 'is used by Millrace itself'],
  ['a column twice', { columns: [id, id] }, 'pipelines.shop.columns.id is declared more than once'],
  ['no path', { columns: [{ ...id, path: [] }] }, 'pipelines.shop.columns.id.path must name one or more attributes'],
  [
    'a text of no length',
    { columns: [{ ...id, maxBytes: 0 }] },
    'columns.id.maxBytes must be a whole number between 1 and 65535, got 0',
  ],
  [
    'a value that cannot fit',
    { columns: [{ ...id, maxBytes: 1, oneOf: ['é'] }] },
    'oneOf holds "é", which is longer than maxBytes, 1',
  ],
  [
    'more places than digits',
    { columns: [id, { name: 'n', path: ['n'], type: 'decimal', precision: 2, scale: 3 }] },
    'columns.n.scale must be a whole number between 0 and 2, got 3',
  ],
  ['an empty list of sources', { history: [] }, 'history must name at least one source, or be left out'],
  [
    'a source named as the archive',
    { history: [aSource({ name: 'archive' })] },
    'and not archive or undecoded, got "archive"',
  ],
  ['a source without globs', { history: [aSource({ globs: [] })] }, 'history.logs.globs must hold at least one glob'],
  [
    'sources that share keys',
    { history: [aSource(), aSource({ name: 'more', globs: ['shop/more/*'] })] },
    'history.more.globs must not match keys that "shop/*/*.gz" of pipelines.shop.history.logs matches, got "shop/more/*"',
  ],
  [
    'a glob without a prefix',
    { history: [aSource({ globs: ['*/a.gz'] })] },
    'history.logs.globs[0] must begin with a literal prefix, got "*/a.gz"',
  ],
  [
    'a glob of another kind',
    { history: [aSource({ globs: ['a/{b,c}.gz'] })] },
    'history.logs.globs[0] must have no wildcards but * and **, got "a/{b,c}.gz"',
  ],
  [
    'a view named as a table',
    { views: [aView('rejects', 'select id from shop.events')] },
    'has the name of one of the tables',
  ],
  [
    'a column that does not exist',
    { views: [aView('v', 'select\n  id,\n  upper(knd) as kind\nfrom shop.events')] },
    'pipelines.shop.views.v (views/v.sql, line 3, column 9) names knd, which is no column of what it reads; did you mean kind?',
  ],
  ...exportCases(),
  [
    'an export of nothing',
    { exports: [anExport('x', 'select at from shop.nowhere')] },
    'pipelines.shop.exports.x (exports/x.sql) reads shop.nowhere',
  ],
  [
    'two statements',
    { views: [aView('v', 'select id from shop.events; drop table shop.events')] },
    '(views/v.sql) must be one statement',
  ],
  ['no select', { views: [aView('v', 'delete from shop.events')] }, 'must be a select, got "delete"'],
  [
    'an open literal',
    { views: [aView('v', "select 'a from shop.events")] },
    `(views/v.sql): ' at line 1, column 8 is not closed`,
  ],
  ['a placeholder', { exports: [anExport('x', "select '{{run_id}}' as at from shop.events")] }, 'cannot hold {{'],
])('%s', (_, overrides, expected) => {
  expect(problems(overrides)).toEqual([expect.stringContaining(expected)]);
});

test.each([
  [
    'a compression around Parquet',
    { format: 'parquet', columns: [{ name: 'messageId', type: 'varchar' }] },
    'compression must be none: Parquet compresses inside the file, got "gzip"',
  ],
  ['an unknown format', { format: 'orc' }, 'format must be one of ndjson, firehose, csv, parquet, text, got "orc"'],
  ['an unknown compression', { compression: 'brotli' }, 'compression must be gzip, zstd or none, got "brotli"'],
  [
    'CSV without columns',
    { format: 'csv' },
    'columns must name the columns of the files in their order, 1 to 100, got none',
  ],
  [
    'too many columns',
    { format: 'csv', columns: Array.from({ length: 101 }, (_, n) => ({ name: `c${n}` })) },
    '1 to 100, got 101',
  ],
  [
    'columns of ndjson',
    { columns: [{ name: 'messageId' }] },
    'columns belong to csv and parquet only, got them with ndjson',
  ],
  [
    'records without a path',
    { records: { unwrap: [] } },
    'records.unwrap must name one or more attributes, with * at most once',
  ],
  [
    'two arrays in records',
    { records: { unwrap: ['*', '*'] } },
    'records.unwrap must name one or more attributes, with * at most once',
  ],
  [
    'records of a CSV',
    { format: 'csv', columns: [{ name: 'messageId' }], records: { unwrap: ['*'] } },
    'records belong to ndjson and firehose only, got them with csv',
  ],
  [
    'no form',
    { format: 'firehose', records: { decode: [] } },
    'records.decode must name one or more of gzip, zlib, aggregate, objects',
  ],
  [
    'an unknown form',
    { format: 'firehose', records: { decode: ['snappy'] } },
    'gzip, zlib, aggregate or objects, got "snappy"',
  ],
  [
    'forms of records in ndjson',
    { records: { decode: ['gzip'] } },
    'records.decode belongs to firehose only, got it with ndjson',
  ],
  [
    'text in ndjson',
    { records: { format: 'text' } },
    'records.format belongs to firehose only, got it with ndjson: for lines of text, set pipelines.shop.history.logs.format to text',
  ],
  [
    'texts that are unwrapped',
    { format: 'firehose', records: { format: 'text', unwrap: ['*'] } },
    'history.logs.records.unwrap belongs to JSON only, got it with the format text',
  ],
  [
    'records of text files',
    { format: 'text', records: { format: 'text' } },
    'records belong to ndjson and firehose only, got them with text',
  ],
  [
    'columns of text',
    { format: 'text', columns: [{ name: 'line' }] },
    'columns belong to csv and parquet only, got them with text',
  ],
  [
    'text without a required column',
    { format: 'text' },
    'history.logs.format is text, whose only attribute is text, but the required column id is read from ["messageId"]',
  ],
  ['a delimiter of ndjson', { delimiter: ';' }, 'delimiter belongs to csv only, got it with ndjson'],
  [
    'a delimiter that is none',
    { format: 'csv', columns: [{ name: 'messageId' }], delimiter: 'x' },
    'delimiter must be ",", ";", "|" or "\\t", got "x"',
  ],
  [
    'a type in CSV',
    { format: 'csv', columns: [{ name: 'messageId', type: 'varchar' }] },
    'columns.messageId.type belongs to parquet only, since a CSV has texts, got "varchar"',
  ],
  [
    'no type in Parquet',
    { format: 'parquet', compression: 'none', columns: [{ name: 'messageId' }] },
    'columns.messageId.type must be one of varchar, smallint',
  ],
  [
    'a type that does not exist',
    { format: 'parquet', compression: 'none', columns: [{ name: 'messageId', type: 'decimal(40,2)' }] },
    'or decimal(p,s), got "decimal(40,2)"',
  ],
  [
    'a name without a letter',
    { format: 'csv', columns: [{ name: 'messageId' }, { name: '', path: ['x'] }] },
    'columns[1].name must be 1 to 127 bytes',
  ],
  [
    'a path through a value',
    { format: 'csv', columns: [{ name: 'messageId' }, { name: 'a' }, { name: 'b', path: ['a', 'b'] }] },
    'columns.b.path must not meet that of "a", got ["a","b"] and ["a"]',
  ],
  [
    'a required column without values',
    { format: 'csv', columns: [{ name: 'kind' }] },
    'columns must have one with the path ["messageId"], which the required column id is read from',
  ],
])('a history source with %s', (_, overrides, expected) => {
  const found = problems({ history: [aSource(overrides as never)] });
  expect(found).toEqual([expect.stringContaining(expected)]);
  expect(found[0]).toMatch(/^pipelines\.shop\.history\.logs\./);
});

test.each(['yesterday', '2026-11-21', '2026-11-21T10:00:00', '2026-13-21T10:00:00Z'])(
  'a stream that was recreated at %s',
  (recreatedAt) => {
    const stream = { capacity: { mode: 'on-demand' }, retentionHours: 24, recreatedAt } as const;
    expect(problems({ stream })).toEqual([
      `pipelines.shop.stream.recreatedAt must be a time in UTC as 2026-11-21T10:00:00Z, got "${recreatedAt}"`,
    ]);
  },
);

test.each([
  ['select id from shop.events left join shop.rejects on true', 'uses an outer join (left)'],
  ['select count(distinct id) as n from shop.events', 'uses distinct'],
  ['select id, row_number() over (order by at) as n from shop.events', 'uses a window function'],
  ['select id from shop.events union all select id from shop.duplicates', 'uses union'],
  ['select id from shop.events where at > getdate()', 'uses getdate, whose value changes by itself'],
  [
    'select median(weight) as m from shop.events',
    'uses median, where only count, sum, min, max, avg are kept up to date',
  ],
  ['select id from (select id from shop.events) as t', 'uses a subquery'],
  ['select id from shop.events limit 10', 'uses limit'],
  ['select * from shop.events', 'selects *'],
  ['select e.* from shop.events e', 'selects *'],
])('a view that Redshift would recompute is refused: %s', (query, expected) => {
  expect(problems({ views: [aView('v', query)] }).join('\n')).toContain(
    `pipelines.shop.views.v (views/v.sql) ${expected}`,
  );
});

test.each([
  [
    'select kind, count(*) from shop.events group by kind',
    'has a column without a name, count(*): give it one with as',
  ],
  ['select id, kind as id from shop.events', 'has more than one column id: give them different names with as'],
])('the columns of a view have names of their own: %s', (query, expected) => {
  expect(problems({ views: [aView('v', query)] })).toEqual([`pipelines.shop.views.v (views/v.sql) ${expected}`]);
});

test.each([
  ['select id from shop.events left join shop.rejects on true', []],
  ['select id from shop.events union all select id from shop.events', []],
  ['select id from shop.events order by id', ['uses order by, which no materialized view may have']],
  ['select id from shop.events limit 3', ['uses limit, which no materialized view may have']],
])('a view that may be recomputed: %s', (query, expected) => {
  expect(problems({ views: [{ ...aView('v', query), recomputed: true }] })).toEqual(
    expected.map((problem) => `pipelines.shop.views.v (views/v.sql) ${problem}`),
  );
});

test.each([
  [{ mayShrink: -0.1 }, 'mayShrink must be a share between 0 and 1, got -0.1'],
  [{ mayShrink: 50 }, 'mayShrink must be a share between 0 and 1, got 50'],
  [{ mayShrink: Number.NaN }, 'mayShrink must be a share between 0 and 1, got NaN'],
  [{ mayGrow: 0.5 }, 'mayGrow must be a number of at least 1, got 0.5'],
])('the checks of a view with %j', (options, expected) => {
  expect(problems({ views: [{ ...aView('v', 'select id from shop.events'), ...options }] })).toEqual([
    `pipelines.shop.views.v.${expected}`,
  ]);
});

test('what looks like such a view and is not, passes', () => {
  const query =
    "select left(id, 1) as initial, count(*) as n, sum(pieces * 2) as m from shop.events where id <> 'union' group by left(id, 1)";
  expect(problems({ views: [aView('v', query)] })).toEqual([]);
});

test("a pipeline cannot take another one's external schema", () => {
  expect(problemsOf(aPipeline({ name: 'a' }), aPipeline({ name: 'a_stream' }))).toEqual([
    'pipelines.a_stream has the name of the external schema of pipelines.a',
  ]);
});

test('histories whose objects could be meant for either pipeline are refused', () => {
  const history = (glob: string) => ({ history: [aSource({ globs: [glob] })] });
  const [one, other] = [
    aPipeline({ name: 'a', ...history('logs/*/*.gz') }),
    aPipeline({ name: 'b', ...history('logs/b/*.gz') }),
  ];
  expect(problemsOf(one, other)).toEqual([
    'pipelines.b.history.logs.globs must not begin as those of pipelines.a, got "logs/b/*.gz" and "logs/*/*.gz"',
  ]);
  expect(problemsOf(one, { ...other, ...history('other/*.gz') })).toEqual([]);
});

test.each([
  ['a/*.gz', 'a/*.json', false],
  ['a/*/x', 'a/b/*', true],
  ['a/*', 'a/b/c', false],
  ['a/**', 'a/b/c', true],
  ['a/**/c', 'a/c', true],
  ['a/**/c', 'a/b/d/c', true],
  ['a/**/c', 'a/b/d', false],
  ['a/*b*', 'a/*c*', true],
  ['a/x*', 'a/y*', false],
  ['a/*', 'a/**', true],
])('%s and %s share keys: %s', (one, other, shared) => {
  expect(globsOverlap(one, other)).toBe(shared);
  expect(globsOverlap(other, one)).toBe(shared);
});

function exportCases(): [string, Partial<Pipeline>, string][] {
  const sold = (query: string, overrides: Partial<ExportDefinition> = {}) => ({
    exports: [anExport('x', query, overrides)],
  });
  const window = (length: WindowLength) =>
    sold('select at from shop.events', { content: { kind: 'incremental', timeColumn: 'at', window: length } });
  const at = 'pipelines.shop.exports.x (exports/x.sql): ';
  const formatted = (query: string, format: ExportFormat) => sold(query, { format });
  const all = 'select id, amount, gift, weight, at from shop.events';
  return [
    [
      'a window that does not divide the day',
      window({ minutes: 7 }),
      'exports.x.content.window must be hour, day, week, month or { minutes } of 5 to 720 that divide a day, got { minutes: 7 }',
    ],
    ['a window of a minute', window({ minutes: 1 }), 'got { minutes: 1 }'],
    ['an unknown window', window('fortnight' as never), 'got "fortnight"'],
    [
      'a beginning that is no time',
      sold(all, { content: { kind: 'incremental', timeColumn: 'at', window: 'day', since: 'yesterday' } }),
      'exports.x.content.since must be a day',
    ],
    [
      'a time column that is not there',
      sold('select id from shop.events'),
      `${at}content.timeColumn must be one of id, got "at"`,
    ],
    [
      'a time column that is no time',
      sold('select id as at from shop.events'),
      `${at}content.timeColumn at must be a timestamp or a date, got varchar(16)`,
    ],
    [
      'VARBYTE in Parquet',
      sold('select merged_at as at, unparsed from shop.rejects'),
      `${at}column unparsed is varbyte(16777216): Parquet holds no VARBYTE`,
    ],
    [
      'a zone in Parquet',
      sold('select at, at::timestamptz as local from shop.events'),
      `${at}column local is timestamptz: in Parquet a timestamp loses its zone`,
    ],
    [
      'VARBYTE in JSON',
      formatted('select merged_at as at, unparsed from shop.rejects', { kind: 'json' }),
      `${at}column unparsed is varbyte(16777216): JSON holds no VARBYTE`,
    ],
    ['a column without a name', sold('select at, amount * 2 from shop.events'), `${at}amount * 2 has no name`],
    [
      'a column whose type is unknown',
      sold('select at, mystery(id) as m from shop.events'),
      `${at}the type of column m is unknown; cast it to the type that it is to have, as in (mystery(id))::varchar(64)`,
    ],
    ['a column twice', sold('select at, id, amount as id from shop.events'), `${at}has column id more than once`],
    [
      'folders of a column that is not there',
      formatted(all, { kind: 'parquet', partitionBy: ['day'] }),
      `${at}format.partitionBy must name columns of the query (id, amount, gift, weight, at), got "day"`,
    ],
    [
      'folders of a double',
      formatted(all, { kind: 'parquet', partitionBy: ['weight'] }),
      `${at}column weight is double precision: folders can be made of`,
    ],
    [
      'folders of SUPER',
      formatted('select at, payload from shop.events', { kind: 'json', partitionBy: ['payload'] }),
      `${at}column payload is super: folders can be made of`,
    ],
    [
      'nothing but folders',
      formatted('select at, id from shop.events', { kind: 'parquet', partitionBy: ['at', 'id'] }),
      `${at}format.partitionBy must leave at least one column in the files`,
    ],
    [
      'a delimiter of two characters',
      formatted(all, { kind: 'csv', delimiter: '||' }),
      'exports.x.format.delimiter must be one printable ASCII character',
    ],
    [
      'files that are too small',
      formatted(all, { kind: 'csv', maxFileMb: 4 }),
      'exports.x.format.maxFileMb must be a whole number between 5 and 6200, got 4',
    ],
    [
      'Parquet files of a size that UNLOAD rounds',
      formatted(all, { kind: 'parquet', maxFileMb: 100 }),
      'exports.x.format.maxFileMb must be a multiple of 32',
    ],
    [
      'row groups that are too small',
      formatted(all, { kind: 'parquet', rowGroupMb: 16 }),
      'exports.x.format.rowGroupMb must be a whole number between 32 and 128',
    ],
    [
      'a format that there is not',
      formatted(all, { kind: 'avro' } as never),
      'exports.x.format.kind must be parquet, csv or json, got "avro"',
    ],
  ];
}
