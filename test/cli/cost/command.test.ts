import { pricesFor } from '../../../cli/commands/cost';
import { costOf, UnknownPriceError } from '../../../cli/cost/cost';
import { pricesOf } from '../../../cli/cost/prices';
import { environments } from '../../../environments';
import { millrace } from '../io';

test('a region without prices is refused by name, with the regions that have some', () => {
  expect(() => pricesOf('eu-west-9')).toThrow(UnknownPriceError);
  expect(() => pricesOf('eu-west-9')).toThrow(
    'no prices of eu-west-9, only of us-east-1; --region us-east-1 uses those',
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
  expect(stdout.replace(/\s+/g, ' ')).toContain('us-east-1 in November 2026 (cli/cost/prices.ts)');
});
