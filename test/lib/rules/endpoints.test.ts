import type { EndpointDefinition, EndpointParam } from '../../../pipelines/definition';
import { withEndpoint } from '../../sql/endpoints/fixtures';
import { problemsOf } from '../../support/problems';

const query = 'select hour from shop.hourly where orders > :a';
const problems = (overrides: Record<string, unknown>) =>
  problemsOf(withEndpoint(query, { params: { a: { type: 'integer' } }, ...overrides } as Partial<EndpointDefinition>));
const at = 'pipelines.shop.endpoints.revenue';

test('a sound endpoint has no problems', () => {
  expect(problems({ description: 'Orders', maxRows: 1, timeoutSeconds: 25, tenant: 'a', allowBreaking: true })).toEqual(
    [],
  );
});

test('problems of the query come with those of the fields', () => {
  expect(problems({ query: query.replace('hour ', 'our '), maxRows: 0 })).toEqual([
    `${at}.maxRows must be a whole number between 1 and 100000, got 0`,
    `${at} (pipelines/shop/endpoints/revenue.sql, line 1, column 8) names our, which is no column of what it reads; known are hour, kind, orders, amount`,
  ]);
});

test.each<[string, Record<string, unknown>, string]>([
  ['a name in upper case', { name: 'Revenue' }, 'pipelines.shop.endpoints.Revenue.name must be lower-case snake_case'],
  ['a name of the prototype', { name: 'constructor' }, 'constructor.name must be lower-case snake_case'],
  ['a name with a path', { name: '../x' }, 'pipelines.shop.endpoints[0].name must be lower-case snake_case'],
  ['a name that begins with an underscore', { name: '__proto__' }, '.name must be lower-case snake_case'],
  ['too many rows', { maxRows: 100_001 }, `${at}.maxRows must be a whole number between 1 and 100000, got 100001`],
  ['a long timeout', { timeoutSeconds: 26 }, `${at}.timeoutSeconds must be a whole number between 1 and 25, got 26`],
  ['parameters in a list', { params: [] }, `${at}.params must be an object of parameters by name, got []`],
  ['an unknown field', { tennant: 'a' }, `${at}.tennant is unknown; did you mean tenant?`],
  ['an empty description', { description: ' ' }, `${at}.description must be a text of 1 to 1000 characters, got " "`],
])('refuses %s', (_, overrides, expected) => {
  expect(problems(overrides).join('\n')).toContain(expected);
});

const param = (value: unknown) => problems({ params: { a: value } });

test.each<[string, EndpointParam]>([
  ['varchar', { type: 'varchar', maxBytes: 2, oneOf: ['ä', 'b'], default: 'b' }],
  ['integer', { type: 'integer', min: -5, max: -5, default: -5 }],
  ['bigint', { type: 'bigint', min: '-9223372036854775808', max: '9223372036854775807', default: '9007199254740993' }],
  ['decimal', { type: 'decimal', precision: 5, scale: 2, min: '-1.5', max: '10', default: '9.99' }],
  ['boolean', { type: 'boolean', default: false }],
  ['date', { type: 'date', min: '2024-02-29', max: '2026-01-01', default: '2025-01-01' }],
  [
    'timestamp',
    { type: 'timestamp', min: '2026-01-01', max: '2026-01-01T02:00:00+01:00', default: '2026-01-01T00:30Z' },
  ],
])('allows a sound %s', (_, value) => {
  expect(param(value)).toEqual([]);
});

test.each<[unknown, string]>([
  [{ type: 'text' }, '.type must be one of varchar, integer, bigint, decimal, boolean, date, timestamp, got "text"'],
  [{ type: 'integer', min: 1.5 }, '.min must be a whole number of integer, got 1.5'],
  [{ type: 'integer', max: 3_000_000_000 }, '.max must be a whole number of integer, got 3000000000'],
  [{ type: 'integer', max: Number.NaN }, '.max must be a whole number, got NaN'],
  [{ type: 'integer', min: 2, max: 1 }, '.min must be at most max, 1, got 2'],
  [{ type: 'integer', min: 2, default: 1 }, '.default must be at least min, 2, got 1'],
  [{ type: 'integer', max: 9, default: 10 }, '.default must be at most max, 9, got 10'],
  [{ type: 'bigint', min: 1 }, '.min must be a text, got 1'],
  [{ type: 'bigint', max: '9223372036854775808' }, '.max must be the text of a whole number of bigint'],
  [{ type: 'bigint', min: '10', max: '9' }, '.min must be at most max, 9, got "10"'],
  [{ type: 'decimal', precision: 5, scale: 6 }, '.scale must be a whole number between 0 and 5, got 6'],
  [
    { type: 'decimal', precision: 5, scale: 2, max: '1000' },
    'must be the text of a number that fits decimal(5,2), got "1000"',
  ],
  [{ type: 'decimal', precision: 5, scale: 2, min: '-1', max: '-1.01' }, '.min must be at most max, -1.01, got "-1"'],
  [{ type: 'date', min: '2025-02-29' }, '.min must be a date as 2026-11-21, got "2025-02-29"'],
  [{ type: 'timestamp', default: '2026-01-01 10:00' }, '.default must be a time as 2026-11-21T10:00:00Z'],
  [{ type: 'timestamp', min: '2026-01-01T01:00:00Z', max: '2026-01-01T01:30:00+01:00' }, '.min must be at most max'],
  [{ type: 'varchar', default: '' }, '.default must be a text of 1 to 65535 bytes, got ""'],
  [{ type: 'varchar', maxBytes: 1, default: 'ä' }, '.default must be a text of 1 to 1 bytes, got "ä"'],
  [{ type: 'varchar', oneOf: [] }, '.oneOf must list at least one value, got []'],
  [{ type: 'varchar', oneOf: ['a', 'a'] }, '.oneOf names "a" more than once'],
  [{ type: 'varchar', oneOf: ['ab'], maxBytes: 1 }, '.oneOf must have values of at most 1 bytes, got "ab"'],
  [{ type: 'varchar', oneOf: ['a'], default: 'b' }, '.default must be one of a, got "b"'],
  [{ type: 'varchar', min: 'a' }, '.min is unknown'],
  [{ type: 'boolean', default: 'true' }, '.default must be true or false, got "true"'],
  [null, '.params.a must be an object with type, got null'],
])('refuses the parameter %j', (value, expected) => {
  expect(param(value).join('\n')).toContain(expected);
});

test.each(['A', '1a', '_a', 'constructor', 'a-b', 'a b', 'ä', 'a'.repeat(65), ''])(
  'refuses a parameter named %j',
  (name) => {
    expect(problems({ params: { a: { type: 'integer' }, [name]: { type: 'integer' } } }).join('\n')).toContain(
      'must have a name in lower-case snake_case of at most 64 characters that begins with a letter',
    );
  },
);

test('a parameter named __proto__ is none of the object, so its use is refused', () => {
  const params = { __proto__: { type: 'integer' } };
  expect(problems({ query: query.replace(':a', ':__proto__'), params }).join('\n')).toContain(
    'uses :__proto__, which params does not declare',
  );
});

test('an endpoint is declared once', () => {
  const pipeline = withEndpoint(query, { params: { a: { type: 'integer' } } });
  expect(problemsOf({ ...pipeline, endpoints: [...pipeline.endpoints!, ...pipeline.endpoints!] })).toContain(
    `${at} is declared more than once`,
  );
});

test('endpoints of a pipeline whose views are wrong have the problems that they have by themselves', () => {
  const pipeline = withEndpoint(query.replace(':a', ':b'), { params: { a: { type: 'integer' } } });
  expect(problemsOf({ ...pipeline, views: [] }).join('\n')).toContain('reads shop.hourly, which is no view');
  const views = [{ name: 'hourly', query: 'delete from x', file: 'views/hourly.sql' }];
  expect(problemsOf({ ...pipeline, views })).toEqual([
    'pipelines.shop.views.hourly (views/hourly.sql) must be a select, got "delete"',
    expect.stringContaining('uses :b, which params does not declare; it has a'),
    expect.stringContaining('params.a is not used'),
  ]);
});
