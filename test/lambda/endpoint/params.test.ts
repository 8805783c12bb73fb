import fc from 'fast-check';
import type { EndpointParam } from '../../../lambda/endpoint/contract';
import { chooseStatement, readParams, readQuery } from '../../../lambda/endpoint/params';
import { parseValue, utcTime } from '../../../lambda/endpoint/values';
import { fakeEndpoints, item } from './host';

/** Without halves of surrogate pairs, which no address can have. */
const wellFormed = (text: string) => Buffer.from(text).toString();
const param = (type: EndpointParam['type'], rest: Partial<EndpointParam> = {}): EndpointParam => ({
  name: 'p',
  type,
  required: true,
  ...rest,
});
const read = (of: EndpointParam, text: string) => {
  const parsed = parseValue(of, text);
  return 'value' in parsed ? parsed.value : undefined;
};

test.each([
  ['integer', '7', '7'],
  ['integer', '-0', '0'],
  ['integer', '0007', '7'],
  ['integer', '2147483647', '2147483647'],
  ['integer', '2147483648', undefined],
  ['integer', '-2147483648', '-2147483648'],
  ['integer', '', undefined],
  ['integer', '1.0', undefined],
  ['integer', '1e3', undefined],
  ['integer', '0x10', undefined],
  ['integer', ' 1', undefined],
  ['integer', '+1', undefined],
  ['integer', '١', undefined],
  ['integer', '00000000001', undefined],
  ['bigint', '9223372036854775807', '9223372036854775807'],
  ['bigint', '9223372036854775808', undefined],
  ['bigint', '-9223372036854775808', '-9223372036854775808'],
  ['boolean', 'true', 'true'],
  ['boolean', 'TRUE', undefined],
  ['boolean', '1', undefined],
  ['date', '2024-02-29', '2024-02-29'],
  ['date', '2026-02-29', undefined],
  ['date', '0000-01-01', undefined],
  ['date', '2026-1-1', undefined],
  ['date', '2026-11-21T00:00:00Z', undefined],
  ['timestamp', '2026-11-21', '2026-11-21 00:00:00.000000'],
  ['timestamp', '2026-11-21T10:00Z', '2026-11-21 10:00:00.000000'],
  ['timestamp', '2026-11-21 10:00:00', '2026-11-21 10:00:00.000000'],
  ['timestamp', '2026-11-21T10:00:00.123456+02:00', '2026-11-21 08:00:00.123456'],
  ['timestamp', '2026-01-01T00:30:00+0100', '2025-12-31 23:30:00.000000'],
  ['timestamp', '2026-11-21T10:00:00 01:00', undefined],
  ['timestamp', '2026-11-21T24:00:00Z', undefined],
  ['timestamp', '2026-11-21T10:00:60Z', undefined],
  ['timestamp', '2026-02-30T10:00:00Z', undefined],
  ['timestamp', '0001-01-01T00:00:00+01:00', undefined],
  ['timestamp', '9999-12-31T23:59:59-01:00', undefined],
  ['timestamp', 'now', undefined],
  ['varchar', 'ä'.repeat(128), 'ä'.repeat(128)],
  ['varchar', 'ä'.repeat(129), undefined],
  ['varchar', '', undefined],
  ['varchar', 'a\0b', undefined],
  ['varchar', "'; drop table x --", "'; drop table x --"],
] as const)('%s %j is %j', (type, text, value) => {
  expect(read(param(type), text)).toBe(value);
});

test.each([
  ['12', '12'],
  ['012.50', '12.5'],
  ['-0.00', '0'],
  ['999.99', '999.99'],
  ['1000', undefined],
  ['1.234', undefined],
  ['1.230', '1.23'],
  ['.5', undefined],
  ['5.', undefined],
  ['NaN', undefined],
  ['1'.repeat(39), undefined],
])('decimal(5,2) %j is %j', (text, value) => {
  expect(read(param('decimal', { precision: 5, scale: 2 }), text)).toBe(value);
});

test('bounds belong to the range, whatever their form', () => {
  const price = param('decimal', { precision: 5, scale: 2, min: '-1.50', max: '99.5' });
  expect(['-1.5', '-1.51', '99.50', '99.51', '100', '0'].map((text) => read(price, text))).toEqual([
    '-1.5',
    undefined,
    '99.5',
    undefined,
    undefined,
    '0',
  ]);
  const since = param('timestamp', { min: '2026-01-01', max: '2026-12-31T23:00:00+01:00' });
  expect(
    ['2026-01-01T00:00:00Z', '2025-12-31T23:59:59Z', '2026-12-31T22:00:00Z', '2026-12-31T22:00:00.000001Z'].map(
      (text) => read(since, text) !== undefined,
    ),
  ).toEqual([true, false, true, false]);
  const day = param('date', { min: '2026-01-01' });
  expect(parseValue(day, '2025-12-31')).toEqual({ allowed: 'a date as 2026-11-21, from 2026-01-01' });
});

test('the statement has the clauses whose parameters all have values', () => {
  const both = item({ clauses: [['product_id', 'customer_id'], ['customer_id']] });
  const chosen = (values: Record<string, string>) => chooseStatement(both, values).sql;
  expect(chosen({})).toBe('select 0');
  expect(chosen({ product_id: '1' })).toBe('select 0');
  expect(chosen({ customer_id: 'c' })).toBe('select 2');
  expect(chosen({ product_id: '1', customer_id: 'c' })).toBe('select 3');
});

describe('any text', () => {
  const types = ['varchar', 'integer', 'bigint', 'decimal', 'boolean', 'date', 'timestamp'] as const;
  const of = fc.constantFrom(...types).map((type) => param(type, { precision: 10, scale: 3 }));
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.stringMatching(/^[-+0-9.eETZ: ]{0,30}$/),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.bigInt().map(String),
  );

  test('is a value in its one form, or is refused', () => {
    fc.assert(
      fc.property(of, text, (each, given) => {
        const value = read(each, given);
        if (value === undefined) return;
        expect(value).not.toBe('');
        expect(value).not.toContain('\0');
        expect(read(each, value)).toBe(value);
      }),
      { numRuns: 3000 },
    );
  });

  test('that is a time is the time that JavaScript reads', () => {
    fc.assert(
      fc.property(
        fc.date({ noInvalidDate: true, min: new Date('0002-01-01'), max: new Date('9999-12-30') }),
        (date) => {
          expect(utcTime(date.toISOString())).toBe(`${date.toISOString().slice(0, 23).replace('T', ' ')}000`);
        },
      ),
    );
  });

  test('of a query string is read like URLSearchParams reads it, or refused', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), { maxLength: 6 }),
        (pairs) => {
          const clean = pairs.map(([name, value]): [string, string] => [wellFormed(name), wellFormed(value)]);
          expect(readQuery(new URLSearchParams(clean).toString())).toEqual(clean);
        },
      ),
    );
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (raw) => void readQuery(raw)));
  });

  test('as a query string gets 200 or 400, and only declared values reach a statement', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.constantFrom('since', 'product_id', 'customer_id', 'limit', 'x', '__proto__', 'constructor'),
            text,
          ),
          { maxLength: 6 },
        ),
        async (pairs) => {
          const { ask, world } = fakeEndpoints();
          const query = pairs.map(([name, value]) => `${name}=${encodeURIComponent(wellFormed(value))}`).join('&');
          const { statusCode } = await ask(`/v1/estore/revenue.json?${query}`);
          expect([200, 400]).toContain(statusCode);
          const names = new Set(item().params.map(({ name }) => name));
          for (const { params } of world.queries)
            for (const { name, value } of params) expect(names.has(name) && value !== '').toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('reports everything at once, of parameters with inherited names too', () => {
  const outcome = readParams(
    item(),
    [
      ['__proto__', '1'],
      ['toString', '2'],
      ['limit', '0'],
    ],
    {},
  );
  expect('violations' in outcome && outcome.violations.map((each) => each.param)).toEqual([
    '__proto__',
    'toString',
    'since',
    'limit',
  ]);
});
