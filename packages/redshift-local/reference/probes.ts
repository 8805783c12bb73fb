import { translate } from '../src/sql';
import type { Catalog } from '../src/statement';

/** Statements of the Redshift developer guide, "SQL commands". */
export const commands: readonly string[] = [
  ...[
    'ABORT',
    'ALTER DATABASE',
    'ALTER DATASHARE',
    'ALTER DEFAULT PRIVILEGES',
    'ALTER EXTERNAL SCHEMA',
    'ALTER FUNCTION',
  ],
  ...['ALTER GROUP', 'ALTER IDENTITY PROVIDER', 'ALTER MASKING POLICY', 'ALTER MATERIALIZED VIEW', 'ALTER PROCEDURE'],
  ...[
    'ALTER RLS POLICY',
    'ALTER ROLE',
    'ALTER SCHEMA',
    'ALTER SYSTEM',
    'ALTER TABLE',
    'ALTER TABLE APPEND',
    'ALTER USER',
  ],
  ...[
    'ANALYZE',
    'ANALYZE COMPRESSION',
    'ATTACH MASKING POLICY',
    'ATTACH RLS POLICY',
    'BEGIN',
    'CALL',
    'CANCEL',
    'CLOSE',
  ],
  ...[
    'COMMENT',
    'COMMIT',
    'COPY',
    'CREATE DATABASE',
    'CREATE DATASHARE',
    'CREATE EXTERNAL FUNCTION',
    'CREATE EXTERNAL MODEL',
  ],
  ...['CREATE EXTERNAL SCHEMA', 'CREATE EXTERNAL TABLE', 'CREATE EXTERNAL VIEW', 'CREATE FUNCTION', 'CREATE GROUP'],
  ...[
    'CREATE IDENTITY PROVIDER',
    'CREATE LIBRARY',
    'CREATE MASKING POLICY',
    'CREATE MATERIALIZED VIEW',
    'CREATE MODEL',
  ],
  ...[
    'CREATE PROCEDURE',
    'CREATE RLS POLICY',
    'CREATE ROLE',
    'CREATE SCHEMA',
    'CREATE TABLE',
    'CREATE TABLE AS',
    'CREATE USER',
  ],
  ...['CREATE VIEW', 'DEALLOCATE', 'DECLARE', 'DELETE', 'DESC DATASHARE', 'DETACH MASKING POLICY', 'DETACH RLS POLICY'],
  ...[
    'DROP DATABASE',
    'DROP DATASHARE',
    'DROP FUNCTION',
    'DROP GROUP',
    'DROP LIBRARY',
    'DROP MATERIALIZED VIEW',
    'DROP MODEL',
  ],
  ...[
    'DROP PROCEDURE',
    'DROP ROLE',
    'DROP SCHEMA',
    'DROP TABLE',
    'DROP USER',
    'DROP VIEW',
    'END',
    'EXECUTE',
    'EXPLAIN',
  ],
  ...[
    'FETCH',
    'GRANT',
    'INSERT',
    'LOCK',
    'MERGE',
    'PREPARE',
    'REFRESH MATERIALIZED VIEW',
    'RESET',
    'REVOKE',
    'ROLLBACK',
  ],
  ...[
    'SELECT',
    'SELECT INTO',
    'SET',
    'SET SESSION AUTHORIZATION',
    'SHOW',
    'START TRANSACTION',
    'TRUNCATE',
    'UNLOAD',
    'UPDATE',
  ],
  ...['USE', 'VACUUM'],
];

/** Options that the page of COPY and its parts name. */
export const copyOptionNames: readonly string[] = [
  ...['IAM_ROLE', 'CREDENTIALS', 'ACCESS_KEY_ID', 'REGION', 'MANIFEST', 'ENCRYPTED', 'READRATIO', 'SSH'],
  ...['FORMAT', 'CSV', 'QUOTE', 'DELIMITER', 'FIXEDWIDTH', 'SHAPEFILE', 'AVRO', 'JSON', 'PARQUET', 'ORC'],
  ...['BZIP2', 'GZIP', 'LZOP', 'ZSTD', 'ACCEPTANYDATE', 'ACCEPTINVCHARS', 'BLANKSASNULL', 'DATEFORMAT', 'EMPTYASNULL'],
  ...['ENCODING', 'ESCAPE', 'EXPLICIT_IDS', 'FILLRECORD', 'IGNOREBLANKLINES', 'IGNOREHEADER', 'NULL', 'REMOVEQUOTES'],
  ...[
    'ROUNDEC',
    'TIMEFORMAT',
    'TRIMBLANKS',
    'TRUNCATECOLUMNS',
    'COMPROWS',
    'COMPUPDATE',
    'IGNOREALLERRORS',
    'MAXERROR',
  ],
  ...['NOLOAD', 'STATUPDATE', 'SERIALIZETOJSON'],
];

/** Options that the page of UNLOAD names. */
export const unloadOptionNames: readonly string[] = [
  ...['IAM_ROLE', 'CREDENTIALS', 'FORMAT', 'CSV', 'PARQUET', 'JSON', 'PARTITION', 'MANIFEST', 'HEADER', 'DELIMITER'],
  ...[
    'FIXEDWIDTH',
    'ENCRYPTED',
    'KMS_KEY_ID',
    'BZIP2',
    'GZIP',
    'ZSTD',
    'ADDQUOTES',
    'NULL',
    'ESCAPE',
    'ALLOWOVERWRITE',
  ],
  ...['CLEANPATH', 'PARALLEL', 'MAXFILESIZE', 'ROWGROUPSIZE', 'REGION', 'EXTENSION'],
];

/** What stands behind the command's own words, where those alone do not tell. */
const continued: Readonly<Record<string, string>> = {
  'ALTER TABLE APPEND': 'alter table t append from u',
  'CREATE TABLE AS': 'create table x as select 1 as a',
  'CREATE EXTERNAL SCHEMA': "create external schema x from kinesis iam_role 'arn:aws:iam::000000000000:role/r'",
  'SELECT INTO': 'select 1 as a into x',
  SELECT: 'select 1',
  SET: 'set query_group to x',
  EXPLAIN: 'explain select 1',
  RESET: 'reset query_group',
  SHOW: 'show search_path',
  COMMENT: "comment on table t is 'x'",
  'SET SESSION AUTHORIZATION': 'set session authorization x',
};

export const types: readonly string[] = [
  ...[
    'smallint',
    'int2',
    'integer',
    'int',
    'int4',
    'bigint',
    'int8',
    'decimal(10,2)',
    'numeric(38,0)',
    'real',
    'float4',
  ],
  ...[
    'double precision',
    'float8',
    'float',
    'boolean',
    'bool',
    'char(10)',
    'character(10)',
    'nchar(10)',
    'bpchar',
    'varchar(10)',
  ],
  ...[
    'character varying(10)',
    'nvarchar(10)',
    'text',
    'date',
    'timestamp',
    'timestamp without time zone',
    'timestamptz',
  ],
  ...[
    'timestamp with time zone',
    'time',
    'timetz',
    'interval year to month',
    'interval day to second',
    'super',
    'varbyte(10)',
  ],
  ...['varbinary(10)', 'binary varying(10)', 'geometry', 'geography', 'hllsketch', 'oid'],
];

/** Operators, predicates and clauses by what is written for them. */
export const constructs: Readonly<Record<string, string>> = {
  '`+` `-` `*` `/` `%`': 'select 1 + 2 - 3 * 4 / 5 % 6',
  '`^`, power': 'select 2 ^ 3',
  '`||`': "select 'a' || 'b'",
  '`=` `<>` `!=` `<` `>` `<=` `>=`': 'select 1 = 1 and 1 <> 2 and 1 != 2 and 1 < 2 and 2 > 1 and 1 <= 1 and 1 >= 1',
  '`&` `|` `#` `~` `<<` `>>`, bits': 'select 1 & 2',
  '`and` `or` `not`': 'select true and not false or true',
  '`is null`, `is true`, `is unknown`': 'select 1 is null, true is true, true is unknown',
  '`in` with a list': 'select 1 in (1, 2)',
  '`in` with a query': 'select 1 where 1 in (select 1)',
  '`= any`, `= some`, `<> all` with a query': 'select 1 where 1 = any (select 1) and 2 <> all (select 1)',
  '`(a, b) = (c, d)`, `(a, b) in` with a list or a query': 'select 1 where (1, 2) = (1, 2) or (1, 2) in (select 1, 2)',
  '`exists`': 'select 1 where exists (select 1)',
  '`between`': 'select 1 between 0 and 2',
  '`like`, `ilike`, `escape`': "select 'a' like 'b', 'a' ilike 'b', 'a' like 'b' escape '^'",
  '`similar to`': "select 'a' similar to 'b'",
  '`~`, `!~`': "select 'a' ~ 'b', 'a' !~ 'b'",
  '`~*`': "select 'a' ~* 'b'",
  '`case`': 'select case when true then 1 end, case 1 when 1 then 2 else 3 end',
  '`cast`, `::`, `try_cast`': "select cast('1' as int), '1'::int, try_cast('1' as int)",
  '`interval` added to a timestamp': "select '2026-01-01'::timestamp + interval '1 day'",
  '`at time zone`': "select '2026-01-01'::timestamp at time zone 'UTC'",
  '`json.path.to[0]` of SUPER': "select json_parse('{}').a.b[0]",
  'arrays in FROM': 'select i from s, s.p.items i',
  'arrays in FROM with AT': 'select i from s, s.p.items i at idx',
  '`left join` of an array in FROM': 'select i from s left join s.p.items i on true',
  '`unpivot` of SUPER': 'select 1 from s, unpivot s.p as v at k',
  'joins: inner, left, right, full, cross, using':
    'select 1 from t join u on t.a = u.a left join t v on v.a = t.a full join t w on w.a = t.a cross join (select 1 as c) x join (select 1 as c) y using (c)',
  '`natural join`': 'select 1 from t natural join u',
  '`lateral`': 'select 1 from t, lateral (select 1) x',
  '`pivot`, `unpivot` of tables': 'select 1 from t pivot (count(*) for a in (1))',
  'subqueries: scalar, correlated, in FROM': 'select (select max(a) from t) from (select a from t) x',
  '`with`': 'with x as (select 1 as a) select a from x',
  '`with recursive`': 'with recursive x(a) as (select 1 union all select a + 1 from x where a < 3) select a from x',
  '`group by`, `having`': 'select a, count(*) from t group by a having count(*) > 1',
  '`grouping sets`, `rollup`, `cube`': 'select a from t group by rollup(a)',
  '`qualify`': 'select a from t as x qualify row_number() over (order by a) = 1',
  'windows with ROWS': 'select sum(a) over (partition by a order by a rows between 1 preceding and current row) from t',
  'windows with RANGE': 'select sum(a) over (order by a range unbounded preceding) from t',
  '`union`, `union all`, `intersect`, `except`, `minus`':
    'select 1 union select 2 union all select 3 intersect select 4 except select 5 minus select 6',
  '`intersect all`, `except all`': 'select 1 except all select 2',
  '`order by`, `nulls first`, `limit`, `offset`': 'select a from t order by a desc nulls first limit 1 offset 1',
  '`top`': 'select top 1 a from t',
  '`select distinct`': 'select distinct a from t',
  '`select * exclude`': 'select * exclude (a) from t',
  '`connect by`': 'select a from t connect by prior a = a',
};

/** Relations for the probes: `t (a int, b varchar(10))` with its like `u`, and `s (p super)`. */
const catalog: Catalog = {
  caseSensitiveIdentifiers: false,
  externalSchema: () => undefined,
  find(schema, name) {
    const common = { schema: schema ?? 'public', name, kind: 'table' } as const;
    const text = { name: 'b', type: { name: 'varchar', length: 10 } } as const;
    if (name === 't' || name === 'u') return { ...common, columns: [{ name: 'a', type: { name: 'integer' } }, text] };
    return name === 's' ? { ...common, columns: [{ name: 'p', type: { name: 'super' } }] } : undefined;
  },
};

/** What the local warehouse says to the text: nothing if it would run it. */
export function refusalOf(sql: string): string | undefined {
  try {
    for (const _ of translate(sql, catalog));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const unsupported = /is not supported by the local warehouse/;

/** A command is known if its first words are: what then is missing is a mistake of the text, not of the command. */
export function isSupportedCommand(command: string): boolean {
  return !unsupported.test(refusalOf(continued[command] ?? command) ?? '');
}

export const isSupportedType = (type: string): boolean => refusalOf(`select cast(null as ${type}) as a`) === undefined;
