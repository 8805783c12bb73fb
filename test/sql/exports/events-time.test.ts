import { eventsTime } from '../../../sql/exports/events-time';
import { aPipeline, aView } from '../fixtures';

const views = [
  aView('bought', "select id, amount, at from shop.events where kind = 'buy'"),
  aView('hourly', "select date_trunc('hour', at) as hour, sum(amount) as amount from shop.bought b group by 1"),
  aView('last_one', 'select kind, max(at) as at from shop.events group by kind'),
];
const timeOf = (query: string, column: string) => eventsTime(aPipeline({ views }), query, column);

test.each([
  ['select id, at from shop.events', 'at', 'e.at'],
  ['select * from shop.events', 'at', 'e.at'],
  ['select e.id, e.at as sold_at from shop.events as e where e.amount > 1', 'sold_at', 'e.at'],
  ['select id, arrived_at from shop.events', 'arrived_at', 'e.arrived_at'],
  ['select amount, at from shop.bought', 'at', 'e.at'],
  ['select hour, amount from shop.hourly', 'hour', "date_trunc('hour', e.at)"],
  [
    "select date_trunc('day', hour) as day, sum(amount) as amount from shop.hourly group by 1",
    'day',
    "date_trunc('day', date_trunc('hour', e.at))",
  ],
])('%s', (query, column, expression) => {
  expect(timeOf(query, column)).toBe(expression);
});

test.each([
  ['a join', 'select e.id, e.at from shop.events e join shop.bought b on b.id = e.id', 'at'],
  ['two relations', 'select e.id, e.at from shop.events e, shop.bought b', 'at'],
  ['a time of many rows', 'select kind, at from shop.last_one', 'at'],
  ['a window function', 'select id, at, rank() over (order by amount) as place from shop.events', 'at'],
  ['another query inside', 'select id, at from shop.events where amount > (select avg(amount) from shop.events)', 'at'],
  ['a union', 'select id, at from shop.events union all select id, at from shop.bought', 'at'],
  ['a computed time', 'select id, dateadd(hour, 1, at) as later from shop.events', 'later'],
  ['a table that is not the events', 'select id, merged_at from shop.rejects', 'merged_at'],
])('undefined of %s', (_, query, column) => {
  expect(timeOf(query, column)).toBeUndefined();
});
