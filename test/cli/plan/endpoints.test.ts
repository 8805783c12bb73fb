import { breakingChanges } from '../../../cli/plan/endpoints';
import type { EndpointDeclaration } from '../../../sql';

type Param = EndpointDeclaration['params'][string];
const optional = { required: false } as const;

const endpoint = (changes: Partial<EndpointDeclaration> = {}): EndpointDeclaration => ({
  query: 'hash',
  params: {},
  columns: { a: 'varchar(64)', b: 'decimal(12,2)' },
  maxRows: 100,
  timeoutSeconds: 20,
  ...changes,
});

test.each<[string, Record<string, string>, string[]]>([
  ['a text of another length', { a: 'char(9)', b: 'decimal(38,4)' }, []],
  ['columns in another order', { b: 'decimal(12,2)', a: 'varchar(64)' }, []],
  ['a new column', { a: 'varchar(64)', b: 'decimal(12,2)', c: 'date' }, []],
  ['a column less', { a: 'varchar(64)' }, ['Its answers lose b.']],
  [
    'a number instead of a text',
    { a: 'bigint', b: 'decimal(12,2)' },
    ['The type of a changes from varchar(64) to bigint.'],
  ],
  [
    'a number of 64 bits, which is a text',
    { a: 'varchar(64)', b: 'bigint' },
    ['The type of b changes from decimal(12,2) to bigint.'],
  ],
])('columns: %s', (_, columns, expected) => {
  expect(breakingChanges(endpoint(), endpoint({ columns }))).toEqual(expected);
});

test.each<[string, Param, Param, string[]]>([
  ['the same', { type: 'integer', ...optional, min: '1' }, { type: 'integer', ...optional, min: '1' }, []],
  [
    'wider bounds',
    { type: 'integer', ...optional, min: '1', max: '9' },
    { type: 'integer', ...optional, min: '0', max: '10' },
    [],
  ],
  ['no bounds', { type: 'integer', ...optional, min: '1', max: '9' }, { type: 'integer', ...optional }, []],
  [
    'a larger number',
    { type: 'integer', ...optional, min: '-5' },
    { type: 'bigint', ...optional, min: '-9223372036854775808' },
    [],
  ],
  [
    'a smaller number',
    { type: 'bigint', ...optional },
    { type: 'integer', ...optional },
    ['The parameter p is integer instead of bigint.'],
  ],
  [
    'a later start',
    { type: 'timestamp', ...optional, min: '2026-01-01T01:00:00+01:00' },
    { type: 'timestamp', ...optional, min: '2026-01-01T00:00' },
    [],
  ],
  [
    'a narrower time',
    { type: 'date', ...optional },
    { type: 'date', ...optional, max: '2026-01-01' },
    ['The parameter p must be at most 2026-01-01.'],
  ],
  [
    'a narrower number',
    { type: 'bigint', ...optional, max: '9007199254740993' },
    { type: 'bigint', ...optional, max: '9007199254740992' },
    ['The parameter p must be at most 9007199254740992 instead of 9007199254740993.'],
  ],
  [
    'a higher minimum',
    { type: 'decimal', ...optional, precision: 5, scale: 2, min: '-1.5' },
    { type: 'decimal', ...optional, precision: 5, scale: 2, min: '-1.49' },
    ['The parameter p must be at least -1.49 instead of -1.5.'],
  ],
  [
    'fewer digits',
    { type: 'decimal', ...optional, precision: 5, scale: 2 },
    { type: 'decimal', ...optional, precision: 5, scale: 3 },
    ['The parameter p is decimal(5,3) instead of decimal(5,2).'],
  ],
  [
    'fewer bytes',
    { type: 'varchar', ...optional, maxBytes: 64 },
    { type: 'varchar', ...optional, maxBytes: 63 },
    ['The parameter p has at most 63 bytes instead of 64.'],
  ],
  [
    'a list of values',
    { type: 'varchar', ...optional },
    { type: 'varchar', ...optional, oneOf: ['a'] },
    ['The parameter p must be one of a.'],
  ],
  [
    'fewer values',
    { type: 'varchar', ...optional, oneOf: ['a', 'b'] },
    { type: 'varchar', ...optional, oneOf: ['b', 'c'] },
    ['The parameter p no longer takes a.'],
  ],
  [
    'more values',
    { type: 'varchar', ...optional, oneOf: ['a'] },
    { type: 'varchar', ...optional, oneOf: ['a', 'b'] },
    [],
  ],
  [
    'a required one',
    { type: 'integer', ...optional, default: '1' },
    { type: 'integer', required: true },
    ['The parameter p is required.'],
  ],
  ['an optional one', { type: 'integer', required: true }, { type: 'integer', ...optional }, []],
])('a parameter: %s', (_, before, after, expected) => {
  expect(breakingChanges(endpoint({ params: { p: before } }), endpoint({ params: { p: after } }))).toEqual(expected);
});

test('a new required parameter breaks readers, and so does one that is gone; an optional one does not', () => {
  const p = { type: 'integer', required: true } as const;
  expect(breakingChanges(endpoint(), endpoint({ params: { p } }))).toEqual(['Requests need the new parameter p.']);
  expect(breakingChanges(endpoint(), endpoint({ params: { p: { ...p, required: false } } }))).toEqual([]);
  expect(breakingChanges(endpoint({ params: { p, q: p } }), endpoint())).toEqual([
    'Requests with p and q get 400: the parameters are gone.',
  ]);
});

test('a tenant breaks the tokens that do not fix it; without it none does', () => {
  const refused = 'Tokens and accesses of partners that do not fix p are refused: it is the tenant now.';
  expect(breakingChanges(endpoint(), endpoint({ tenant: 'p' }))).toEqual([refused]);
  expect(breakingChanges(endpoint({ tenant: 'q' }), endpoint({ tenant: 'p' }))).toEqual([refused]);
  expect(breakingChanges(endpoint({ tenant: 'p' }), endpoint({ tenant: 'p' }))).toEqual([]);
  expect(breakingChanges(endpoint({ tenant: 'p' }), endpoint())).toEqual([]);
});
