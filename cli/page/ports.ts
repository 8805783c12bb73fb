import type { Readable } from 'node:stream';
import type { Environment } from '../../environments/environment';
import type { WarehouseTarget } from '../../lambda/shared/redshift-data';
import type { Alarm } from '../../ui/api';
import type { ConnectOptions } from '../cloud/connect';
import type { DeployedPipeline, StoredObject } from '../commands/local/demo-runtime';
import type { RecordCounts } from '../commands/local/record-counts';
import type { FunctionState, Role } from './watch';

export interface MetricQuery {
  readonly namespace: string;
  readonly name: string;
  /** All dimensions of the metric. */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: 'SampleCount' | 'Sum' | 'Maximum' | 'p50' | 'p95';
  readonly periodMs: number;
  /** Epoch milliseconds: values from here on, and before `to`. */
  readonly from: number;
  readonly to: number;
}

/** The value of one period that has values. `at` is its start, epoch milliseconds. */
export interface MetricPoint {
  readonly at: number;
  readonly value: number;
}

/** An alarm that fires when too few values come. */
export interface AbsenceAlarm {
  readonly name: string;
  readonly metric: string;
  readonly hours: number;
}

/** An open shard of a stream. */
export interface ShardState {
  readonly id: string;
  /** Records that it has accepted since it was opened. */
  readonly accepted: number;
  /** When the oldest record arrived that the landing view has not read, epoch milliseconds. Undefined: it has read all. */
  readonly behindSince?: number;
}

/** What reaches the Data API. @default - the SDK's own settings */
export interface Reach {
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/** A running environment, as the page reads it: the local runtime, or one in AWS. */
export interface PagePorts {
  readonly environment: Environment;
  /** True if the page must not change anything. */
  readonly readOnly: boolean;
  /** How commands connect to it. */
  readonly connection: ConnectOptions;
  readonly reach: Reach;
  readonly warehouse: WarehouseTarget;
  readonly archiveBucket: string;
  readonly historyBucket: string;
  readonly exportBucket: string;
  /** The functions' bucket, which has the state of the views. */
  readonly workBucket: string;
  /** Address of the endpoints, without a slash at its end. @default - no pipeline has an endpoint */
  readonly apiUrl: string | undefined;
  now(): number;
  streamOf(pipeline: string): string;
  isDeployed(pipeline: string): boolean;
  /** Runs a query as the owner of the database. Values are JSON scalars. */
  query(sql: string): Promise<{ columns: string[]; rows: unknown[][] }>;
  /** Counts the records of one pipeline in every place. */
  counts(pipeline: DeployedPipeline): Promise<RecordCounts>;
  /** How many records the stream has accepted. */
  acceptedRecords(stream: string): number;
  /**
   * The open shards of a stream; empty where only the stream as a whole is known.
   * @param read the last sequence number that the landing view has read, by shard
   */
  shards(stream: string, read: ReadonlyMap<string, string>): Promise<readonly ShardState[]>;
  objects(bucket: string, prefix: string): Promise<StoredObject[]>;
  /** @returns undefined if there is no such object */
  read(bucket: string, key: string): Promise<{ readonly bytes: number; readonly body: Readable } | undefined>;
  metrics(queries: readonly MetricQuery[]): Promise<readonly (readonly MetricPoint[])[]>;
  /** When a function last wrote a metric of the pipeline, epoch milliseconds. */
  lastWritten(metric: string, pipeline: string): number | undefined;
  functionState(pipeline: string, role: Role): FunctionState;
  /** Alarms that fire now. */
  firing(): readonly Alarm[];
  absenceAlarms(): readonly AbsenceAlarm[];
  /** The number of deployments so far. @default - not known, so a plan is not kept for long */
  deployments?(): number;
}

/** The content of a small object. */
export async function textOf(ports: PagePorts, bucket: string, key: string): Promise<string | undefined> {
  const found = await ports.read(bucket, key);
  if (found === undefined) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of found.body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Converts a cell to a number; null becomes 0. */
export const numberOf = (value: unknown) => Number(value ?? 0);

/** Returns the first row by column name. */
export async function firstRow(ports: Pick<PagePorts, 'query'>, sql: string) {
  const { columns, rows } = await ports.query(sql);
  return Object.fromEntries(columns.map((name, index) => [name, rows[0]?.[index]])) as Readonly<
    Record<string, unknown>
  >;
}
