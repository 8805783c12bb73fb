import { redshiftWords } from '../../src/sql/failure';
import { describe as describeType } from '../../src/sql/types';
import type { ColumnInfo, Statement } from '../../src/statement';
import { type Database, openDatabase } from './database';

/** Edges of what is allowed, with the page of https://docs.aws.amazon.com/redshift/latest/dg/ that a case rests on, or `assumed`. */
let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.run(`
    create schema shop;
    create table shop.b (id int, t varchar(10), u varchar(10));
    insert into shop.b values (1, 'a', 'x'), (2, 'a ', 'x '), (3, 'a  ', 'y'), (4, 'b', 'y'), (5, null, null), (6, null, '');
    create table shop.s (id int, price decimal(10,2), ratio double precision, at timestamp, payload super);
    insert into shop.s values
      (1, 1.50, 0.5, '2026-01-31 10:00:00', json_parse('{"n":5,"d":1.5,"s":"12","t":true,"z":null,"list":[1,"two",{"x":3}],"deep":[[1,2],[3]]}')),
      (2, -1.51, 2.5, '2028-02-29 23:59:59.999999', json_parse('"text"')),
      (3, null, null, null, null)`);
});
afterAll(() => database.dispose());

const failure = async (sql: string): Promise<string> => {
  try {
    await database.run(sql);
  } catch (error) {
    return redshiftWords((error as Error).message);
  }
  return 'accepted';
};

describe('trailing blanks count for nothing where texts are compared (r_Character_types)', () => {
  const cases: [topic: string, sql: string, expected: unknown[][]][] = [
    [
      'groups',
      'select t, count(*) from shop.b group by t order by t',
      [
        ['a', '3'],
        ['b', '1'],
        [null, '2'],
      ],
    ],
    ['a group shows a value that it has', 'select octet_length(t) from shop.b where id in (2, 3) group by t', [[2]]],
    [
      'groups by an expression',
      "select upper(t) || '!', max(id) from shop.b group by upper(t) order by 2",
      [
        ['A!', 3],
        ['B!', 4],
        [null, 6],
      ],
    ],
    [
      'groups by an ordinal and an alias',
      'select t as k, u, count(*) from shop.b group by k, 2 order by 1, 2',
      [
        ['a', 'x', '2'],
        ['a  ', 'y', '1'],
        ['b', 'y', '1'],
        [null, '', '1'],
        [null, null, '1'],
      ],
    ],
    ['distinct', 'select distinct t from shop.b order by t desc', [[null], ['b'], ['a']]],
    ['count of distinct values', 'select count(distinct t), count(distinct u) from shop.b', [['2', '3']]],
    ['union', "select t from shop.b union select 'b   ' order by 1", [['a'], ['b'], [null]]],
    ['except', "select t from shop.b except select 'a' order by 1", [['b'], [null]]],
    ['intersect', "select t from shop.b intersect select 'b  '", [['b']]],
    [
      'partitions and ties',
      'select id, row_number() over (partition by t order by id), rank() over (order by t) from shop.b where id < 5 order by id',
      [
        [1, '1', '1'],
        [2, '2', '1'],
        [3, '3', '1'],
        [4, '1', '4'],
      ],
    ],
    ['order', 'select id from shop.b order by t, id desc', [[3], [2], [1], [4], [6], [5]]],
    ['joins', 'select count(*) from shop.b x join shop.b y on x.t = y.t', [['10']]],
    ['using', 'select count(*) from shop.b x join shop.b y using (t)', [['10']]],
    ['in a list and in a query', "select count(*) from shop.b where t in ('a     ') and t in (select 'a ')", [['3']]],
    [
      'a correlated subquery over groups',
      'select t, (select max(id) from shop.b x where x.t = b.t) from shop.b b group by t order by 1',
      [
        ['a', 3],
        ['b', 4],
        [null, null],
      ],
    ],
    [
      'listagg of distinct values keeps the first (r_LISTAGG)',
      "select listagg(distinct t, '|') within group (order by id) from shop.b",
      [['a|b']],
    ],
    [
      'a longer literal is not cut to the column',
      "select count(*) from shop.b where t = 'a                  x'",
      [['0']],
    ],
  ];
  test.each(cases)('%s', async (_, sql, expected) => expect(await database.run(sql)).toEqual(expected));
});

describe('CHAR (r_Character_types)', () => {
  test('is padded in results and without blanks everywhere else', async () => {
    expect(
      await database.run(
        "select 'a '::char(3), len('a '::char(3)), octet_length('a'::char(9)), 'a '::char(3) || 'b', 'abc'::char(2)",
      ),
    ).toEqual([['a  ', 1, 1, 'ab', 'ab']]);
    await database.run("create table shop.c (c char(4)); insert into shop.c values ('ab  '), ('ab'), (null), ('')");
    expect(await database.run('select c, count(*) from shop.c group by c order by c')).toEqual([
      ['    ', '1'],
      ['ab  ', '2'],
      [null, '1'],
    ]);
  });
  test('has single-byte characters up to its length', async () => {
    expect(await failure("insert into shop.c values ('abcde')")).toMatch(/value too long for type character\(4\)$/);
    expect(await failure("insert into shop.c select 'a' || 'bcde'")).toBe('value too long for type character(4)');
    expect(await failure("insert into shop.c select 'é' || ''")).toBe('multibyte character not supported for CHAR');
    expect(await failure("select 'é'::char(4)")).toMatch(/multibyte/);
  });
});

const rows: [ground: string, sql: string, expected: unknown[]][] = [
  [
    'r_numeric_computations201',
    'select price / 100, 10.00 / 4, -7.5 / 2 from shop.s where id = 1',
    ['0.0150000000000', '2.5000000000000', '-3.750000000000'],
  ],
  [
    'r_AVG',
    'select avg(price) from (select 1.00::decimal(10,2) as price union all select 1.01::decimal(10,2)) x',
    ['1.00'],
  ],
  [
    'r_AVG',
    'select avg(price) from (select -1.00::decimal(10,2) as price union all select -1.01::decimal(10,2)) x',
    ['-1.00'],
  ],
  ['r_AVG', 'select avg(price), avg(id), avg(ratio) from shop.s where id > 3', [null, null, null]],
  [
    'r_ROUND',
    'select round(28.05), round(28.05, 1), round(-28.05), round(99.99), round(5)',
    ['28', '28.1', '-28', '100', 5],
  ],
  ['r_TRUNC', 'select trunc(111.159, 2), trunc(-111.159), trunc(2.7::float8)', ['111.15', '-111', 2]],
  ['r_CEILING_FLOOR', 'select ceil(28.05), floor(-28.05), ceiling(-0.5)', ['29', '-29', '0']],
  [
    'r_ADD_MONTHS',
    "select add_months('2008-03-31', 1), add_months('2008-04-30', 1), add_months('2028-02-29', 12)",
    ['2008-04-30 00:00:00', '2008-05-31 00:00:00', '2029-02-28 00:00:00'],
  ],
  [
    'r_MONTHS_BETWEEN_function',
    "select months_between('1969-01-18', '1969-03-18'), round(months_between('2008-12-25 15:00:00', '2008-01-21 19:30:00'), 2), months_between('2014-08-31', '2014-09-30')",
    [-2, 11.12, -1],
  ],
  [
    'r_TO_DATE_function',
    "select to_date('02 Oct 2001', 'DD Mon YYYY'), to_date('20010631', 'YYYYMMDD'), to_date('2028-02-29', 'YYYY-MM-DD', true), to_date(null, 'YYYYMMDD')",
    ['2001-10-02', '2001-07-01', '2028-02-29', null],
  ],
  [
    'r_TO_CHAR',
    "select to_char(timestamp '2009-12-31 23:15:59', 'MONTH-DY-DD-YYYY HH12:MIPM'), to_char(timestamp '2022-05-16', 'ID'), to_char(timestamp '2028-12-31', 'DDD')",
    ['DECEMBER -THU-31-2009 11:15PM', '1', '366'],
  ],
  [
    'CONVERT_TIMEZONE',
    "select convert_timezone('America/New_York', '2013-02-01 08:00:00'), convert_timezone('America/New_York', '2013-06-01 08:00:00')",
    ['2013-02-01 03:00:00', '2013-06-01 04:00:00'],
  ],
  [
    'r_EXTRACT_function',
    "select extract(ms from timestamp '2009-09-09 12:08:43.101'), extract(week from '2022-05-02'::date)",
    [101, 18],
  ],
  [
    'r_DATEADD_function',
    "select dateadd(month, 1, '2008-04-30'), dateadd(ms, -1, '2026-01-01')",
    ['2008-05-30 00:00:00', '2025-12-31 23:59:59.999'],
  ],
  [
    'r_DATEDIFF_function',
    "select datediff(year, '2008-12-31', '2009-01-01'), datediff(qtr, '1998-07-01', '2008-06-05'), datediff(us, at, at) from shop.s where id = 2",
    ['1', '39', '0'],
  ],
  [
    'r_SUBSTRING',
    "select substring('caterpillar' from 6 for 4), substring('caterpillar', -2, 6), substring('caterpillar', -5, 4), substring('é€x', 2, 1)",
    ['pill', 'cat', '', '€'],
  ],
  ['r_POSITION', "select position('fish' in 'dogfish'), position('x' in 'dogfish')", [4, 0]],
  ['r_INITCAP', "select initcap('nibh.enim@urna.org a''b ÉTÉ')", ["Nibh.Enim@Urna.Org A'B Été"]],
  ['r_TRANSLATE', "select translate('mint tea', 'inea', 'osin'), translate('abc', 'ab', '')", ['most tin', 'c']],
  [
    'REGEXP_SUBSTR',
    "select regexp_substr('a1b22', '[0-9]+', 1, 2), regexp_substr('the fox', 'FOX', 1, 1, 'i'), regexp_substr('abc', 'x')",
    ['22', 'fox', ''],
  ],
  [
    'REGEXP_COUNT',
    "select regexp_count('abcabc', 'a[bc]'), regexp_count('', 'a'), regexp_instr('xxabc', 'a'), regexp_instr('x', 'a')",
    [2, 0, 3, 0],
  ],
  [
    'pattern-matching-conditions-similar-to',
    "select 'Agoura Hills' similar to '%E%|%H%', 'a.c' similar to 'a.c', 'abc' similar to 'a.c', 'a_c' similar to 'a\\\\_c', 'abc' similar to 'a\\\\_c', 'ab' not similar to 'a'",
    [true, true, false, true, false, true],
  ],
  [
    'r_patternmatching_condition_like',
    "select 'ABC' ilike 'a%', 'É' ilike 'é', 'é' ilike 'é', 'a_b' ilike 'A\\\\_B', 'axb' ilike 'A\\\\_B'",
    [true, false, true, true, false],
  ],
  ['pattern-matching-conditions-posix', "select 'a1' ~ '\\\\d', 'b' ~ '^\\\\d$', 'x' !~ 'y'", [true, false, true]],
  [
    'r_LISTAGG',
    "select listagg(t, ','), listagg(id) within group (order by id desc) from shop.b where id in (1, 4, 5)",
    ['a,b', '541'],
  ],
  ['r_LISTAGG', "select listagg(u, ',') from shop.b where id > 4", [null]],
  [
    'r_STDDEV_functions',
    'select stddev(id), stddev_pop(id), variance(price) from shop.s where id = 1',
    [null, 0, null],
  ],
  ['r_MEDIAN', 'select median(ratio), percentile_cont(0.25) within group (order by ratio) from shop.s', [1.5, 1]],
  [
    'r_WF_NTILE',
    'select ntile(2) over (order by id), percent_rank() over (order by id), cume_dist() over (order by id) from shop.s order by id limit 1',
    ['1', 0, 1 / 3],
  ],
  ['r_GREATEST_LEAST', 'select greatest(null, 2, 1), least(null, null)', [2, null]],
  [
    'query-super',
    "select payload.n = 5, payload.n = '5', payload.s = '12', payload.n < 'b', payload.d > 1, payload.t = true, payload.list = 1 from shop.s where id = 1",
    [true, false, true, null, true, true, false],
  ],
  ['query-super', 'select e.x::int, i from shop.s s, s.payload.list e at i where i = 2', [3, '2']],
  ['query-super', 'select count(*), max(i) from shop.s s, s.payload.deep e, e n at i', ['3', '1']],
  [
    'JSON_EXTRACT_PATH_TEXT',
    `select json_extract_path_text('{"f2":{"f3":1},"f4":{"f5":99,"f6":"star"}}', 'f4', 'f6'), json_extract_path_text('{"a"', 'a', true), json_extract_path_text('{"a":1}', 'A')`,
    ['star', null, null],
  ],
  [
    'CAN_JSON_PARSE',
    `select can_json_parse('{"a":1,"a":2}'), can_json_parse('[{"a":{"b":1}},{"b":1}]'), can_json_parse('{"a":1,"A":2}'), can_json_parse(null)`,
    [false, true, true, null],
  ],
  [
    'c_Supported_data_types',
    "select try_cast('2026-13-01' as date), true::int, '2028-02-29'::date",
    [null, 1, '2028-02-29'],
  ],
  ['r_SELECT_list', 'select top 1 id from shop.b order by id desc', [6]],
  ['r_CAST_function', "select convert(integer, '7'), convert(varchar(2), 'abc')", [7, 'ab']],
  [
    'assumed',
    "select ascii('é'), ascii(''), reverse('é€x'), power(2, 10), sqrt(2.25), log(100), sign(-3.0)",
    [233, 0, 'x€é', 1024, 1.5, 2, '-1'],
  ],
];
test.each(rows)('%s: %s', async (_, sql, expected) => expect(await database.run(sql)).toEqual([expected]));

test('names and types of results are those of Redshift', () => {
  const [statement] = database.translate(
    "select count(*), sum(id), sum(id::bigint), avg(id), avg(price), price + 1, price * 2, price / 2, datediff(day, at, at), date_part('year', at), extract(year from at), dateadd(day, 1, at), round(price, 1), 'a' || 'bc', case when true then 1 end, 1.5 from shop.s group by price, at",
  );
  const { columns } = statement as Extract<Statement, { kind: 'query' }>;
  const described = ({ name, type }: ColumnInfo) => `${name} ${describeType(type)}`;
  expect(columns.map(described)).toEqual([
    'count bigint',
    'sum bigint',
    'sum numeric(38,0)',
    'avg bigint',
    'avg numeric(38,2)',
    '?column? numeric(13,2)',
    '?column? numeric(21,2)',
    '?column? numeric(21,13)',
    'date_diff bigint',
    'pgdate_part double precision',
    'date_part integer',
    'date_add timestamp without time zone',
    'round numeric(10,1)',
    '?column? character varying(3)',
    'case integer',
    '?column? numeric(2,1)',
  ]);
});

test("a lambda of the emitter does not catch the user's names", async () => {
  await database.run(
    "create table shop.p (a int, b int, t varchar(5), f float8); insert into shop.p values (7, 2, 'x', 1.5)",
  );
  expect(
    await database.run(
      "select p.a / (p.b + length(lower(upper(lower(upper(lower(upper(p.t)))))))), p.f * p.f * p.f * p.f * p.f, to_char(dateadd(day, p.a, '2026-01-01'), 'DD') from shop.p p",
    ),
  ).toEqual([[2, 7.59375, '08']]);
});

test('what the engine could not run is said without its words', () => {
  expect(redshiftWords('Binder Error: No function matches\n\nLINE 1: x')).toBe(
    'the local warehouse could not run this statement',
  );
  expect(redshiftWords('IO Error: Could not write file: no space')).toContain('no space');
  expect(redshiftWords('access denied')).toBe('access denied');
});

describe('what Redshift writes differently or not at all is refused (assumed)', () => {
  test.each([
    ["select upper('straße')", 'UPPER of this text is not supported by the local warehouse: "straße"'],
    ["select lower('ΛΟΓΟΣ')", 'LOWER of this text is not supported by the local warehouse: "ΛΟΓΟΣ"'],
    ["select lower('İ')", 'LOWER of this text is not supported by the local warehouse: "İ"'],
    ["select initcap('ﬁn')", 'INITCAP of this text is not supported by the local warehouse: "ﬁn"'],
    [
      "select to_char('0001-01-01'::date - 1, 'YYYY')",
      'a date before the year 1 is not supported by the local warehouse',
    ],
  ])('%s', async (sql, words) => {
    expect(await failure(sql)).toBe(words);
  });
});

test('a SUPER text is cut to the bytes of varchar(n), however long its spelling in JSON is (r_Character_types)', async () => {
  await database.run(`create table shop.cut (id int, v super);
    insert into shop.cut values (1, json_parse('"abc"')), (2, json_parse('"abcd"')), (3, json_parse('"\\\\u0061\\\\u0062c"')),
      (4, json_parse('"a\\\\u0062cd"')), (5, json_parse('"éé"')), (6, json_parse('""'))`);
  expect(await database.run('select v::varchar(3) from shop.cut order by id')).toEqual(
    ['abc', 'abc', 'abc', 'abc', 'é', ''].map((text) => [text]),
  );
});
