import { grouped } from '../../terminal';

/**
 * List prices of us-east-1 in dollars, in November 2026: https://aws.amazon.com/s3/pricing/ and
 * https://aws.amazon.com/sqs/pricing/. Reads within a region cost no transfer, and the warehouse runs anyway.
 */
const prices = {
  listPerThousand: 0.005,
  getPerThousand: 0.0004,
  sqsPerMillion: 0.4,
  /** S3 Glacier Instant Retrieval. The buckets' lifecycle moves objects there after 90 days. */
  coldGetPerThousand: 0.01,
  coldPerGb: 0.03,
};

export interface Reading {
  readonly lists: number;
  readonly objects: number;
  /** Number and bytes of those objects that are in Glacier Instant Retrieval. */
  readonly coldObjects: number;
  readonly coldBytes: number;
}

export interface CostLine {
  /** Shows the arithmetic: `1,200 GET × $0.0004 / 1,000`. */
  readonly how: string;
  readonly dollars: number;
}

/** Estimates the cost of finding, queueing and reading the objects. */
export function costOf({ lists, objects, coldObjects, coldBytes }: Reading): CostLine[] {
  const warm = objects - coldObjects;
  // Each message is sent, received and deleted once, in batches of ten.
  const calls = 3 * Math.ceil(objects / 10);
  const gigabytes = coldBytes / 1e9;
  return [
    {
      how: `${grouped(lists)} LIST × $${prices.listPerThousand} / 1,000`,
      dollars: (lists * prices.listPerThousand) / 1e3,
    },
    { how: `${grouped(warm)} GET × $${prices.getPerThousand} / 1,000`, dollars: (warm * prices.getPerThousand) / 1e3 },
    {
      how: `${grouped(calls)} SQS calls × $${prices.sqsPerMillion} / 1,000,000`,
      dollars: (calls * prices.sqsPerMillion) / 1e6,
    },
    ...(coldObjects > 0
      ? [
          {
            how: `${grouped(coldObjects)} GET of Glacier Instant Retrieval × $${prices.coldGetPerThousand} / 1,000`,
            dollars: (coldObjects * prices.coldGetPerThousand) / 1e3,
          },
          {
            how: `${gigabytes.toFixed(2)} GB of Glacier Instant Retrieval × $${prices.coldPerGb}`,
            dollars: gigabytes * prices.coldPerGb,
          },
        ]
      : []),
  ];
}

export const dollars = (amount: number) => (amount > 0 && amount < 0.01 ? 'less than $0.01' : `$${amount.toFixed(2)}`);

/** Formats bytes in powers of ten, as S3 bills them: `1.5 MB`. */
export function bytes(amount: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = amount;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${amount} bytes` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}
