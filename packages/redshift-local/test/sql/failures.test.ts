import { redshiftWords } from '../../src/sql/failure';
import { type Database, openDatabase } from './database';

/** How statements fail: at run time in Redshift's words, and by name and position where Redshift or the local warehouse refuses. */
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

const failures: [sql: string, words: string][] = [
  ['select 2147483647 + id from shop.s', 'Value out of range for 4 bytes'],
  ['select 9223372036854775807 + id from shop.s', 'Value out of range for 8 bytes'],
  ['select (id * 40000)::smallint from shop.s', 'Value out of range for 2 bytes'],
  ['select 100000000000000000000.5 * 100000000000000000000.5', 'Numeric data overflow (result precision)'],
  ['select (price * 1000)::decimal(5,2) from shop.s', 'Numeric data overflow (result precision)'],
  ["select '1e400'::float8", 'value out of range: overflow'],
  ["select ratio * '1e308'::float8 * 10 from shop.s", 'value out of range: overflow'],
  ['select price / 0 from shop.s', 'division by zero'],
  [
    'select price % 0 from shop.s',
    'line 1, column 14: operator % between numeric(10,2) and integer (cast to bigint) is not supported by the local warehouse',
  ],
  [
    'select (price::float8 / 2)::int from shop.s',
    'a cast to integer that drops digits is not supported by the local warehouse (use round or trunc)',
  ],
  [
    "select json_parse('1.5')::int",
    'a cast to integer that drops digits is not supported by the local warehouse (use round or trunc)',
  ],
  [
    "select json_parse('1e5')::varchar",
    'a number with an exponent as character varying(256) is not supported by the local warehouse (cast it to double precision)',
  ],
  [
    "select json_parse('1.5e300') > 1",
    'a comparison with a number of type super that has more digits than a decimal is not supported by the local warehouse (cast it)',
  ],
  ["select '9223372036854775808'::decimal(19, 0)", 'Numeric data overflow (result precision)'],
  ['select json_parse(\'"1e3"\')::decimal(5, 0)', 'not a text that the local warehouse reads as decimal: "1e3"'],
  [
    'select json_parse(\'"2024-01-01 10:00:00+02"\')::timestamp',
    'not a text that the local warehouse reads as timestamp: "2024-01-01 10:00:00+02"',
  ],
  ['select sqrt(-1)', 'cannot take square root of a negative number'],
  ['select ln(0)', 'cannot take logarithm of zero'],
  ['select power(-8, 0.5)', 'a negative number raised to a non-integer power yields a complex result'],
  ["select ('2026-02-' || '30')::date", 'date/time field value out of range: "2026-02-30"'],
  ["select to_date('20010631', 'YYYYMMDD', true)", 'date/time field date value out of range: "20010631"'],
  ['select dateadd(year, 300000, at) from shop.s', 'timestamp out of range'],
  ['select (select id from shop.s)', 'single-row subquery returns more than one row'],
  ['select json_parse(\'{"a":{"b":1,"b":2}}\')', 'invalid JSON: an object has an attribute twice'],
  ["select json_parse('{')", 'invalid JSON'],
  [
    "select json_extract_path_text('{\"a\": 1e5}', 'a')",
    'JSON_EXTRACT_PATH_TEXT of a value that may be spelled otherwise is not supported by the local warehouse (use JSON_PARSE)',
  ],
  ["select listagg(repeat('x', 60000)) from shop.s", 'Result size exceeds LISTAGG limit'],
  ["select repeat('x', 65535) || repeat(repeat('x', 60000), 2)", 'value too long for type character varying(65535)'],
  [
    'select t, id from shop.b group by t',
    'line 1, column 11: column "b.id" must appear in the GROUP BY clause or be used in an aggregate function',
  ],
  [
    'select id, count(*) from shop.b',
    'line 1, column 8: column "b.id" must appear in the GROUP BY clause or be used in an aggregate function',
  ],
  [
    'select count(*) from shop.b having id > 1',
    'line 1, column 36: column "b.id" must appear in the GROUP BY clause or be used in an aggregate function',
  ],
  [
    'select t from shop.b group by t order by id',
    'line 1, column 42: column "b.id" must appear in the GROUP BY clause or be used in an aggregate function',
  ],
  [
    'select (select max(x.id) from shop.b x where x.u = b.u) from shop.b b group by t',
    'line 1, column 52: column "b.u" must appear in the GROUP BY clause or be used in an aggregate function',
  ],
  [
    'select id from shop.b b where exists (select 1 from shop.s where not exists (select 1 from shop.b x where x.id = b.id))',
    'line 1, column 114: a correlated subquery that skips a level is not supported by the local warehouse',
  ],
  [
    'select id from shop.b b where id in (select sum(id) over () from shop.s s where s.id = b.id)',
    'line 1, column 88: a correlated subquery with a window function is not supported by the local warehouse',
  ],
  [
    'select s.id from shop.s s left join shop.b b on b.id = (select max(id) from shop.s)',
    'line 1, column 54: a subquery in the ON clause of an outer join is not supported by the local warehouse',
  ],
  [
    'select s.id from shop.s s full join shop.b b on s.id > b.id',
    'line 1, column 54: FULL JOIN is only supported with merge-joinable join conditions',
  ],
  [
    'select id from shop.b as x qualify id > 1',
    'line 1, column 39: QUALIFY needs a window function in the select list or in itself',
  ],
  [
    'select sum(id) over (order by id rows between 1 following and 1 preceding) from shop.b',
    'line 1, column 39: a frame cannot start behind its end',
  ],
  [
    "select row_number() over (order by 'a') from shop.b",
    'line 1, column 36: a constant in the PARTITION BY or ORDER BY of a window is not supported by the local warehouse',
  ],
  ["select t ~* 'x' from shop.b", 'line 1, column 10: operator ~* is not supported by the local warehouse'],
  [
    "select payload.n <> 'x' from shop.s",
    'operator <> between a value of type super and one of another kind is not supported by the local warehouse (cast it)',
  ],
  [
    "select convert_timezone('XYZ', at) from shop.s",
    "line 1, column 8: time zone 'XYZ' is not supported by the local warehouse",
  ],
  [
    'select approximate sum(distinct id) from shop.s',
    'line 1, column 8: APPROXIMATE SUM is not supported by the local warehouse',
  ],
];
test.each(failures)('%s', async (sql, words) => expect(await failure(sql)).toBe(words));
