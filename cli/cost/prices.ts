/** When the prices were read. */
export const pricedOn = 'November 2026';

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

/** By region. A region is added with all of its prices: one that is taken from another region would be a guess. */
const tables = { 'us-east-1': usEast1 } as const satisfies Readonly<Record<string, Prices>>;

export type PricedRegion = keyof typeof tables;
export const pricedRegions = Object.keys(tables) as PricedRegion[];
/** The region of an environment that names none. */
export const defaultRegion: PricedRegion = 'us-east-1';

/** A resource or a region whose prices are not known. */
export class UnknownPriceError extends Error {}

/** @throws UnknownPriceError for a region without prices here */
export function pricesOf(region: string): Prices {
  if (Object.hasOwn(tables, region)) return tables[region as PricedRegion];
  throw new UnknownPriceError(
    `cli/cost/prices.ts has no prices of ${region}, only of ${pricedRegions.join(', ')}; --region ${defaultRegion} uses those`,
  );
}
