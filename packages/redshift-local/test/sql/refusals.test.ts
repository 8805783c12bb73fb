import fc from 'fast-check';
import { SqlError } from '../../src/statement';
import { cases, seedOf } from '../support/tier';
import { type Database, openDatabase } from './database';

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.run(
    'create schema shop; create table shop.t (id bigint, name varchar(8), price decimal(10,2), at timestamp, ratio double precision, bytes varbyte, payload super)',
  );
});
afterAll(() => database.dispose());

const refusal = (sql: string, parameters?: Record<string, string>): string => {
  try {
    database.translate(sql, parameters);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return error.message;
  }
  return 'accepted';
};
const unsupported = (what: string) => `${what} is not supported by the local warehouse`;

const refused: [sql: string, message: string][] = [
  [
    'select id,\n  id as two,\n             soundex(name) from shop.t',
    `line 3, column 14: ${unsupported('function SOUNDEX')}`,
  ],
  ["select * from shop.t where name similar to 'a**'", `line 1, column 44: ${unsupported("SIMILAR TO 'a**'")}`],
  ['select name::xml from shop.t', `line 1, column 14: ${unsupported('type xml')}`],
  [
    'select t.id from shop.t, shop.t u where t.id = u.id (+)',
    `line 1, column 53: ${unsupported('an outer join by (+)')}`,
  ],
  ["select interval '3 days' day to second", `line 1, column 26: ${unsupported('an interval with fields')}`],
  ['select name collate case_insensitive from shop.t', `line 1, column 13: ${unsupported('COLLATE')}`],
  [
    'select object_transform(payload keep \'"a"\') from shop.t',
    `line 1, column 8: ${unsupported('function OBJECT_TRANSFORM')}`,
  ],
  ['grant select (name) on shop.t to x', `line 1, column 14: ${unsupported('a privilege on columns')}`],
  ['grant usage on language plpythonu to x', `line 1, column 16: ${unsupported('GRANT on LANGUAGE')}`],
  ["create user x password 'Abcd1234' createdb", `line 1, column 35: ${unsupported('option CREATEDB of CREATE USER')}`],
  ['select id | 1 from shop.t', `line 1, column 11: ${unsupported('operator |')}`],
  ['select * from svv_transactions', `line 1, column 15: ${unsupported('system table or view svv_transactions')}`],
  ['select query from stl_scan', `line 1, column 19: ${unsupported('system table or view stl_scan')}`],
  [
    'select 1 from information_schema.routines',
    `line 1, column 15: ${unsupported('system table or view information_schema.routines')}`,
  ],
  ['select name::timetz from shop.t', `line 1, column 14: ${unsupported('type timetz')}`],
  [
    "select object('k', at) from shop.t",
    `line 1, column 20: ${unsupported('function OBJECT with timestamp without time zone as argument 2')}`,
  ],
  [
    "select object('k') from shop.t",
    `line 1, column 8: ${unsupported('function OBJECT with a key that has no value')}`,
  ],
  [
    "select to_varbyte(name, 'binary') from shop.t",
    `line 1, column 8: ${unsupported("function TO_VARBYTE with the format 'binary'")}`,
  ],
  [
    "copy shop.t from 's3://bucket/x' iam_role 'arn:aws:iam::000000000000:role/r' csv quote '12'",
    'line 1, column 82: QUOTE must be one printable ASCII character',
  ],
  [
    "copy shop.t from 's3://bucket/x' iam_role 'arn:aws:iam::000000000000:role/r' json 'auto' ignoreblanklines",
    'line 1, column 90: IGNOREBLANKLINES is not supported with JSON in COPY',
  ],
  ['call p()', `line 1, column 1: ${unsupported('statement CALL')}`],
  ['select array[1, 2]', `line 1, column 8: ${unsupported('ARRAY[…]')}`],
  ["select 'a' 'b'", `line 1, column 12: ${unsupported('two text literals side by side')}`],
  ["select timetz '10:00'", `line 1, column 8: ${unsupported('type timetz')}`],
  ['select id from shop.t where id > any (select 1)', `line 1, column 32: ${unsupported('operator > ANY')}`],
  ['select (1 as one)', `line 1, column 11: ${unsupported('an alias in parentheses')}`],
  ['create schema authorization x', `line 1, column 15: ${unsupported('CREATE SCHEMA AUTHORIZATION')}`],
  [
    'merge into shop.t using svv_tables x on t.id = x.remarks when matched then delete when not matched then insert values (1)',
    `line 1, column 25: ${unsupported('MERGE with a system view as its source')}`,
  ],
  [
    'select price % 3 from shop.t',
    `line 1, column 14: ${unsupported('operator % between numeric(10,2) and integer (cast to bigint)')}`,
  ],
  ['select median(name) from shop.t', `line 1, column 8: ${unsupported('function MEDIAN of varchar')}`],
  ['select ratio::boolean from shop.t', `line 1, column 13: ${unsupported('a cast from double precision to boolean')}`],
  [
    "select id from shop.t where payload.a || 'x' = 'y'",
    `line 1, column 39: ${unsupported('operator || with super (cast it to varchar)')}`,
  ],
  [
    'select id from shop.t where name = 5',
    `line 1, column 34: ${unsupported('operator = between character varying(8) and integer')}`,
  ],
  [
    'select payload from shop.t order by payload',
    `line 1, column 37: ${unsupported('sorting by a super value (cast it)')}`,
  ],
  [
    'select sum(id) over (order by id) from shop.t',
    'line 1, column 21: aggregate window functions with an ORDER BY clause require a frame clause',
  ],
  ['select a = b = c from shop.t', `line 1, column 14: ${unsupported('a chain of comparisons without parentheses')}`],
  ["select name || 'x' is null from shop.t", `line 1, column 20: ${unsupported('IS after || without parentheses')}`],
  ["select 'a\\d'", `line 1, column 10: ${unsupported('escape \\d in a string literal')}`],
  ["select name ~ '(?i)x' from shop.t", `line 1, column 15: ${unsupported("regular expression '(?i)x'")}`],
  ["select to_char(at, 'RM') from shop.t", `line 1, column 8: ${unsupported('format "RM" in function TO_CHAR')}`],
  [
    'select percentile_disc(0.5) within group (order by id) from shop.t',
    `line 1, column 8: ${unsupported('function PERCENTILE_DISC without APPROXIMATE or OVER')}`,
  ],
  ["select to_char(at, 'dAY') from shop.t", `line 1, column 8: ${unsupported('format "dAY" in function TO_CHAR')}`],
  [
    'select datediff(dow, at, at) from shop.t',
    `line 1, column 8: ${unsupported('date part dow in function DATEDIFF')}`,
  ],
  [
    "select '2026-01-01 00:00:00+02'::timestamp",
    `line 1, column 32: ${unsupported('"2026-01-01 00:00:00+02" as a timestamp')}`,
  ],
  ["select 'x'::int", 'line 1, column 11: invalid input syntax for type integer: "x"'],
  ['select * from nowhere', 'line 1, column 15: relation "nowhere" does not exist'],
  ['select t.nope from shop.t', 'line 1, column 8: column "t.nope" does not exist'],
  ['select id from shop.t a, shop.t b', 'line 1, column 8: column reference "id" is ambiguous'],
  ['select id from shop.t where count(*) > 1', 'line 1, column 29: aggregates not allowed in WHERE'],
  ['select id from shop.t where id', 'line 1, column 29: argument of WHERE must be type boolean, not type bigint'],
  ['select id frm shop.t', 'line 1, column 15: syntax error at or near "shop", expected the end of the statement'],
  ["select 'open", 'line 1, column 8: string literal is not closed'],
  ['select :x', 'line 1, column 8: parameter :x has no value'],
  [
    'insert into shop.t (id) select name from shop.t',
    `line 1, column 25: ${unsupported('storing character varying(8) in a column of type bigint')}`,
  ],
  ["insert into shop.t (name) values ('123456789')", 'line 1, column 35: value too long for type character varying(8)'],
  ['insert into shop.t (id, id) values (1, 2)', 'line 1, column 21: column specified more than once'],
  [
    'create table shop.x (a int, b super) sortkey(b)',
    'line 1, column 46: column "b" of type super cannot be a sort key',
  ],
  ['create table shop.x (a int check (a > 1))', `line 1, column 28: ${unsupported('CHECK')}`],
  [
    'create table shop.x (a varchar(70000))',
    'line 1, column 32: length for type varchar must be between 1 and 65535, got 70000',
  ],
  ['set timezone to cet', `line 1, column 17: ${unsupported('setting timezone to cet')}`],
  ['set nothing to 1', `line 1, column 5: ${unsupported('setting nothing')}`],
  ['select id from shop.t limit 1 + 1', `line 1, column 31: ${unsupported('LIMIT that is not a whole number')}`],
];

test.each(refused)('%s', (sql, message) => {
  const got = refusal(sql);
  expect(got.startsWith(message) ? message : got).toBe(message);
});

test('a mistake in a later statement refuses the text before anything runs', () => {
  const statements = (function* () {
    yield* database.translate('create schema a; selec 1');
  })();
  expect(() => statements.next()).toThrow('line 1, column 18: statement SELEC is not supported');
});

test('garbage, deep nesting and long texts are refused, in time', () => {
  const long = 200_000;
  const hostile = [
    '('.repeat(long),
    `select ${'('.repeat(long)}`,
    `select ${'not '.repeat(40_000)}1`,
    `select ${'- '.repeat(90_000)}1`,
    `select 1${'+1'.repeat(90_000)}`,
    `select 1${'::int'.repeat(30_000)}`,
    `select ${'case when '.repeat(15_000)}`,
    `select a${'.a'.repeat(90_000)}`,
    `select ${"'a'||".repeat(30_000)}'a'`,
    `select 1${' union select 1'.repeat(10_000)}`,
    `${'/*'.repeat(90_000)}`,
    `select ${'"'.repeat(long)}`,
    `select 1 where true${' and true'.repeat(20_000)}`,
    `select 1 in (1${',1'.repeat(90_000)})`,
    `with ${'a as (with '.repeat(15_000)}`,
    'x'.repeat(300_000),
    `select * from shop.t${' join shop.t on 1=1'.repeat(9_000)}`,
    `select 1, 'a' as c0 ${Array.from({ length: 60 }, (_, i) => `, c${i} || c${i} as c${i + 1}`).join('')}`,
    `select ${'nullif('.repeat(55)}1${',1)'.repeat(55)}`,
  ];
  hostile.push(
    `select id as a0${Array.from({ length: 300 }, (_, i) => `, a${i} + 1 as a${i + 1}`).join('')} from shop.t`,
  );
  hostile.push(`${'select name, count(*) from ('.repeat(30)}select name from shop.t${') x group by name'.repeat(30)}`);
  hostile.push(Array.from({ length: 60 }, () => 'select name from shop.t').join(' except '));
  for (const sql of hostile) expect(refusal(sql)).not.toBe('accepted');
});

test('nesting up to the bound is small enough to run', async () => {
  expect(await database.run(`select ${'1/('.repeat(55)}1${')'.repeat(55)}`)).toEqual([[1]]);
  expect(await database.run(`select ${'('.repeat(50)}'7'${'::int::varchar)'.repeat(50)}`)).toEqual([['7']]);
  const sql = `select ${'coalesce(nullif('.repeat(25)}1${',0),1)'.repeat(25)} + ${'(select '.repeat(10)}1${')'.repeat(10)}`;
  expect(refusal(sql)).toMatch(/^accepted$|not supported by the local warehouse$/);
});

const pieces = [
  'select',
  'from',
  'shop.t',
  'where',
  'id',
  'name',
  'price',
  'payload',
  '.',
  ',',
  '(',
  ')',
  '*',
  "'x'",
  '1',
  '1.5',
  '::',
  'int',
  'varchar(3)',
  'super',
  '+',
  '-',
  '/',
  '||',
  '=',
  '<',
  'and',
  'or',
  'not',
  'is',
  'null',
  'in',
  'case',
  'when',
  'then',
  'else',
  'end',
  'group by',
  'order by',
  'sum',
  'count',
  'over',
  'partition by',
  'as',
  'x',
  'join',
  'on',
  'limit',
  'union all',
  'between',
  'like',
  'exists',
  'with',
  'coalesce',
  'json_typeof',
  'at',
  "interval '1 day'",
  ':p',
  '[',
  ']',
  '$$',
  "'",
  '"',
  '--',
  '/*',
  ';',
  '~',
  '\\',
  '%',
  '0',
  'distinct',
  'having',
  'qualify',
  'date_trunc',
  'desc',
  'insert into',
  'values',
  'create table',
  'unload',
  'copy',
];

test('no sequence of words and signs makes anything but a statement or a SqlError', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), (words) => {
      refusal(words.join(' '), { p: '1' });
      refusal(`select ${words.join('')}`, { p: '1' });
    }),
    { numRuns: cases(400, 3000), seed: seedOf(1) },
  );
});

test('sizes that no statement of a person has are refused before they cost time', () => {
  const of = (count: number, item: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => item(i)).join(', ');
  expect(refusal("select 'a\0b'")).toBe('line 1, column 10: a statement must not hold a zero byte');
  expect(refusal(`select ${of(1665, String)}`)).toBe('line 1, column 1: target lists can have at most 1664 entries');
  expect(refusal(`select ${of(1664, String)}`)).toBe('accepted');
  expect(refusal(`create table shop.wide (${of(1601, (i) => `c${i} int`)})`)).toBe(
    'line 1, column 1: tables can have at most 1600 columns',
  );
  expect(refusal(`with ${of(501, (i) => `c${i} as (select 1)`)} select 1`)).toMatch(
    unsupported('more than 500 queries in WITH'),
  );
});
