import { refusalOf } from '../../../cli/page/select-only';

test.each([
  'select 1',
  'SELECT * FROM estore.events LIMIT 5;',
  ' -- newest first\n/* of today */ select "update", \'delete; drop\' from estore.events',
  '(select 1) union all (select 2) order by 1',
  '((select 1))',
  'with a as (select 1 as x), b (y) as (select x from a) select * from b',
  'with recursive a (n) as (select 1 union all select n + 1 from a where n < 5) select n from a',
  'with a as (select 1) (select * from a)',
  'explain select 1',
  'explain verbose with a as (select 1) select * from a',
  "select replace(reason, '\\\\', 'x') from estore.rejects",
  "select 'it''s' , payload.insert.into_it from estore.events",
  'select update, delete, "into" from odd.names',
])('accepts the query %j', (sql) => {
  expect(refusalOf(sql)).toBeUndefined();
});

test.each([
  ['delete from estore.events', /^delete is refused: the page only reads here/],
  ['/* select */ insert into estore.events select 1', /^insert is refused/],
  ['update estore.events set price = 0', /^update is refused/],
  ['merge into a using b on true', /^merge is refused/],
  ['truncate estore.events', /^truncate is refused/],
  ["unload ('select 1') to 's3://b/p' iam_role 'r'", /^unload is refused/],
  ["copy estore.events from 's3://b/p'", /^copy is refused/],
  ['create table a as select 1', /^create is refused/],
  ['drop table estore.events', /^drop is refused/],
  ['grant select on estore.events to public', /^grant is refused/],
  ['call estore.change()', /^call is refused/],
  ['begin', /^begin is refused/],
  ['set search_path to estore', /^set is refused/],
  ['explain delete from estore.events', /^delete is refused/],
  ['with a as (select 1) delete from estore.events using a', /^delete is refused/],
  ['with a (x) as (select 1), b as (select 2) update estore.events set price = 0', /^update is refused/],
  ['with a as (delete from b) insert into c select 1', /^insert is refused/],
  ['(delete from estore.events)', /^delete is refused/],
  ['select * into estore.copy from estore.events', /^into is refused: it makes a table/],
  ['select * from (select 1 as a) as b; drop table c', /^only one statement at a time/],
  ['select 1; commit', /^only one statement at a time/],
  ['select pg_terminate_backend(123)', /^the function pg_terminate_backend is refused/],
  ['select pg_cancel_backend (123)', /^the function pg_cancel_backend is refused/],
  ["select set_config('search_path', 'x', false)", /^the function set_config is refused/],
  ["select '\\'; drop table a; --'", /^a backslash before a quote/],
  ["select 'a\\' || 'b'", /^a backslash before a quote/],
  ['select $$a$$', /^\$ is refused/],
  ['select 1 /* /* */ ; drop table a */', /^a comment in a comment/],
  ['select 1 /* open', /^a comment has no end/],
  ["select 'open", /^a quote has no end/],
  ['', /^the statement is empty/],
  ['-- nothing', /^the statement is empty/],
  [';;', /^nothing is refused/],
  ['with', /^with has to be followed by name as/],
  ['"select" 1', /^a quoted name is refused/],
])('refuses %j', (sql, message) => {
  expect(refusalOf(sql)?.error).toMatch(message);
});

test('says where', () => {
  expect(refusalOf('select 1;\ndelete from a')?.position).toBe(10);
  expect(refusalOf('with a as (select 1) delete from b')?.position).toBe(21);
});
