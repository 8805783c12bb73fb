import type { EndpointDefinition } from '../../../pipelines/definition';
import { endpointProblems } from '../../../sql/endpoints/check';
import { withEndpoint } from './fixtures';

const problems = (query: string, overrides: Partial<EndpointDefinition> = {}) => {
  const pipeline = withEndpoint(query, overrides);
  return endpointProblems(pipeline, pipeline.endpoints![0]!, true);
};
const at = (line: number, column: number) =>
  `pipelines.shop.endpoints.revenue (pipelines/shop/endpoints/revenue.sql, line ${line}, column ${column})`;
const field = 'pipelines.shop.endpoints.revenue';
const integer = { type: 'integer' } as const;
const optional = { a: integer, b: integer };

test.each<[string, string, Partial<EndpointDefinition>]>([
  ['all columns', 'select * from shop.hourly', {}],
  ['a common table expression', 'with t (h, n) as (select hour, orders from shop.hourly) select h, n from t', {}],
  ['a join', 'select o.id, h.orders from shop.orders o left join shop.hourly h on h.kind = o.kind', {}],
  ['a nested subscript', "select json_parse('[[1]]')[0][0]::int as x, hour from shop.hourly", {}],
  ['a parameter in the columns', 'select hour, orders * :a as n from shop.hourly', { params: { a: integer } }],
  [
    'a parameter after from in a call',
    'select hour from shop.hourly where extract(day from :a) = 1',
    { params: { a: { type: 'date' } } },
  ],
  [
    'two clauses',
    'select hour from shop.hourly where true [[ and orders > :a ]] [[ and orders < :b ]]',
    { params: optional },
  ],
  [
    'a where of a clause',
    'select hour from shop.hourly [[ where orders > :a ]] order by hour',
    { params: { a: integer } },
  ],
  [
    'and within case and between',
    "select case when orders > 1 and amount > 1 then 1 else 2 end as x from shop.hourly where hour between '2026-01-01' and '2026-01-02'",
    {},
  ],
  ['a column named as a verb', 'select t.copy from (select orders as copy from shop.hourly) t', {}],
])('allows %s', (_, query, overrides) => {
  expect(problems(query, overrides)).toEqual([]);
});

test.each<[string, string, Partial<EndpointDefinition>, string[]]>([
  [
    'an unknown column',
    'select hour,\n  revnue from shop.hourly',
    {},
    [`${at(2, 3)} names revnue, which is no column of what it reads; known are hour, kind, orders, amount`],
  ],
  [
    'an unknown column in a clause',
    'select hour from shop.hourly where true\n[[ and nope = :a ]]',
    { params: { a: integer } },
    [`${at(2, 8)} names nope, which is no column of what it reads; known are hour, kind, orders, amount`],
  ],
  [
    'an unknown view',
    'select x from shop.nothing',
    {},
    [`${at(1, 15)} reads shop.nothing, which is no view of the pipeline; it can read shop.orders, shop.hourly`],
  ],
  [
    'the table of events',
    'select id from shop.events',
    {},
    [`${at(1, 16)} reads shop.events, which is no view of the pipeline; it can read shop.orders, shop.hourly`],
  ],
  [
    'rejects in a subquery',
    'select hour from shop.hourly where exists (select 1 from shop.rejects)',
    {},
    [`${at(1, 58)} reads shop.rejects, which is no view of the pipeline; it can read shop.orders, shop.hourly`],
  ],
  [
    'a physical name',
    'select hour from shop.hourly_0a1b2c3d',
    {},
    [`${at(1, 18)} reads shop.hourly_0a1b2c3d, which is no view of the pipeline; it can read shop.orders, shop.hourly`],
  ],
  [
    'a view of another pipeline',
    'select hour from other.hourly',
    {},
    [`${at(1, 18)} reads other.hourly, which is no view of the pipeline; it can read shop.orders, shop.hourly`],
  ],
  [
    'a view without its schema',
    'select hour from hourly',
    {},
    [`${at(1, 18)} reads hourly, which is no view of the pipeline; it can read shop.orders, shop.hourly`],
  ],
  [
    'the catalog',
    'select * from pg_catalog.pg_user',
    {},
    [`${at(1, 15)} reads pg_catalog.pg_user, which is no view of the pipeline; it can read shop.orders, shop.hourly`],
  ],
  [
    'a table function',
    'select * from shop.hourly, generate_series(1, 9) g',
    {},
    [`${at(1, 28)} reads generate_series, which is no view of the pipeline; it can read shop.orders, shop.hourly`],
  ],
  ['nothing', 'select 1 as x', {}, [`${at(1, 1)} reads no view of the pipeline`]],
  [
    'an undeclared parameter',
    'select hour from shop.hourly where kind = :kind',
    { params: { a: integer } },
    [
      `${at(1, 43)} uses :kind, which params does not declare; it has a`,
      `${field}.params.a is not used in pipelines/shop/endpoints/revenue.sql`,
    ],
  ],
  [
    'a parameter of the prototype',
    'select hour from shop.hourly where kind = :constructor',
    {},
    [`${at(1, 43)} uses :constructor, which params does not declare; it has none`],
  ],
  [
    'a parameter in upper case',
    'select hour from shop.hourly where orders > :A',
    {},
    [`${at(1, 45)} has the parameter :A: its name must be lower-case snake_case`],
  ],
  [
    'a colon alone',
    'select hour from shop.hourly where orders > :1',
    {},
    [`${at(1, 45)} has a colon without the name of a parameter after it, as in :since`],
  ],
  [
    'a parameter as a name',
    'select :a.hour from shop.hourly',
    { params: { a: integer } },
    [`${at(1, 8)} uses :a as a name: a parameter can only be a value`],
  ],
  ['a write', 'delete from shop.hourly', {}, [`${at(1, 1)} must be a select, got delete`]],
  [
    'a write after a common table expression',
    'with t as (select hour from shop.hourly) delete from shop.hourly',
    {},
    [`${at(1, 42)} has delete; it can only read`],
  ],
  [
    'a write in a common table expression',
    'with t as (delete from shop.hourly) select hour from shop.hourly',
    {},
    [`${at(1, 12)} has delete; it can only read`],
  ],
  [
    'select into',
    'select hour into shop.copied from shop.hourly',
    {},
    [`${at(1, 13)} writes with into; it can only read`],
  ],
  [
    'for update',
    'select hour from shop.hourly for update',
    {},
    [`${at(1, 30)} locks rows with for update; it can only read`],
  ],
  ['a second statement', 'select hour from shop.hourly; select 1', {}, [`${at(1, 31)} must be one statement`]],
  ['top', 'select top 5 hour from shop.hourly', {}, [`${at(1, 8)} uses top; use limit`]],
  [
    'a placeholder',
    "select '{{x}}' as x from shop.hourly",
    {},
    [`${at(1, 9)} cannot hold {{, which marks a placeholder`],
  ],
  ['an empty file', '-- nothing\n', {}, [`${at(1, 1)} is empty; it must be a select`]],
  [
    'an open literal',
    "select 'a from shop.hourly",
    {},
    [
      "pipelines.shop.endpoints.revenue (pipelines/shop/endpoints/revenue.sql): ' at line 1, column 8 is not closed, or not supported",
    ],
  ],
  [
    'the time',
    'select hour from shop.hourly where hour > getdate() and hour < current_date',
    {},
    [
      `${at(1, 43)} uses getdate, which changes without a refresh: an answer must follow from the views and parameters alone`,
      `${at(1, 64)} uses current_date, which changes without a refresh: an answer must follow from the views and parameters alone`,
    ],
  ],
  [
    'the user',
    'select current_user as me, hour from shop.hourly',
    {},
    [
      `${at(1, 8)} uses current_user, which changes without a refresh: an answer must follow from the views and parameters alone`,
    ],
  ],
  [
    'chance',
    'select random() as x, hour from shop.hourly',
    {},
    [
      `${at(1, 8)} uses random, which changes without a refresh: an answer must follow from the views and parameters alone`,
    ],
  ],
  [
    'a function of the system',
    'select pg_terminate_backend(1) as x, hour from shop.hourly',
    {},
    [
      `${at(1, 8)} uses pg_terminate_backend, which changes without a refresh: an answer must follow from the views and parameters alone`,
    ],
  ],
  [
    'a function of a user',
    'select shop.f(hour) as x from shop.hourly',
    {},
    [`${at(1, 8)} calls shop.f: an endpoint can call Redshift's own functions only`],
  ],
  [
    'nested clauses',
    'select hour from shop.hourly where true [[ and orders > :a [[ and orders < :b ]] ]]',
    { params: optional },
    [
      `${at(1, 60)} opens an optional clause inside another one, which is not supported`,
      `${at(1, 82)} has ]] without an optional clause that [[ opens`,
    ],
  ],
  [
    'an open clause',
    'select hour from shop.hourly where true [[ and orders > :a',
    { params: { a: integer } },
    [`${at(1, 41)} opens an optional clause with [[ that is not closed with ]]`],
  ],
  [
    'a clause without a parameter',
    'select hour from shop.hourly where true [[ and orders > 1 ]]',
    {},
    [`${at(1, 41)} has an optional clause without a parameter, so nothing decides whether it is used`],
  ],
  [
    'a clause that is always used',
    'select hour from shop.hourly where orders > :a [[ and amount > :a ]]',
    { params: { a: integer } },
    [`${at(1, 48)} has an optional clause that is always used, since :a always has a value: remove the brackets`],
  ],
  [
    'a clause whose parameter has a default',
    'select hour from shop.hourly where true [[ and amount > :a ]]',
    { params: { a: { type: 'integer', default: 1 } } },
    [`${at(1, 41)} has an optional clause that is always used, since :a always has a value: remove the brackets`],
  ],
  [
    'a clause that closes a parenthesis',
    'select hour from shop.hourly where (orders > 1 [[ and orders > :a) or (true ]])',
    { params: { a: integer } },
    [
      `${at(1, 66)} closes a parenthesis that the optional clause does not open`,
      `${at(1, 77)} ends an optional clause that has an open parenthesis`,
    ],
  ],
  [
    'an open parenthesis',
    'select hour from shop.hourly where true [[ and (orders > :a ]])',
    { params: { a: integer } },
    [`${at(1, 61)} ends an optional clause that has an open parenthesis`],
  ],
  [
    'where without its conditions',
    'select hour from shop.hourly where [[ orders > :a ]]',
    { params: { a: integer } },
    [`${at(1, 36)} has where with nothing after it, without the optional clauses of :a`],
  ],
  [
    'and without where',
    'select hour from shop.hourly [[ where orders > :a ]] [[ and orders < :b ]]',
    { params: optional },
    [`${at(1, 30)} has and without where or on before it, without the optional clauses of :a`],
  ],
  [
    'a clause in the columns',
    'select hour [[ , orders * :a as n ]] from shop.hourly',
    { params: { a: integer } },
    [`${at(1, 13)} has other columns without the optional clauses of :a`],
  ],
  [
    'a column without a name',
    'select count(*) from shop.hourly',
    {},
    [`${at(1, 1)} has a column without a name, count(*): give it one with as`],
  ],
  [
    'a column in upper case',
    'select hour as "Hour" from shop.hourly',
    {},
    [`${at(1, 1)} has a column "Hour": its name must be lower-case snake_case and not begin with millrace_`],
  ],
  [
    'two columns of one name',
    'select hour, orders as hour from shop.hourly',
    {},
    [`${at(1, 1)} has more than one column hour: give them different names with as`],
  ],
  [
    'a column of unknown type',
    'select nullif(f(hour), 1) as x from shop.hourly',
    {},
    [`${at(1, 1)} has a column x of unknown type: cast it, as in cast(nullif(f(hour) , 1) as varchar(64))`],
  ],
  [
    'a large limit',
    'select hour from shop.hourly order by hour limit 200',
    { maxRows: 100 },
    [`${at(1, 44)} has a limit of 200, which is more than maxRows, 100`],
  ],
  [
    'a computed limit',
    'select hour from shop.hourly order by hour limit 2 * 3',
    {},
    [`${at(1, 44)} has limit with something else than a whole number or a parameter`],
  ],
  [
    'a limit without an order',
    'select hour from shop.hourly limit 2',
    {},
    [`${at(1, 30)} has limit or offset without order by, so that equal requests may have different rows`],
  ],
  [
    'a limit of a parameter without bounds',
    'select hour from shop.hourly order by hour limit :a',
    { params: { a: integer } },
    [
      `${at(1, 44)} uses :a in limit, so its min must be at least 0, got nothing`,
      `${at(1, 44)} uses :a in limit, so its max must be at most maxRows, 10000, got nothing`,
    ],
  ],
  [
    'a limit of another type',
    'select hour from shop.hourly order by hour limit :a',
    { params: { a: { type: 'bigint' } } },
    [`${at(1, 44)} uses :a in limit, so its type must be integer, got bigint`],
  ],
  [
    'an order by something that is no column',
    'select distinct hour, orders from shop.hourly order by amount',
    {},
    [`${at(1, 1)} orders by amount, which is no column of its result`],
  ],
  [
    'a tenant that is no parameter',
    'select hour from shop.hourly where orders > :a',
    { params: { a: integer }, tenant: 'b' },
    [`${field}.tenant must name one of the endpoint's params (a), got "b"`],
  ],
  [
    'a tenant in a clause',
    'select hour from shop.hourly where true [[ and orders > :a ]]',
    { params: { a: integer }, tenant: 'a' },
    [`${field}.tenant must be used outside of optional clauses in pipelines/shop/endpoints/revenue.sql, got "a"`],
  ],
  [
    'a tenant with a default',
    'select hour from shop.hourly where orders > :a',
    { params: { a: { type: 'integer', default: 1 } }, tenant: 'a' },
    [`${field}.params.a must have no default: it is the tenant, which each token fixes`],
  ],
])('refuses %s', (_, query, overrides, expected) => {
  expect(problems(query, overrides)).toEqual(expected);
});

test('more than 16 combinations are refused', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const query = `select hour from shop.hourly where true ${names.map((name) => `[[ and orders > :${name} ]]`).join(' ')}`;
  const params = Object.fromEntries(names.map((name) => [name, integer]));
  expect(problems(query, { params })).toEqual([
    `${at(1, 41)} has optional clauses with 5 different sets of parameters, which are 32 combinations; at most 4 sets are allowed, which are 16`,
  ]);
});

test('all problems come at once, by their places', () => {
  const query = 'select hour, nope, getdate() as now_at\nfrom shop.hourly\nwhere kind = :kind; drop table x';
  expect(problems(query, { params: { a: integer } })).toEqual([
    `${at(1, 14)} names nope, which is no column of what it reads; known are hour, kind, orders, amount`,
    `${at(1, 20)} uses getdate, which changes without a refresh: an answer must follow from the views and parameters alone`,
    `${at(3, 14)} uses :kind, which params does not declare; it has a`,
    `${at(3, 21)} must be one statement`,
    `${field}.params.a is not used in pipelines/shop/endpoints/revenue.sql`,
  ]);
});
