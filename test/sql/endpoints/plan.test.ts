import type { EndpointDefinition } from '../../../pipelines/definition';
import { endpointsPlan, sampleStatements } from '../../../sql/endpoints/plan';
import { compileViews } from '../../../sql/views/compiled-views';
import { withEndpoint } from './fixtures';

const itemOf = (query: string, overrides: Partial<EndpointDefinition> = {}) =>
  endpointsPlan([withEndpoint(query, overrides)])[0]!;
const sqlOf = (query: string, overrides: Partial<EndpointDefinition> = {}) =>
  Object.fromEntries(
    Object.entries(itemOf(query, overrides).statements).map(([bits, { sql }]) => [bits, physical(sql)]),
  );
/** Versions of views change with their definitions, which is not what these tests are about. */
const physical = (sql: string) => sql.replace(/(shop\.\w+?)_[0-9a-f]{8}\b/g, '$1_v');

const since = { type: 'timestamp' } as const;
const kind = { type: 'varchar', oneOf: ['a', 'b'] } as const;
const limit = { type: 'integer', min: 1, max: 100, default: 10 } as const;

test('a query gets physical names, typed parameters and a limit after its order', () => {
  const query = `-- One row: an hour. Not a parameter: :comment
select hour, sum(amount) as amount, 'a:b ''[[ :c ]]' as label
from shop.hourly /* nor :this */
where hour >= :since
group by hour
order by hour desc;
`;
  expect(sqlOf(query, { params: { since } })).toEqual({
    0: `select hour, sum(amount) as amount, 'a:b ''[[ :c ]]' as label
from shop.hourly_v as hourly
where hour >= cast(:since as timestamp)
group by hour
order by hour desc
limit 10001`,
  });
});

test('each combination of clauses is a statement with the parameters that it uses', () => {
  const query = `select hour, amount from shop.hourly h
where true [[ and h.kind = :kind ]] [[ and amount between :least and :most ]] [[ and orders > :most ]]`;
  const decimal = { type: 'decimal', precision: 8, scale: 2 } as const;
  const item = itemOf(query, { params: { kind, least: decimal, most: decimal }, maxRows: 5 });
  expect(item.clauses).toEqual([['kind'], ['least', 'most'], ['most']]);
  const params = Object.entries(item.statements).map(([bits, statement]) => [bits, statement.params]);
  // The clause of `most` is used whenever that of `least` and `most` is: 2 and 3 cannot be asked for.
  expect(params).toEqual([
    ['0', []],
    ['1', ['kind']],
    ['4', ['most']],
    ['5', ['kind', 'most']],
    ['6', ['least', 'most']],
    ['7', ['kind', 'least', 'most']],
  ]);
  expect(physical(item.statements['6']!.sql)).toBe(`select hour, amount from shop.hourly_v h
where true and amount between cast(:least as decimal(8,2)) and cast(:most as decimal(8,2)) and orders > cast(:most as decimal(8,2))
limit 6`);
});

test('clauses with the same parameters share a bit', () => {
  const query = `select hour, amount from shop.hourly where true [[ and kind = :kind ]]
union all select at, amount from shop.orders where true [[ and kind = :kind ]]`;
  const item = itemOf(query, { params: { kind } });
  expect(item.clauses).toEqual([['kind']]);
  expect(Object.keys(item.statements)).toEqual(['0', '1']);
  expect(item.statements['1']!.sql.match(/and kind = cast/g)).toHaveLength(2);
});

test('four sets of parameters make 16 statements', () => {
  const integer = { type: 'integer' } as const;
  const names = ['a', 'b', 'c', 'd'];
  const query = `select hour from shop.hourly where true ${names.map((name) => `[[ and orders > :${name} ]]`).join(' ')}`;
  const { statements } = itemOf(query, { params: Object.fromEntries(names.map((name) => [name, integer])) });
  expect(Object.keys(statements)).toHaveLength(16);
});

test.each<[string, EndpointDefinition['params'], string]>([
  ['varchar', { p: { type: 'varchar', maxBytes: 12 } }, 'cast(:p as varchar(12))'],
  ['varchar without a size', { p: { type: 'varchar' } }, 'cast(:p as varchar(256))'],
  ['varchar with long values', { p: { type: 'varchar', oneOf: ['x'.repeat(300)] } }, 'cast(:p as varchar(300))'],
  ['integer', { p: { type: 'integer' } }, 'cast(:p as integer)'],
  ['bigint', { p: { type: 'bigint' } }, 'cast(:p as bigint)'],
  ['decimal', { p: { type: 'decimal', precision: 9, scale: 3 } }, 'cast(:p as decimal(9,3))'],
  ['boolean', { p: { type: 'boolean' } }, "(cast(:p as varchar(5)) = 'true')"],
  ['date', { p: { type: 'date' } }, 'cast(:p as date)'],
  ['timestamp', { p: { type: 'timestamp' } }, 'cast(:p as timestamp)'],
])('a parameter of type %s', (_, params, text) => {
  expect(sqlOf('select hour from shop.hourly where f(:p)', { params })).toEqual({
    0: `select hour from shop.hourly_v as hourly where f(${text})\nlimit 10001`,
  });
});

test('a limit of the query stays, and so does its offset', () => {
  expect(sqlOf('select hour from shop.hourly order by hour limit 7 offset 2')).toEqual({
    0: 'select hour from shop.hourly_v as hourly\norder by hour\nlimit 7\noffset 2',
  });
  expect(sqlOf('select hour from shop.hourly order by hour offset 2', { maxRows: 50 })).toEqual({
    0: 'select hour from shop.hourly_v as hourly\norder by hour\nlimit 51\noffset 2',
  });
});

test('a limit within the query does not count', () => {
  expect(
    sqlOf('select hour from (select hour from shop.hourly order by hour limit 3) as t order by hour', { maxRows: 2 }),
  ).toEqual({
    0: 'select hour from (select hour from shop.hourly_v as hourly order by hour limit 3) as t\norder by hour\nlimit 3',
  });
});

test('rows are numbered where limit or offset has a parameter', () => {
  const query = `select h.kind, sum(h.amount) as amount, count(*)::integer as hours
from shop.hourly h
group by h.kind
order by sum(h.amount) desc nulls last, 3, min(h.hour)
limit :limit offset :skip`;
  const skip = { type: 'integer', min: 0, default: 0 } as const;
  expect(sqlOf(query, { params: { limit, skip }, maxRows: 100 })).toEqual({
    0: `select millrace_numbered.kind, millrace_numbered.amount, millrace_numbered.hours
from (
  select millrace_result.kind, millrace_result.amount, millrace_result.hours, row_number() over (order by millrace_result.amount desc nulls last, millrace_result.hours, millrace_result.millrace_order_1) as millrace_row
  from (
    select h.kind, sum(h.amount) as amount, cast(count(*) as integer) as hours, min(h.hour) as millrace_order_1
    from shop.hourly_v h
    group by h.kind
  ) as millrace_result
) as millrace_numbered
where millrace_row > cast(:skip as integer) and millrace_row - cast(:skip as integer) <= cast(:limit as integer)
order by millrace_row
limit 101`,
  });
});

test('bigint columns become texts, and rows stay in the order of the numbers', () => {
  const statement = sqlOf(
    'with t as (select * from shop.hourly) select * from t order by orders desc, length(kind) limit 3 offset 1',
  );
  expect(statement).toEqual({
    0: `select millrace_result.hour, millrace_result.kind, cast(millrace_result.orders as varchar(20)) as orders, millrace_result.amount
from (
  with t as (select * from shop.hourly_v as hourly) select *, length(kind) as millrace_order_1
  from t
) as millrace_result
order by millrace_result.orders desc, millrace_result.millrace_order_1
limit 3
offset 1`,
  });
  expect(itemOf('select orders from shop.hourly').columns).toEqual([{ name: 'orders', type: 'bigint' }]);
  expect(sqlOf('select distinct orders from shop.hourly order by 1')['0']).toContain(
    'order by millrace_result.orders\n',
  );
});

test('a limit may be optional', () => {
  const optional = { type: 'integer', min: 1, max: 100 } as const;
  const statements = sqlOf('select hour from shop.hourly order by hour [[ limit :limit ]]', {
    params: { limit: optional },
  });
  expect(statements['0']).toMatch(/order by hour\nlimit 10001$/);
  expect(statements['1']).toContain('where millrace_row <= cast(:limit as integer)');
});

test('columns have the types of the views and casts; * is all columns of what is read', () => {
  expect(
    itemOf('select *, amount::decimal(12,1) as rounded, :p > 1 as flag from shop.hourly', {
      params: { p: { type: 'integer' } },
    }).columns,
  ).toEqual([
    { name: 'hour', type: 'timestamp' },
    { name: 'kind', type: 'varchar(8)' },
    { name: 'orders', type: 'bigint' },
    { name: 'amount', type: 'decimal(38,2)' },
    { name: 'rounded', type: 'decimal(12,1)' },
    { name: 'flag', type: 'boolean' },
  ]);
});

test('the views include those behind the ones that it reads', () => {
  expect(itemOf('select hour from shop.hourly').views).toEqual(['orders', 'hourly']);
  expect(itemOf('select id from shop.orders').views).toEqual(['orders']);
});

test('parameters are required where the query cannot do without them', () => {
  const { params } = itemOf(
    'select hour from shop.hourly where hour >= :since [[ and kind = :kind ]] order by 1 limit :limit',
    {
      params: { since: { ...since, min: '2026-01-01', description: 'From when on' }, kind, limit },
    },
  );
  expect(params).toEqual([
    { name: 'since', type: 'timestamp', description: 'From when on', required: true, min: '2026-01-01' },
    { name: 'kind', type: 'varchar', required: false, maxBytes: 256, oneOf: ['a', 'b'] },
    { name: 'limit', type: 'integer', required: false, default: '10', min: '1', max: '100' },
  ]);
});

test('the version changes with everything but the description', () => {
  const query = 'select hour from shop.hourly where hour >= :since';
  const version = (text: string, overrides: Partial<EndpointDefinition> = {}) =>
    itemOf(text, { params: { since }, ...overrides }).version;
  const own = version(query);
  expect(version(`-- comment\n${query};`, { description: 'x' })).toBe(own);
  const others = [
    version(query.replace('>=', '>')),
    version(query, { maxRows: 9 }),
    version(query, { timeoutSeconds: 9 }),
    version(query, { params: { since: { ...since, min: '2026-01-01' } } }),
    version(query, { tenant: 'since' }),
  ];
  expect(new Set([own, ...others]).size).toBe(6);
});

test('samples are literals within the bounds of their parameters', () => {
  const query = `select hour from shop.hourly
where hour >= :since and kind = :kind and orders > :least and (:all or amount > :price) and hour::date <> :day`;
  const pipeline = withEndpoint(query, {
    params: {
      since: { ...since, min: '2026-01-01T01:00:00+01:00' },
      kind: { type: 'varchar', oneOf: ["it's"] },
      least: { type: 'bigint', max: '-5' },
      price: { type: 'decimal', precision: 5, scale: 2 },
      all: { type: 'boolean' },
      day: { type: 'date' },
    },
  });
  expect(sampleStatements(pipeline, pipeline.endpoints![0]!).map(physical)).toEqual([
    `select hour from shop.hourly_v as hourly
where hour >= cast('2026-01-01 00:00:00.000' as timestamp) and kind = cast('it''s' as varchar(256)) and orders > cast('-5' as bigint) and ((cast('true' as varchar(5)) = 'true') or amount > cast('0' as decimal(5,2))) and cast(hour as date) <> cast('2026-01-01' as date)
limit 10001`,
  ]);
});

test('statements name the versions of the views', () => {
  const pipeline = withEndpoint('select o.id, h.orders from shop.orders o join shop.hourly h on h.kind = o.kind');
  const names = compileViews(pipeline).map(({ physicalName }) => physicalName);
  const { sql } = endpointsPlan([pipeline])[0]!.statements['0']!;
  for (const name of names) expect(sql).toContain(`${name} `);
});
