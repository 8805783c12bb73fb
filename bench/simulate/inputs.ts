/** The inputs of the simulations: documented quotas, and times of service. */

import { reservedMs } from '../../lambda/export/export';

interface Input {
  readonly value: number;
  readonly unit: string;
  /** The page, the bench, or `assumed`. */
  readonly source: string;
}

const dataApi = 'docs.aws.amazon.com/redshift/latest/mgmt/amazon-redshift-limits.html';
const kinesis = 'docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html';

export const inputs = {
  shardReadBytes: { value: 2e6, unit: 'bytes a second and shard, for all readers together', source: kinesis },
  batchCalls: { value: 20, unit: 'calls of BatchExecuteStatement a second', source: dataApi },
  resultCalls: { value: 20, unit: 'calls of GetStatementResult a second', source: dataApi },
  listCalls: { value: 3, unit: 'calls of ListStatements a second', source: dataApi },
  activeStatements: { value: 500, unit: 'active statements of a warehouse', source: dataApi },
  eventBytes: { value: 500, unit: 'bytes of an event', source: 'cli/cost/cost.ts' },
  mergedRecords: { value: 112_000, unit: 'records a second merged on two cores', source: 'npm run bench -- ingest' },
  refreshedRecords: {
    value: 314_000,
    unit: 'records a second into SUPER on two cores',
    source: 'npm run bench -- refresh',
  },
  copiedRecords: { value: 800_000, unit: 'records a second copied into SUPER', source: 'assumed' },
  stepSeconds: { value: 0.5, unit: 'seconds of a small statement, with its event', source: 'assumed' },
  callSeconds: { value: 0.1, unit: 'seconds of a call', source: 'assumed' },
  unloadSeconds: { value: 5, unit: 'seconds of the unload of an hourly window', source: 'assumed' },
  loadBatch: { value: 250, unit: 'objects in a batch of the queue, most', source: 'lib/history/load.ts' },
  loadBytes: { value: 1024 ** 3, unit: 'bytes in a transaction of a load, most', source: 'lambda/load/groups.ts' },
  loadFunctions: { value: 2, unit: 'load functions at once', source: 'lib/history/load.ts' },
  exportTime: {
    value: 900 - reservedMs / 1000,
    unit: 'seconds after which an invocation begins no further export',
    source: 'lib/export/export.ts, lambda/export/export.ts',
  },
} satisfies Record<string, Input>;

export type InputName = keyof typeof inputs;

/** The values of the inputs, some of them replaced. */
export type Values = Readonly<Record<InputName, number>>;
export const valuesWith = (replaced: Partial<Values> = {}): Values => ({
  ...(Object.fromEntries(Object.entries(inputs).map(([name, { value }]) => [name, value])) as Record<
    InputName,
    number
  >),
  ...replaced,
});
