import { withoutDoubleColons } from '../../../sql/endpoints/casts';

test.each([
  ['a::date', 'cast(a as date)'],
  ['t.a::date', 'cast(t.a as date)'],
  ['shop.t."a b"::varchar(64)', 'cast(shop.t."a b" as varchar(64))'],
  ['a::date::varchar', 'cast(cast(a as date) as varchar)'],
  ['a::double precision::integer + 1', 'cast(cast(a as double precision) as integer) + 1'],
  ['a::character varying(9)::integer', 'cast(cast(a as character varying(9)) as integer)'],
  ['a::numeric(10,2)::int', 'cast(cast(a as numeric(10,2)) as int)'],
  ['a::timestamp with time zone, b', 'cast(a as timestamp with time zone), b'],
  ['sum(a + b)::decimal(38, 2) as x', 'cast(sum(a + b) as decimal(38, 2)) as x'],
  ['1 + (a + b)::int * 2', '1 + cast((a + b) as int) * 2'],
  ['a = 1 and (b)::int > 2', 'a = 1 and cast((b) as int) > 2'],
  ['sum(a) over (partition by b)::int', 'cast(sum(a) over (partition by b) as int)'],
  [
    "listagg(a, ',') within group (order by a)::varchar(9)",
    "cast(listagg(a, ',') within group (order by a) as varchar(9))",
  ],
  ["case when a then 'x' else 'y' end::varchar(1)", "cast(case when a then 'x' else 'y' end as varchar(1))"],
  ["timestamp '2026-01-01 10:00'::date", "cast(timestamp '2026-01-01 10:00' as date)"],
  ["'a::b'::varchar", "cast('a::b' as varchar)"],
  ['payload.items[0].price::int', 'cast(payload.items[0].price as int)'],
  ['payload.items[a::int]::int', 'cast(payload.items[cast(a as int)] as int)'],
  ['-1::int', '-cast(1 as int)'],
  ['left(a, 2)::int', 'cast(left(a, 2) as int)'],
  ['a -- x::y\n, b', 'a -- x::y\n, b'],
])('%s', (written, cast) => {
  expect(withoutDoubleColons(written)).toBe(cast);
});
