import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from './database';

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.run(
    `create schema shop; create table shop.t (id bigint, code char(4), name varchar(8), price decimal(10,2), at timestamp, ratio double precision, sold boolean, payload super)`,
  );
  await database.run(
    `insert into shop.t values (1, 'ab', 'x', 1.25, '2026-03-04 05:06:07.5', 2.5, true, json_parse('{"n":1.50,"a":[1],"e":1e2,"s":"x"}')), (2, 'cd', 'y', 2.5, '2026-03-11 00:00:00', 1, false, json_parse('{"n":2,"s":"y"}'))`,
  );
});
afterAll(() => database.dispose());

/** Each statement is refused with an advice; the statement beside it follows the advice. */
const advised: readonly (readonly [advice: string, refused: string, ...mended: string[]])[] = [
  ['cast it to double precision', 'select 1e5', 'select 1e5::double precision'],
  ['cast it to double precision', "select json_parse('1e20')::varchar", "select json_parse('1e20')::double precision"],
  [
    'cast it to double precision',
    'select percentile_cont(0.33) within group (order by id) from shop.t',
    'select percentile_cont(0.33) within group (order by id::double precision) from shop.t',
  ],
  [
    'cast it to varchar',
    "select id from shop.t where code like 'a_'",
    "select id from shop.t where code::varchar like 'a_'",
  ],
  ['cast it to varchar', "select 'at ' || at from shop.t", "select 'at ' || at::varchar from shop.t"],
  ['cast it to varchar', "select 'p ' || payload.s from shop.t", "select 'p ' || payload.s::varchar from shop.t"],
  ['use ||', "select name + 'x' from shop.t", "select name || 'x' from shop.t"],
  [
    'use case',
    "select 'is ' || sold from shop.t",
    "select 'is ' || case when sold then 'yes' else 'no' end from shop.t",
  ],
  ['cast it', 'select id from shop.t order by payload.s', 'select id from shop.t order by payload.s::varchar'],
  [
    'cast it',
    'select count(*) from shop.t group by payload.n',
    'select count(*) from shop.t group by payload.n::decimal(10,2)',
  ],
  [
    'use json_serialize',
    'select count(*) from shop.t group by payload.a',
    'select count(*) from shop.t group by json_serialize(payload.a)',
  ],
  ['cast it', "select nvl2(name, '1', id) from shop.t", "select nvl2(name, '1'::bigint, id) from shop.t"],
  [
    'cast it',
    "select id from shop.t where price = '1.256'",
    "select id from shop.t where price = '1.256'::decimal(10,3)",
  ],
  [
    'cast it',
    "with recursive r(s) as (select 'a'::varchar(1) union all select s || 'b' from r where len(s) < 3) select s from r",
    "with recursive r(s) as (select 'a'::varchar(9) union all select (s || 'b')::varchar(9) from r where len(s) < 3) select s from r",
  ],
  [
    'cast it',
    'select id from shop.t where payload.e > price',
    'select id from shop.t where payload.e::decimal(10,2) > price',
  ],
  ['cast it', 'select id from shop.t where payload.s <> 1', "select id from shop.t where payload.s::varchar <> '1'"],
  ['cast them', 'select payload.e + price from shop.t', 'select payload.e::decimal(10,2) + price from shop.t'],
  [
    'cast the super value',
    'select id from shop.t where payload.s = at',
    'select id from shop.t where payload.s::timestamp = at',
  ],
  ['cast the text', "select price * '2' from shop.t", "select price * '2'::decimal(3,1) from shop.t"],
  ['cast to bigint', 'select price % 3 from shop.t', 'select price::bigint % 3 from shop.t'],
  [
    'cast a text to decimal',
    'select 9999999999999999999 from shop.t',
    "select '9999999999999999999'::decimal(38,0) from shop.t",
  ],
  ['use left', 'select (id + 12345)::varchar(2) from shop.t', 'select left((id + 12345)::varchar, 2) from shop.t'],
  [
    'use round or trunc',
    'select (ratio + 0.2)::int from shop.t',
    'select round(ratio + 0.2)::int, trunc(ratio + 0.2)::int from shop.t',
  ],
  [
    'use datediff, extract, or compare it with an interval',
    'select at - at from shop.t',
    'select datediff(second, at, at) from shop.t',
    'select extract(epoch from at - at) from shop.t',
    "select at - at < interval '1 day' from shop.t",
  ],
  [
    'use datediff',
    "select extract(epoch from at - '2026-01-01'::timestamp) from shop.t",
    "select datediff(millisecond, '2026-01-01'::timestamp, at) from shop.t",
  ],
  [
    'use days',
    "select datediff(week, '2026-03-01', '2026-03-02'::date)",
    "select datediff(day, '2026-03-01', '2026-03-02'::date)",
  ],
  [
    'use JSON_PARSE',
    `select json_extract_path_text('{"a":[{"b":1}]}', 'a', 'b')`,
    `select json_parse('{"a":[{"b":1}]}').a[0].b`,
  ],
  [
    'use JSON_PARSE',
    `select json_extract_path_text('{"a":1e3}', 'a')`,
    `select json_parse('{"a":1e3}').a::double precision`,
  ],
  [
    'use JSON_PARSE',
    `select json_extract_array_element_text('[1.50]', 0)`,
    `select json_parse('[1.50]')[0]::decimal(10,2)`,
  ],
  [
    'cast it to decimal or double precision',
    'select sign(id) from shop.t',
    'select sign(id::decimal(18,0)) from shop.t',
    'select sign(id::double precision) from shop.t',
  ],
];

const outcome = async (sql: string): Promise<string> => {
  try {
    await database.run(sql);
    return 'runs';
  } catch (error) {
    return (error as Error).message;
  }
};

test.each(advised)('%s: %s', async (advice, refused, ...mended) => {
  expect((await outcome(refused)).toLowerCase()).toContain(`(${advice.toLowerCase()})`);
  for (const sql of mended) expect(await outcome(sql)).toBe('runs');
});

test('every advice of the front end is here', () => {
  const folder = join(__dirname, '../../src/sql');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const given = files.flatMap((name) =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(/ \(((?:cast (?:it|them|the|to|a)|use)\b[^()`'$]*)\)/g)]
      // Comments and calls of the code itself have no message around them.
      .filter(({ index, input }) =>
        /supported|super|decimal|unsupported|varchar|refuse|'/.test(input.slice(index - 160, index)),
      )
      .map(([, advice]) => advice!.toLowerCase()),
  );
  const known = new Set(advised.map(([advice]) => advice.toLowerCase()));
  expect(given.length).toBeGreaterThan(15);
  expect([...new Set(given)].filter((advice) => !known.has(advice))).toEqual([]);
});
