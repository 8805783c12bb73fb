import { outputColumns } from '../../../sql/views/output-columns';
import { aPipeline, aView } from '../fixtures';

const pipeline = aPipeline({
  views: [
    aView('sold', "select id, amount, pieces, at from shop.events where kind = 'a'"),
    aView(
      'hourly',
      "select date_trunc('hour', at) as hour, count(*) as sales, sum(amount) as revenue from shop.sold group by 1",
    ),
  ],
});

const typeOf = (expression: string, from = 'shop.events e') => {
  const columns = outputColumns(pipeline, `select ${expression} from ${from}`);
  expect(columns).toHaveLength(1);
  return columns[0]!.type;
};

test.each([
  ['id', 'varchar(16)'],
  ['e.amount', 'decimal(6,2)'],
  ['weight as w', 'double precision'],
  ['gift', 'boolean'],
  ['count(*) as n', 'bigint'],
  ['count(distinct id) as n', 'bigint'],
  ['sum(amount) as s', 'decimal(38,2)'],
  ['sum(pieces) as s', 'decimal(38,0)'],
  ['avg(pieces) as a', 'bigint'],
  ["date_trunc('day', at) as day", 'timestamp'],
  ['at::date as day', 'date'],
  ['cast(amount as decimal(10, 4)) as a', 'decimal(10,4)'],
  ['(amount * 2)::numeric(12,1) as a', 'decimal(12,1)'],
  ['amount * 2 as a', 'decimal'],
  ['pieces + 1 as a', 'bigint'],
  ['pieces / weight as a', 'double precision'],
  ["id || '-' || kind as a", 'varchar'],
  ['amount > 3 and gift as a', 'boolean'],
  ["case when gift then 'g' when amount > 1 then 'other' else 'n' end as a", 'varchar'],
  ['case when gift then amount end as a', 'decimal(6,2)'],
  ['coalesce(null, pieces) as a', 'bigint'],
  ['payload.product.price as price', 'super'],
  ['e.payload."Product" as p', 'super'],
  ['json_serialize(payload) as p', 'varchar'],
  ['extract(hour from at) as h', 'integer'],
  ['at::character varying(64) as t', 'varchar(64)'],
  ['at::timestamp with time zone as t', 'timestamptz'],
  ['row_number() over (partition by id order by at) as n', 'bigint'],
  ['dateadd(minute, 5, at) as t', 'timestamp'],
  ["at + interval '1 day' as t", 'timestamp'],
  ['-pieces as p', 'bigint'],
  ['3', 'integer'],
  ['unknown_function(id) as u', undefined],
])('%s', (expression, type) => {
  expect(typeOf(expression)).toBe(type);
});

test.each([
  ['select * from shop.hourly', ['hour timestamp', 'sales bigint', 'revenue decimal(38,2)']],
  [
    'select h.*, 1 as one from shop.hourly h',
    ['hour timestamp', 'sales bigint', 'revenue decimal(38,2)', 'one integer'],
  ],
  [
    'with x as (select id, at from shop.events) select x.id, s.amount from x join shop.sold s on s.id = x.id',
    ['id varchar(16)', 'amount decimal(6,2)'],
  ],
  ['with x (a, b) as (select id, at from shop.events) select b, a from x', ['b timestamp', 'a varchar(16)']],
  ['select t.n from (select count(*) as n from shop.events) as t', ['n bigint']],
  ['select id from shop.sold union all select kind from shop.events', ['id varchar(16)']],
  ['select distinct id, count(*) total from shop.events group by id', ['id varchar(16)', 'total bigint']],
  [
    'select a.id, b.amount as other from shop.sold a, shop.sold b where a.id = b.id',
    ['id varchar(16)', 'other decimal(6,2)'],
  ],
])('%s', (query, expected) => {
  expect(outputColumns(pipeline, query).map(({ name, type }) => `${name} ${type}`)).toEqual(expected);
});
