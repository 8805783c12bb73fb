import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { nearest } from '../../lib/rules/format';
import { Failure } from '../failure';

/** When the prices of us-east-1 were read. */
const usEast1ReadOn = 'November 2026';

/** List prices of us-east-1 in dollars, each with its pricing page. */
const usEast1 = {
  'node-hour ra3.large': { dollars: 0.543, page: 'aws.amazon.com/redshift/pricing' },
  'node-hour ra3.xlplus': { dollars: 1.086, page: 'aws.amazon.com/redshift/pricing' },
  'node-hour ra3.4xlarge': { dollars: 3.26, page: 'aws.amazon.com/redshift/pricing' },
  'node-hour ra3.16xlarge': { dollars: 13.04, page: 'aws.amazon.com/redshift/pricing' },
  'RPU-hour': { dollars: 0.375, page: 'aws.amazon.com/redshift/pricing' },
  'GB-month of managed storage': { dollars: 0.024, page: 'aws.amazon.com/redshift/pricing' },
  'on-demand stream-hour': { dollars: 0.04, page: 'aws.amazon.com/kinesis/data-streams/pricing' },
  'shard-hour': { dollars: 0.015, page: 'aws.amazon.com/kinesis/data-streams/pricing' },
  'shard-hour of retention beyond 24 h': { dollars: 0.02, page: 'aws.amazon.com/kinesis/data-streams/pricing' },
  'GB into a stream': { dollars: 0.08, page: 'aws.amazon.com/kinesis/data-streams/pricing' },
  'GB out of a stream': { dollars: 0.04, page: 'aws.amazon.com/kinesis/data-streams/pricing' },
  'GB-month of retention beyond 24 h': { dollars: 0.1, page: 'aws.amazon.com/kinesis/data-streams/pricing' },
  'endpoint-hour': { dollars: 0.01, page: 'aws.amazon.com/privatelink/pricing' },
  'GB through an endpoint': { dollars: 0.01, page: 'aws.amazon.com/privatelink/pricing' },
  'key-month': { dollars: 1, page: 'aws.amazon.com/kms/pricing' },
  'call of KMS': { dollars: 0.03 / 10_000, page: 'aws.amazon.com/kms/pricing' },
  'secret-month': { dollars: 0.4, page: 'aws.amazon.com/secrets-manager/pricing' },
  'call of Secrets Manager': { dollars: 0.05 / 10_000, page: 'aws.amazon.com/secrets-manager/pricing' },
  'alarm-month': { dollars: 0.1, page: 'aws.amazon.com/cloudwatch/pricing' },
  'dashboard-month': { dollars: 3, page: 'aws.amazon.com/cloudwatch/pricing' },
  'custom metric-month': { dollars: 0.3, page: 'aws.amazon.com/cloudwatch/pricing' },
  'GB of logs': { dollars: 0.5, page: 'aws.amazon.com/cloudwatch/pricing' },
  'call of Lambda': { dollars: 0.2 / 1_000_000, page: 'aws.amazon.com/lambda/pricing' },
  'GB-second of Lambda': { dollars: 0.0000133334, page: 'aws.amazon.com/lambda/pricing' },
  'request of an HTTP API': { dollars: 1 / 1_000_000, page: 'aws.amazon.com/api-gateway/pricing' },
  'PUT of S3': { dollars: 5 / 1_000_000, page: 'aws.amazon.com/s3/pricing' },
  'GET of S3': { dollars: 0.4 / 1_000_000, page: 'aws.amazon.com/s3/pricing' },
  'call of SQS': { dollars: 0.4 / 1_000_000, page: 'aws.amazon.com/sqs/pricing' },
  'call of Scheduler': { dollars: 1 / 1_000_000, page: 'aws.amazon.com/eventbridge/pricing' },
  'GB through Firehose': { dollars: 0.029, page: 'aws.amazon.com/firehose/pricing' },
  'GB-month of S3': { dollars: 0.023, page: 'aws.amazon.com/s3/pricing' },
} as const;

export type Price = keyof typeof usEast1;
export type Prices = Readonly<Record<Price, { readonly dollars: number; readonly page: string }>>;

/** The prices of a region. */
export interface PriceTable {
  readonly prices: Prices;
  /** When they were read. */
  readonly readOn: string;
}

/** The region of an environment that names none. */
export const defaultRegion = 'us-east-1';

/** A resource or a region whose prices are not known. */
export class UnknownPriceError extends Error {}

const priceNames = Object.keys(usEast1) as Price[];

/** A file for each other region, filled in by a person: prices that are taken from another region would be a guess. */
const folder = join(__dirname, '../../environments/prices');
const fileOf = (region: string) => join(folder, `${region}.json`);
const shown = (file: string) => relative(join(__dirname, '../..'), file);

export const pricedRegions = (): string[] => [
  defaultRegion,
  ...(existsSync(folder) ? readdirSync(folder) : [])
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort(),
];

/** A region's name, as AWS spells them. No other text becomes a file's name. */
export const isRegion = (text: string) => /^[a-z]{2,}(-[a-z]+)+-\d$/.test(text);

/** @throws as tableOf */
export const pricesOf = (region: string): Prices => tableOf(region).prices;

/**
 * The table of a region: the one above, or that of its file.
 * @throws UnknownPriceError for a region without prices, or with a file that lacks some
 */
export function tableOf(region: string): PriceTable {
  if (region === defaultRegion) return { prices: usEast1, readOn: usEast1ReadOn };
  if (isRegion(region) && existsSync(fileOf(region))) return readTable(fileOf(region));
  throw new UnknownPriceError(
    `there are no prices of ${region}, only of ${pricedRegions().join(', ')}; 'npx millrace cost --new-region ${region}' begins a table of them, ` +
      `and --region ${defaultRegion} uses those of ${defaultRegion}`,
  );
}

/**
 * Writes a table without amounts for a region, with the page of each price. Returns its file.
 * @throws Failure if there is one
 */
export function newTable(region: string): string {
  const prices = Object.fromEntries(priceNames.map((name) => [name, { dollars: null, page: usEast1[name].page }]));
  mkdirSync(folder, { recursive: true });
  const file = fileOf(region);
  try {
    writeFileSync(file, `${JSON.stringify({ readOn: null, prices }, null, 2)}\n`, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new Failure(`${shown(file)} is there already`, 2);
    throw error;
  }
  return shown(file);
}

const maxNamed = 5;

function readTable(file: string): PriceTable {
  const at = shown(file);
  const table = parse(file) as { readOn?: unknown; prices?: Record<string, { dollars?: unknown; page?: unknown }> };
  if (typeof table?.prices !== 'object' || table.prices === null)
    throw new UnknownPriceError(`${at} must be an object with readOn and prices`);
  const { readOn, prices } = table;
  const given = Object.keys(prices);
  const problems = [
    ...(typeof readOn === 'string' && readOn !== ''
      ? []
      : [`readOn must be a text such as 'November 2026', got ${JSON.stringify(readOn)}`]),
    ...given
      .filter((name) => !Object.hasOwn(usEast1, name))
      .map((name) => {
        const best = nearest(name, priceNames);
        return `'${name}' is not the name of a price${best === undefined ? '' : `; did you mean '${best}'?`}`;
      }),
    ...priceNames
      .filter((name) => !isPrice(prices[name]?.dollars))
      .map(
        (name) =>
          `'${name}' must have dollars, a number from 0 (${usEast1[name].page}), got ${JSON.stringify(prices[name]?.dollars) ?? 'none'}`,
      ),
  ];
  if (problems.length === 0) return { prices: prices as unknown as Prices, readOn: readOn as string };
  const more = problems.length > maxNamed ? [`and ${problems.length - maxNamed} more`] : [];
  throw new UnknownPriceError(`${at}: ${[...problems.slice(0, maxNamed), ...more].join('; ')}`);
}

const isPrice = (dollars: unknown) => typeof dollars === 'number' && Number.isFinite(dollars) && dollars >= 0;

function parse(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UnknownPriceError(`${shown(file)} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}
