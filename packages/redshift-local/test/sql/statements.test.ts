import { SqlError } from '../../src/statement';
import { type Database, openDatabase } from './database';

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.run(`
    create schema shop;
    create external schema kds from kinesis iam_role 'arn:aws:iam::000000000000:role/stream';
    create table shop.sales (id bigint, name varchar(8), price decimal(10,2), sold_at timestamp, payload super, bytes varbyte);
    create table shop.staged (payload super);
    create materialized view shop.daily as select date_trunc('day', sold_at) as day, count(*) as n from shop.sales group by 1;
    create view shop.latest as select * from shop.daily`);
});
afterAll(() => database.dispose());

const one = (sql: string) => database.translate(sql)[0];
const refusal = (sql: string): string => {
  try {
    database.translate(sql);
  } catch (error) {
    if (error instanceof SqlError) return error.message.replace(/^line \d+, column \d+: /, '');
    throw error;
  }
  return 'accepted';
};
const view = (query: string, attributes = 'auto refresh no') =>
  `create materialized view shop.v ${attributes} as ${query}`;

test.each([
  ['select id, price from shop.sales where price > 1', undefined],
  [
    'select name, count(*) as n, sum(price) as s, avg(id) as a from shop.sales group by name having count(*) > 1',
    undefined,
  ],
  ['select a.id, b.name from shop.sales a join shop.sales b on a.id = b.id', undefined],
  ['select id from shop.sales union all select id from shop.sales', undefined],
  ['select n from shop.daily', undefined],
  ['select a.id from shop.sales a left join shop.sales b on a.id = b.id', 'outer join'],
  ['select id from shop.sales union select id from shop.sales', 'union'],
  ['select id, row_number() over (order by id) as r from shop.sales', 'window function'],
  ['select count(distinct name) as n from shop.sales', 'distinct aggregate'],
  ['select id from shop.sales where id in (select id from shop.sales)', 'subquery'],
  ['with s as (select id from shop.sales) select id from s', 'common table'],
  ['select id from shop.sales where sold_at < getdate()', 'mutable function'],
])('a materialized view of «%s» is recomputed because of: %s', (query, reason) => {
  expect(one(view(query))).toMatchObject({ kind: 'create-materialized-view', recomputeReason: reason });
});

test('a union all with a sort key is recomputed', () => {
  const query = 'select id from shop.sales union all select id from shop.sales';
  expect(one(view(query, 'sortkey(id)'))).toMatchObject({ recomputeReason: 'union all with a sort key' });
});

test.each([
  [view('select id from shop.sales order by id'), 'order by is not allowed in a materialized view'],
  [view('select id from shop.sales limit 5'), 'limit is not allowed in a materialized view'],
  [view('select day from shop.latest'), 'view is not allowed in a materialized view'],
  [view('select name from svv_mv_info'), 'system view is not allowed in a materialized view'],
  [
    view('select n from shop.daily', 'auto refresh yes'),
    'AUTO REFRESH YES is not allowed on a view over another materialized view',
  ],
  [
    view('select id from shop.sales where sold_at < sysdate', 'auto refresh yes'),
    'AUTO REFRESH YES is not allowed with a mutable function',
  ],
  [view('select id, id from shop.sales'), 'column "id" specified more than once'],
  [view('select payload from shop.sales', 'sortkey(payload)'), 'column "payload" of type super cannot be a sort key'],
  [
    view('select sequence_number from kds."s-1" a join shop.sales b on true'),
    'a streaming view reads one stream and nothing else',
  ],
  [
    view('select row_number() over (order by shard_id) as r from kds."s-1"'),
    'window function is not allowed in a streaming view',
  ],
  [view('select getdate() as t from kds."s-1"'), 'mutable function is not allowed in a streaming view'],
  [
    view('select median(length(partition_key)) as m from kds."s-1"'),
    'an aggregate other than COUNT, SUM, MIN, MAX and AVG is not allowed in a streaming view',
  ],
  [
    view('select count(distinct shard_id) as n from kds."s-1"'),
    'distinct aggregate is not allowed in a streaming view',
  ],
  [
    view('select shard_id, count(*) as n from kds."s-1" group by rollup (shard_id)'),
    'GROUPING SETS, ROLLUP or CUBE is not allowed in a streaming view',
  ],
  [
    view('select kinesis_data, count(*) as n from kds."s-1" group by kinesis_data'),
    'GROUP BY of a varbyte is not allowed in a streaming view',
  ],
  [
    'select * from kds."s-1"',
    'a query of a stream outside a materialized view is not supported by the local warehouse',
  ],
  ['refresh materialized view shop.sales', '"sales" is not a materialized view'],
  ['drop materialized view if exists shop.latest', '"latest" is not a materialized view'],
  ['insert into shop.daily (n) values (1)', 'cannot insert into materialized-view "daily"'],
])('%s', (sql, message) => {
  expect(refusal(sql)).toBe(message);
});

test('a streaming view names its stream', () => {
  expect(
    one(
      view(
        'select refresh_time, json_parse(kinesis_data) as payload from kds."s-1" where can_json_parse(kinesis_data)',
        'auto refresh yes',
      ),
    ),
  ).toMatchObject({
    kind: 'create-streaming-view',
    view: { schema: 'shop', name: 'v' },
    externalSchema: 'kds',
    stream: 's-1',
    autoRefresh: true,
    columns: [
      { name: 'refresh_time', type: { name: 'timestamp' } },
      { name: 'payload', type: { name: 'super' } },
    ],
  });
});

const role = "iam_role 'arn:aws:iam::000000000000:role/bulk'";
const unload = (query: string, options: string) => `unload (${query}) to 's3://exports/p/' ${role} ${options}`;

test('an UNLOAD as it is written by exports', () => {
  const query =
    "'select id, payload from (select * from shop.sales) s where sold_at >= ''2026-01-01 00:00:00''::timestamp'";
  expect(one(unload(query, 'format parquet manifest verbose encrypted auto maxfilesize 256 mb'))).toMatchObject({
    kind: 'unload',
    to: 's3://exports/p/',
    format: 'parquet',
    compression: 'none',
    manifest: 'verbose',
    encryption: 'bucket',
    parallel: true,
    maxFileBytes: 256 * 1024 * 1024,
    columns: [{ name: 'id' }, { name: 'payload', type: { name: 'super' } }],
  });
  expect(
    one(
      unload(
        '$$select id from shop.sales$$',
        "format csv header gzip parallel off partition by (id) include extension 'x'",
      ).replace('select id', 'select id, name'),
    ),
  ).toMatchObject({
    format: 'csv',
    header: true,
    delimiter: ',',
    compression: 'gzip',
    parallel: false,
    partitionBy: ['id'],
    includePartitionColumns: true,
    extension: 'x',
  });
});

test.each([
  [
    unload("'select nope from shop.sales'", 'format csv'),
    'in the query of UNLOAD, line 1, column 8: column "nope" does not exist',
  ],
  [
    unload("'select :id'", 'format csv'),
    'in the query of UNLOAD, line 1, column 8: parameter :id is inside quotes, where a placeholder is text and no parameter',
  ],
  [
    unload("'select id from shop.sales limit 5'", 'format csv'),
    'in the query of UNLOAD, line 1, column 33: LIMIT is not supported in the outer SELECT of UNLOAD',
  ],
  [unload("'select id from shop.sales'", 'format parquet gzip'), 'GZIP is not supported with PARQUET in UNLOAD'],
  [unload("'select id from shop.sales'", 'format parquet header'), 'HEADER is not supported with PARQUET in UNLOAD'],
  [
    unload("'select bytes from shop.sales'", 'format parquet'),
    'column "bytes" of type binary varying(64000) is not supported with PARQUET in UNLOAD',
  ],
  [unload("'select id from shop.sales'", 'format csv gzip zstd'), 'GZIP and ZSTD exclude each other'],
  [
    unload("'select id from shop.sales'", 'format csv cleanpath allowoverwrite'),
    'ALLOWOVERWRITE is not supported with CLEANPATH in UNLOAD',
  ],
  [
    unload("'select id from shop.sales'", 'format csv partition by (id)'),
    'at least one column must not be a partition column',
  ],
  [
    unload("'select id from shop.sales'", 'format csv maxfilesize 1 mb'),
    'MAXFILESIZE must be between 5 MB and 6.2 GB, got 1 MB',
  ],
  [
    unload("'select id from shop.sales'", 'format parquet rowgroupsize 16 mb'),
    'ROWGROUPSIZE must be a whole number between 32 MB and 128 MB, got 16 MB',
  ],
  [
    unload("'select id from shop.sales'", 'format csv rowgroupsize 32 mb'),
    'ROWGROUPSIZE is not supported with CSV in UNLOAD',
  ],
  [unload("'select id from shop.sales'", "kms_key_id 'x'"), 'KMS_KEY_ID needs ENCRYPTED'],
  [
    unload("'select id from shop.sales'", "encrypted auto kms_key_id 'x'"),
    'KMS_KEY_ID is not supported with ENCRYPTED AUTO in UNLOAD',
  ],
  [
    unload("'select id from shop.sales'", 'format parquet encrypted'),
    'ENCRYPTED needs AUTO or KMS_KEY_ID: client-side encryption has ended',
  ],
  ...['addquotes', "fixedwidth 'id:3'", 'bzip2', "region 'eu-west-1'", "credentials 'x'"].map((option) => [
    unload("'select id from shop.sales'", option),
    `option ${option.split(' ')[0]!.toUpperCase()} of UNLOAD is not supported by the local warehouse`,
  ]),
  ...["null as 'x'", 'escape', "delimiter '|'", 'header', 'zstd'].flatMap((option) =>
    ['parquet', 'json'].map((format) => [
      unload("'select id from shop.sales'", `${format} ${option}`),
      format === 'json' && option === 'zstd'
        ? 'accepted'
        : `${option.split(' ')[0]!.toUpperCase()} is not supported with ${format.toUpperCase()} in UNLOAD`,
    ]),
  ),
  [
    unload('\'select id, name as "ID" from shop.sales\'', 'csv header'),
    'HEADER over several columns named "id" in UNLOAD is not supported by the local warehouse',
  ],
  [unload("'select id from shop.sales'", "csv extension ''"), 'EXTENSION must not be empty'],
  [unload("'select id from shop.sales'", 'csv escape'), 'ESCAPE is not supported with CSV in UNLOAD'],
  [
    unload("'select id from shop.sales'", "delimiter '||'"),
    'DELIMITER must be one ASCII character, not a quotation mark, backslash or line end, got "||"',
  ],
  [
    unload("'select id, name from shop.sales'", 'csv partition by (id) header include'),
    'INCLUDE must follow PARTITION BY',
  ],
  [
    unload("'select id, sold_at from shop.sales'", 'csv partition by (sold_at)'),
    'column "sold_at" of type timestamp without time zone as a partition column is not supported by the local warehouse',
  ],
  [
    unload("'select id, payload from shop.sales'", 'csv partition by (payload)'),
    'column "payload" of type super cannot be a partition column',
  ],
  [
    unload("'select id > 1 as b from shop.sales'", 'json'),
    'column "b" of type boolean with JSON in UNLOAD is not supported by the local warehouse',
  ],
  [
    unload("'select bytes from shop.sales'", 'json'),
    'column "bytes" of type binary varying(64000) is not supported with JSON in UNLOAD',
  ],
  [unload("'select id, id from shop.sales'", 'json'), 'column "id" specified more than once'],
  ["unload ('select 1 as a') to 's3://exports/p/' format csv", 'UNLOAD needs IAM_ROLE'],
  [
    `copy shop.sales from 's3://work/x' ${role} format json 'noshred'`,
    'JSON \'noshred\' needs a table with one column of type super, "sales" has another shape',
  ],
  [
    `copy shop.staged from 's3://work/x' ${role} format json 'noshred' delimiter ','`,
    'DELIMITER is not supported with JSON in COPY',
  ],
  [
    `copy shop.staged from 's3://work/x' ${role} format json 'noshred' maxerror 100001`,
    'MAXERROR must be between 0 and 100000, got 100001',
  ],
  [
    `copy shop.staged from 's3://work/x' ${role} format json 'paths.json'`,
    "JSON 'paths.json' in COPY is not supported by the local warehouse",
  ],
  [
    "copy shop.staged from 's3://work/x' iam_role 'arn:aws:iam::000000000000:role/a,arn:aws:iam::000000000000:role/b' format parquet",
    'role chaining is not supported by the local warehouse',
  ],
  [`copy shop.staged from '/etc/passwd' ${role} format csv`, 'FROM must be s3://bucket/prefix, got "/etc/passwd"'],
])('%s', (sql, message) => {
  expect(refusal(sql)).toBe(message);
});

test('an external schema may name a chain of roles', () => {
  const chain = (count: number) =>
    Array.from({ length: count }, (_, n) => `arn:aws:iam::00000000000${n % 10}:role/r`).join(',');
  const sql = (count: number) => `create external schema s from kinesis iam_role '${chain(count)}'`;
  expect(one(sql(2))).toMatchObject({ kind: 'create-external-schema', roleArn: chain(2) });
  expect(refusal(sql(11))).toContain('a chain has at most 10 roles');
  expect(refusal(sql(2).replace(',', ', '))).toContain('invalid IAM role ARN');
});

test('a COPY as it is written by loads', () => {
  expect(
    one(
      `copy shop.staged from 's3://work/run.manifest' ${role} manifest format json 'noshred' gzip maxerror 100000 compupdate off statupdate off`,
    ),
  ).toEqual({
    place: { line: 1, column: 1 },
    kind: 'copy',
    table: { schema: 'shop', name: 'staged' },
    from: 's3://work/run.manifest',
    roleArn: 'arn:aws:iam::000000000000:role/bulk',
    manifest: true,
    format: 'json-noshred',
    compression: 'gzip',
    maxErrors: 100_000,
    options: {},
  });
});

test('identity and privileges', () => {
  expect(
    database.translate(
      'create user millrace_owner password \'sha256|ab\'; grant create on database "millrace" to millrace_owner; revoke select on all tables in schema shop from joe; drop user millrace_owner',
    ),
  ).toMatchObject([
    { kind: 'create-user', user: 'millrace_owner', password: 'sha256|ab' },
    { kind: 'grant', privileges: ['create'], on: [{ type: 'database', name: 'millrace' }], to: ['millrace_owner'] },
    { kind: 'revoke', privileges: ['select'], on: [{ type: 'all-tables', name: 'shop' }], to: ['joe'] },
    { kind: 'drop-user', user: 'millrace_owner', ifExists: false },
  ]);
});

test('a table as it is written for events', () => {
  expect(
    one(
      'create table shop.events (event_id varchar(64) not null, n decimal(12,2) default 0, payload super, primary key (event_id)) diststyle key distkey (event_id) compound sortkey (n)',
    ),
  ).toMatchObject({
    kind: 'create-table',
    table: { schema: 'shop', name: 'events' },
    columns: [
      { name: 'event_id', notNull: true },
      { name: 'n', type: { name: 'decimal', precision: 12, scale: 2 } },
      { name: 'payload', type: { name: 'super' } },
    ],
    duckdb:
      'create table "shop"."events" ("event_id" varchar not null, "n" decimal(12,2) default (cast(0 as decimal(12,2))), "payload" json)',
  });
});
