import { pipelines } from '../../../pipelines';
import { unknownColumns } from '../../../sql/views/unknown-columns';
import { aPipeline, aView } from '../fixtures';

const views = [aView('sold', 'select id, amount, at from shop.events')];
const names = (query: string) =>
  unknownColumns(aPipeline({ views }), query).map(({ name, at }) => [name, query.slice(at, at + name.length)]);

test.each([
  ['select idd, at from shop.events', 'idd'],
  ['select e.idd from shop.events e', 'idd'],
  ['select id from shop.events where amout > 1', 'amout'],
  ['select id, count(*) from shop.events group by knid, id', 'knid'],
  ['select sum(amout) as amount from shop.events', 'amout'],
  ['select s.id from shop.sold s join shop.events e on e.id = s.kind', 'kind'],
  ['select shop.events.idd from shop.events', 'idd'],
  ['select kind from shop.sold', 'kind'],
  ['select f.id from shop.events e', 'f'],
  ['with a as (select idd from shop.events) select idd from a', 'idd'],
  ['select id from shop.events where id in (select idd from shop.sold)', 'idd'],
  ['select id from shop.events union all select idd from shop.sold', 'idd'],
  ['select coalesce(amout, 0)::decimal(12, 2) as x from shop.events', 'amout'],
])('%s names %s', (query, name) => {
  expect(names(query)).toEqual([[name, name]]);
});

test.each([
  "select date_trunc('hour', at) as hour, sum(amount) total from shop.events group by hour order by total",
  'select id, dateadd(day, 1, at) as later, later as again, extract(hour from at) as h from shop.events',
  'select e.payload.lines[0].price::double precision as price, payload."Sku" from shop.events e',
  'select row_number() over (partition by kind order by at desc rows between unbounded preceding and current row) as n from shop.events',
  'select id, l.price from shop.events e, e.payload.lines l',
  'select s.id from shop.sold s where exists (select 1 from shop.events e where e.id = s.id and amount > 1)',
  "select id from shop.events where at > timestamp '2026-01-01' - interval '1 day' and kind is not null",
  "select case when amount > 1 then 'a' else kind end as size, cast(amount as character varying(8)) as text from shop.events",
  'with recursive a as (select id, 1 as n from shop.events union all select id, n + 1 from a where n < 3) select id, n from a',
  'select x.* from (select id, count(*) as n from shop.events group by 1) x where x.n > 1',
  "select listagg(kind, ',') within group (order by at) as kinds from shop.events",
  'select approximate count(distinct id) as n, median(amount) as m from shop.events',
  "select id, at at time zone 'UTC' as utc from shop.events",
])('%s names columns only', (query) => {
  expect(names(query)).toEqual([]);
});

test('the shipped queries name columns only', () => {
  for (const pipeline of pipelines)
    for (const { query } of [...pipeline.views, ...pipeline.exports.filter(({ engine }) => engine !== 'materialize')])
      expect(unknownColumns(pipeline, query)).toEqual([]);
});
