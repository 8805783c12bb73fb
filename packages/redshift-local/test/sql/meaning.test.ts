import { type Database, openDatabase } from './database';

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.run(`
    create schema shop;
    create table shop.sales (id bigint not null, small smallint, name varchar(8), price decimal(10,2), ratio double precision, sold_at timestamp, day date, opened boolean, payload super);
    insert into shop.sales values
      (1, 7, 'apple', 1.50, 0.5, '2026-01-31 10:00:00', '2026-01-31', true, json_parse('{"Name":"Ann","n":5,"d":1.5,"s":"12","t":true,"z":null,"list":[1,"two",{"x":3}],"at":"2026-02-03T04:05:06.789Z"}')),
      (2, -7, 'éé', 2.25, 2.5, '2026-02-28 23:59:59.5', '2026-02-28', false, json_parse('"text"')),
      (3, null, null, null, null, null, null, null, null)`);
});
afterAll(() => database.dispose());

/** One expression over row 1, and what Redshift makes of it. */
const expressions: [topic: string, sql: string, expected: unknown][] = [
  ['integer division truncates', '7 / 2', 3],
  ['towards zero', '-7 / 2', -3],
  ['a bigint and an integer', 'id + 1', '2'],
  ['remainder has the sign of the dividend', '-7 % 3', -1],
  ['a smallint and a literal do not stay small', 'small + 32767', 32774],
  ['a decimal product adds the scales', 'price * 1.5', '2.250'],
  ['a cast to a decimal rounds half up', "'1.005'::decimal(5,2)", '1.01'],
  ['and half down when negative', "'-1.005'::decimal(5,2)", '-1.01'],
  ['a decimal to an integer rounds', '2.5::int', 3],
  ['an explicit cast cuts varchar by bytes', "('a' || 'éé')::varchar(4)", 'aé'],
  ['also literals', "'aéé'::varchar(4)", 'aé'],
  ['a cast keeps a text that fits', 'name::varchar(5)', 'apple'],
  ['text to integer takes blanks', "(' ' || '12 ')::int", 12],
  ['try_cast gives null', 'try_cast(name as integer)', null],
  ['text to boolean', "(name || '')::varchar(1) = 'a'", true],
  ['concatenation with null is null', 'name || null', null],
  ['nvl', 'nvl(null, name)', 'apple'],
  ['nvl2', "nvl2(null, 'a', 'b')", 'b'],
  ['nullif', "nullif(name, 'apple')", null],
  [
    'trailing blanks do not count in a comparison',
    "name || '  ' = 'apple' and name || ' ' in ('apple ') and nullif(name, 'apple  ') is null",
    true,
  ],
  ['nor for decode and CASE', "decode(name || ' ', 'apple', 1) + case name when 'apple ' then 1 end", 2],
  ['but in a pattern they do', "name || ' ' like 'apple'", false],
  ['decode finds null', "decode(null, null, 'none', 'some')", 'none'],
  ['decode falls through', "decode(id, 2, 'two', 1, 'one')", 'one'],
  ['greatest ignores null', 'greatest(1, null, 3)', 3],
  ['length counts characters', "len('é€')", 2],
  ['octet_length counts bytes', "octet_length('é€')", 5],
  ['trim takes blanks only', "'[' || trim(' \\t ') || ']'", '[\t]'],
  ['ltrim takes a set', "ltrim('xxyz', 'xy')", 'z'],
  ['substring from before the start', "substring('hello', -1, 3)", 'h'],
  ['substring from inside', "substring('hello', 2, 3)", 'ell'],
  ['split_part behind the last', "split_part('a-b', '-', 3)", ''],
  ['strpos', "strpos('dogfish', 'fish')", 4],
  ['charindex is the other way round', "charindex('fish', 'dogfish')", 4],
  ['sha2', "sha2('a', 256)", 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'],
  ['regexp_substr without a match is empty', "'[' || regexp_substr(name, '[0-9]+') || ']'", '[]'],
  ['~ looks anywhere', "name ~ 'pp'", true],
  ['~ with anchors', "name ~ '^pp'", false],
  ['like with the backslash as escape', "'a_b' like 'a\\\\_b'", true],
  ['ilike', "name ilike 'A%'", true],
  ['datediff counts boundaries', "datediff(day, '2026-01-01 23:59:59', '2026-01-02 00:00:00')", '1'],
  ['datediff backwards', "datediff(month, sold_at, '2025-12-31')", '-1'],
  ['dateadd clamps to the end of the month', 'dateadd(month, 1, sold_at)', '2026-02-28 10:00:00'],
  ['dateadd on a date is a timestamp', 'dateadd(day, 1, day)', '2026-02-01 00:00:00'],
  ['leap day', "dateadd(year, 1, '2028-02-29'::date)", '2029-03-01 00:00:00'],
  ['interval literal', "sold_at + interval '90 minutes'", '2026-01-31 11:30:00'],
  ['date minus date', "day - '2026-01-01'::date", 30],
  ['date plus days', 'day + 1', '2026-02-01'],
  ['weeks start on Monday', "date_trunc('week', '2026-11-22'::timestamp)", '2026-11-16 00:00:00'],
  ['Sunday is day 0', "extract(dow from '2026-11-22'::date)", 0],
  ['epoch', "extract(epoch from '1970-01-02'::timestamp)", '86400'],
  ['to_char', "to_char(sold_at, 'YYYY/MM/DD HH24:MI:SS.MS')", '2026/01/31 10:00:00.000'],
  ['trunc of a timestamp', 'trunc(sold_at)', '2026-01-31'],
  ['getdate has whole seconds', 'getdate()', '2026-03-04 05:06:07'],
  ['sysdate has a fraction', 'sysdate', '2026-03-04 05:06:07.891234'],
  ['current_date', 'current_date', '2026-03-04'],
  ['current_user', 'current_user', 'millrace_owner'],
  ['a timestamp without zone keeps Z as UTC', "'2026-01-01T00:00:00Z'::timestamp", '2026-01-01 00:00:00'],
  ['attributes keep their case', 'payload."Name"::varchar', 'Ann'],
  ['an unquoted attribute is lower case', 'payload.Name::varchar', null],
  ['a missing attribute is null', 'payload.a.b.c::varchar', null],
  ['an array element', 'payload.list[1]::varchar', 'two'],
  ['beyond the array', 'payload.list[9]::varchar', null],
  ['an object is no text', 'payload::varchar', null],
  ['a boolean is no text', 'payload.t::varchar', null],
  ['a number as text', 'payload.n::varchar', '5'],
  ['a text as a number', 'payload.s::int', 12],
  ['a text that is no number', 'payload."Name"::int', null],
  ['a number that does not fit', '(payload.n::bigint * 100000)::varchar(20)', '500000'],
  ['out of range', "json_parse('70000')::smallint", null],
  ['a fraction that rounds down', "json_parse('1.4')::int", 1],
  ['a fraction is no boolean', "json_parse('5.5')::boolean", null],
  ['an integer is one', "json_parse('5')::boolean", true],
  ['a timestamp in a payload', 'payload."at"::timestamp', '2026-02-03 04:05:06.789'],
  ['JSON null is null', 'payload.z is null', true],
  ['but has a type', 'json_typeof(payload.z)', 'null'],
  ['and a missing one has none', 'json_typeof(payload.y)', null],
  [
    'json_typeof',
    'json_typeof(payload.list) || json_typeof(payload.n) || json_typeof(payload.t)',
    'arraynumberboolean',
  ],
  ['get_array_length', 'get_array_length(payload.list)', 3],
  ['get_array_length of an object', 'get_array_length(payload)', null],
  ['object() is empty', 'json_serialize(object())', '{}'],
  [
    'object() takes values of any type',
    `json_serialize(object('a', 1, 'b', true, 'c', 3.14, name, name || '"', 'n', payload."nothing", 'l', null))`,
    '{"a":1,"b":true,"c":3.14,"apple":"apple\\"","n":null,"l":null}',
  ],
  [
    'object() and array() nest',
    `json_serialize(object('a', object('aa', 1), 'b', array(2, 'x', price), 'c', payload."list"))`,
    '{"a":{"aa":1},"b":[2,"x",1.50],"c":[1,"two",{"x":3}]}',
  ],
  ['array() is empty', 'json_typeof(array()) || get_array_length(array())', 'array0'],
  ['to_varbyte reads hex', "from_varbyte(to_varbyte('6162', 'hex'), 'utf8')", 'ab'],
  ['with an odd number of digits', "from_varbyte(to_varbyte('4', 'HEX'), 'hex')", '04'],
  ['to_varbyte reads base64', "from_varbyte(to_varbyte('w6k=', 'base64'), 'utf-8')", 'é'],
  ['from_varbyte writes base64', "from_varbyte(to_varbyte('é', 'utf_8'), 'base64')", 'w6k='],
  ['from_varbyte takes text', "from_varbyte('ab', 'hex')", '6162'],
  [
    'JSON that only DuckDB reads is not JSON',
    `case when can_json_parse('[1,]') or can_json_parse('{"a": nan}') or can_json_parse('-Infinity') then 'yes' else 'no' end`,
    'no',
  ],
  [
    'what looks like it within a text is',
    `can_json_parse('{"a": ", nan, ]", "b": "[inf"}') and can_json_parse('["information", "nano"]')`,
    true,
  ],
  ['json_serialize keeps quotes', 'json_serialize(payload."Name")', '"Ann"'],
  ['can_json_parse refuses what only DuckDB reads', "can_json_parse('[1,]')", false],
  ['NaN too', 'can_json_parse(\'{"a":NaN}\')', false],
  ['but not inside a string', 'can_json_parse(\'{"a":",] NaN inf"}\')', true],
  ['can_json_parse of nothing', "can_json_parse('')", false],
  ['can_json_parse of null', 'can_json_parse(null)', null],
];

test.each(expressions)('%s: %s', async (_, sql, expected) => {
  expect(await database.run(`select ${sql} from shop.sales where id = 1`)).toEqual([[expected]]);
});

const queries: [topic: string, sql: string, expected: unknown[][]][] = [
  ['nulls are last in ascending order', 'select id from shop.sales order by name', [['1'], ['2'], ['3']]],
  ['and first in descending order', 'select id from shop.sales order by name desc', [['3'], ['2'], ['1']]],
  ['unless said otherwise', 'select id from shop.sales order by name desc nulls last', [['2'], ['1'], ['3']]],
  [
    'the average of integers is an integer',
    'select avg(id), avg(small), sum(id), count(small) from shop.sales',
    [['2', '0', '6', '2']],
  ],
  ['an aggregate of nothing', 'select sum(id), count(*) from shop.sales where id > 9', [[null, '0']]],
  [
    'group by an alias and an ordinal',
    "select date_trunc('month', sold_at) as m, opened, count(*) from shop.sales group by m, 2 order by m",
    [
      ['2026-01-01 00:00:00', true, '1'],
      ['2026-02-01 00:00:00', false, '1'],
      [null, null, '1'],
    ],
  ],
  [
    'an input column wins over an alias in group by',
    'select upper(name) as name, count(*) from shop.sales where id < 3 group by name order by 1',
    [
      ['APPLE', '1'],
      ['ÉÉ', '1'],
    ],
  ],
  ['a later item uses an alias', 'select id + 1 as a, a * 2 as b from shop.sales where id = 1', [['2', '4']]],
  ['having', 'select opened from shop.sales group by opened having sum(id) > 2', [[null]]],
  [
    'unnesting',
    'select s.id, i.x::int, json_typeof(i) from shop.sales s, s.payload.list i order by 2, 3',
    [
      ['1', 3, 'object'],
      ['1', null, 'number'],
      ['1', null, 'string'],
    ],
  ],
  [
    'left join',
    'select a.id, b.id from shop.sales a left join shop.sales b on b.id = a.id + 1 order by 1',
    [
      ['1', '2'],
      ['2', '3'],
      ['3', null],
    ],
  ],
  [
    'using shows the column once',
    'select * from (select id from shop.sales) a join (select id, small from shop.sales) b using (id) where id = 1',
    [['1', 7]],
  ],
  [
    'full join',
    'select a.id, b.id from (select id from shop.sales where id < 2) a full join (select id from shop.sales where id = 3) b on a.id = b.id order by a.id',
    [
      ['1', null],
      [null, '3'],
    ],
  ],
  [
    'exists',
    'select id from shop.sales a where not exists (select 1 from shop.sales b where b.id = a.id + 1)',
    [['3']],
  ],
  ['in a query', 'select id from shop.sales where id in (select id + 1 from shop.sales where id = 1)', [['2']]],
  [
    'a scalar subquery',
    'select (select max(id) from shop.sales b where b.id < a.id) from shop.sales a order by a.id desc limit 1',
    [['2']],
  ],
  [
    'common tables',
    'with a (x) as (select id from shop.sales), b as (select x + 1 as y from a) select y from b order by y limit 1 offset 1',
    [['3']],
  ],
  [
    'a window',
    'select id, row_number() over (order by id desc), lag(id) over (order by id), sum(id) over (order by id rows unbounded preceding) from shop.sales order by 1',
    [
      ['1', '3', null, '1'],
      ['2', '2', '1', '3'],
      ['3', '1', '2', '6'],
    ],
  ],
  [
    'qualify',
    'select id from shop.sales as x qualify row_number() over (partition by opened is null order by id desc) = 1 order by id',
    [['2'], ['3']],
  ],
  ['union takes duplicates out', "select 'a' union select 'a' union all select null order by 1", [['a'], [null]]],
  ['except and intersect', 'select id from shop.sales except select 2 order by 1', [['1'], ['3']]],
  ['a union of integer and decimal', 'select 1 union all select 2.50 order by 1', [['1.00'], ['2.50']]],
  ['doubled names in a subquery', 'select count(*) from (select id, id from shop.sales) t', [['3']]],
  ['not in with null', 'select id from shop.sales where id not in (1, null)', []],
];

test.each(queries)('%s', async (_, sql, expected) => {
  expect(await database.run(sql)).toEqual(expected);
});

test('errors where DuckDB would answer null, infinity or a cut text', async () => {
  await expect(database.run('select id / (id - 1) from shop.sales')).rejects.toThrow('division by zero');
  await expect(database.run('select ratio / (ratio - 0.5) from shop.sales')).rejects.toThrow('division by zero');
  await expect(database.run("select json_parse('[1,]')")).rejects.toThrow('invalid JSON');
  await expect(database.run("select ('1' || '.5')::int")).rejects.toThrow(
    'invalid input syntax for type integer: "1.5"',
  );
  await expect(
    database.run('insert into shop.sales (id, name) select 9, name || name from shop.sales where id = 1'),
  ).rejects.toThrow('value too long for type character varying(8)');
});

test('stores texts that are too long by blanks only, and rounds decimals', async () => {
  await database.run(
    "create table shop.short (t varchar(3), d decimal(4,1)); insert into shop.short select 'é' || '  ' || ' ', 1.25; insert into shop.short (t) values ('ab ' || '  ')",
  );
  expect(await database.run('select t, octet_length(t), d from shop.short order by d')).toEqual([
    ['é ', 3, '1.3'],
    ['ab ', 3, null],
  ]);
});

test('types of results are those of Redshift', () => {
  const [statement] = database.translate(
    "select sum(small), sum(id), sum(price), avg(small), count(*), price * small, name || 'x', id / 2, payload, null, 'abc' from shop.sales group by price, small, name, id, payload.n::int, payload"
      .replace(', payload.n::int, payload', '')
      .replace(' payload,', ''),
  );
  expect(statement).toMatchObject({
    columns: [
      { name: 'sum', type: { name: 'bigint' } },
      { name: 'sum', type: { name: 'decimal', precision: 38, scale: 0 } },
      { name: 'sum', type: { name: 'decimal', precision: 38, scale: 2 } },
      { name: 'avg', type: { name: 'bigint' } },
      { name: 'count', type: { name: 'bigint' } },
      { type: { name: 'decimal', precision: 16, scale: 2 } },
      { type: { name: 'varchar', length: 9 } },
      { type: { name: 'bigint' } },
      { type: { name: 'varchar' } },
      { type: { name: 'varchar', length: 3 } },
    ],
  });
});

test('parameters are literals without a type', async () => {
  expect(
    await database.run('select id from shop.sales where sold_at >= :from and id = :id', {
      from: '2026-01-01',
      id: '1',
    }),
  ).toEqual([['1']]);
  expect(await database.run("select :text, 'a:b'", { text: "it's \\ :x" })).toEqual([["it's \\ :x", 'a:b']]);
  expect(() => database.translate('select id from shop.sales where id = :id', { id: 'x' })).toThrow(
    'invalid input syntax for type bigint: "x"',
  );
});

test('identifiers are folded unless the cluster keeps the case of quoted ones', async () => {
  const folding = await openDatabase({ caseSensitive: false });
  await folding.run('create schema S; create table s."T" ("Id" int); insert into S.T values (1)');
  expect(await folding.run('select "ID", t.iD from "S"."t"')).toEqual([[1, 1]]);
  expect(await folding.run(`select p."A"::int from (select json_parse('{"a":1,"A":2}') as p) x`)).toEqual([[1]]);
  folding.dispose();
});

test('each statement sees what the ones before it made', async () => {
  expect(
    await database.run(
      'create temp table sales as select 5 as id; insert into sales values (6); update sales set id = id + 1 where id = 5; delete from sales using shop.sales s where s.id = 9 and sales.id = s.id; select id from sales order by id',
    ),
  ).toEqual([[6], [6]]);
  await database.run('drop table sales');
});
