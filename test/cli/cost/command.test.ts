import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pricesFor } from '../../../cli/commands/cost';
import { costOf, UnknownPriceError } from '../../../cli/cost/cost';
import { pricesOf } from '../../../cli/cost/prices';
import { environments } from '../../../environments';
import { millrace } from '../io';

test('a region without prices is refused by name, with the regions that have some', () => {
  expect(() => pricesOf('eu-west-9')).toThrow(UnknownPriceError);
  expect(() => pricesOf('eu-west-9')).toThrow(
    "no prices of eu-west-9, only of us-east-1; 'npx millrace cost --new-region eu-west-9' begins a table",
  );
  // No name of JavaScript's own objects is a region.
  expect(() => pricesOf('constructor')).toThrow('no prices of constructor');
});

test("an environment is priced in its own region, or in the option's", () => {
  const [dev] = environments;
  const abroad = { ...dev!, name: 'abroad', region: 'eu-west-9' };
  (environments as (typeof abroad)[]).push(abroad);
  try {
    expect(() => pricesFor('abroad')).toThrow('no prices of eu-west-9');
    expect(pricesFor('abroad', 'us-east-1')).toBe(pricesOf('us-east-1'));
    expect(pricesFor('dev')).toBe(pricesOf('us-east-1'));
  } finally {
    (environments as unknown[]).pop();
  }
});

test('each line has the price of its table', () => {
  const key = { K: { Type: 'AWS::KMS::Key' } };
  const doubled = { ...pricesOf('us-east-1'), 'key-month': { dollars: 2, page: '' } };
  expect(costOf(key, 500, doubled)[0]).toMatchObject({ amount: 1, unitDollars: 2, dollars: 2, price: 'key-month' });
});

test.each([
  [['nowhere'], "each environment must be one of dev, staging, prod, got 'nowhere'"],
  [['dev', '--region', 'eu-west-9'], "--region must be one of us-east-1, whose prices are known, got 'eu-west-9'"],
  [
    ['--new-region', '../../x'],
    "--new-region must be a region of AWS without prices, such as eu-west-1, got '../../x'",
  ],
  [
    ['--new-region', 'us-east-1'],
    "--new-region must be a region of AWS without prices, such as eu-west-1, got 'us-east-1'",
  ],
  [['dev', '--bytes', '0'], "--bytes must be a whole number from 1 to 10,485,760, got '0'"],
  [['dev', '--events-per-day', '-1'], '--events-per-day must be a whole number'],
  [['dev', '--from', ' '], '--from must not be empty'],
])('cost %s is refused', async (args, message) => {
  const { code, stderr } = await millrace('cost', ...args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
});

test('the help has examples and says where the prices are from', async () => {
  const { stdout } = await millrace('cost', '--help');
  expect(stdout).toContain('npx millrace cost prod --from main');
  expect(stdout.replace(/\s+/g, ' ')).toContain('us-east-1, from cli/cost/prices.ts');
});

describe('a table of another region', () => {
  const file = join(__dirname, '../../../environments/prices/xx-test-1.json');
  const write = (table: unknown) => writeFileSync(file, typeof table === 'string' ? table : JSON.stringify(table));
  const filled = () => ({
    readOn: 'November 2026',
    prices: { ...pricesOf('us-east-1'), 'key-month': { dollars: 7, page: '' } },
  });

  beforeEach(async () => {
    rmSync(file, { force: true });
    expect(await millrace('cost', '--new-region', 'xx-test-1')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('environments/prices/xx-test-1.json has a line for each price'),
    });
  });
  afterEach(() => rmSync(file, { force: true }));

  test('has the name and the page of each price, and no amount', () => {
    const { readOn, prices } = JSON.parse(readFileSync(file, 'utf8'));
    expect(Object.keys(prices)).toEqual(Object.keys(pricesOf('us-east-1')));
    expect({ readOn, price: prices['key-month'] }).toEqual({
      readOn: null,
      price: { dollars: null, page: 'aws.amazon.com/kms/pricing' },
    });
  });

  test('is not written over', async () => {
    expect(await millrace('cost', '--new-region', 'xx-test-1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('environments/prices/xx-test-1.json is there already'),
    });
  });

  test('prices an environment once it is filled in', async () => {
    write(filled());
    expect(pricesOf('xx-test-1')['key-month'].dollars).toBe(7);
    const { stdout } = await millrace('cost', 'dev', '--region', 'xx-test-1');
    expect(stdout).toContain('1 × $7 (key-month)');
    expect(stdout).toContain('List prices of xx-test-1 in November 2026');
  });

  test.each([
    [
      'an empty one',
      undefined,
      "readOn must be a text such as 'November 2026', got null; 'node-hour ra3.large' must have dollars, a number from 0 (aws.amazon.com/redshift/pricing), got null",
    ],
    ['a text', '{', 'is not JSON'],
    ['no object', [], 'must be an object with readOn and prices'],
    [
      'a wrong name',
      { readOn: 'today', prices: { ...pricesOf('us-east-1'), keymonth: { dollars: 1, page: '' } } },
      "'keymonth' is not the name of a price; did you mean 'key-month'?",
    ],
    [
      'a negative price',
      { readOn: 'today', prices: { ...pricesOf('us-east-1'), 'key-month': { dollars: -1, page: '' } } },
      "'key-month' must have dollars, a number from 0 (aws.amazon.com/kms/pricing), got -1",
    ],
    [
      'a price that is a text',
      { readOn: 'today', prices: { ...pricesOf('us-east-1'), 'key-month': { dollars: '1', page: '' } } },
      'got "1"',
    ],
    ['a missing price', { readOn: 'today', prices: { ...pricesOf('us-east-1'), 'key-month': undefined } }, 'got none'],
  ])('is refused by name: %s', async (_, table, message) => {
    if (table !== undefined) write(table);
    const { code, stderr } = await millrace('cost', 'dev', '--region', 'xx-test-1');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) });
  });
});
