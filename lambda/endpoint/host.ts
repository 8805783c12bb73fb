import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { ExecuteStatementCommand, GetStatementResultCommand, RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { clientSettings } from '../shared/client-settings';
import { type Freshness, freshnessKey, parseFreshness } from '../shared/freshness';
import { consoleLog, type Log } from '../shared/log';
import { embeddedMetrics, type Metrics } from '../shared/metrics';
import { assertAwake } from '../shared/paused-workgroup';
import { readPlan } from '../shared/plan-file';
import {
  isPassingCall,
  placeOf,
  redshiftData,
  retryingCall,
  type WarehouseTarget,
  warehouseTarget,
} from '../shared/redshift-data';
import { redshiftStatus } from '../shared/redshift-status';
import { s3Objects } from '../shared/s3';
import { s3Bytes } from '../shared/s3-bytes';
import { directReads } from '../shared/s3-direct';
import { scalar } from '../shared/scalar';
import type { StatementState, StatementStatus } from '../shared/warehouse';
import type { AskStatus } from '../shared/warehouse-status';
import { answersPrefix, type EndpointsPlan, type env, type PartnerGrant, type TokenKeys } from './contract';
import { BusyError } from './problem';
import type { Cell } from './render';
import { parseKeys } from './token';

/** A query for the Data API. */
export interface Query {
  readonly name: string;
  readonly sql: string;
  readonly params: readonly { readonly name: string; readonly value: string }[];
  /** Calls with equal tokens and queries share one statement, for eight hours. */
  readonly token: string;
  /** How long the call waits for the end of the statement: 1 to 30. */
  readonly waitSeconds: number;
}

/** The Data API as the reader of one pipeline. */
export interface Queries {
  /** @throws BusyError, WarehouseAsleepError */
  run(query: Query): Promise<{ readonly id: string; readonly status: StatementStatus }>;
  state(id: string): Promise<StatementState>;
  /** The rows of a finished statement, in the Data API's pages. */
  pages(id: string): AsyncIterable<readonly (readonly Cell[])[]>;
  cancel(id: string): Promise<void>;
}

/** Texts that all instances of the function share. A text never changes, so a key may be written more than once. */
export interface SharedAnswers {
  /** Undefined if there is none. */
  get(pipeline: string, key: string): Promise<string | undefined>;
  put(pipeline: string, key: string, text: string): Promise<void>;
}

export interface EndpointHost {
  readonly environment: string;
  readonly plan: EndpointsPlan;
  readonly partners: Readonly<Record<string, PartnerGrant>>;
  queries(pipeline: string): Queries;
  /** Undefined when there is no document, or none that can be read. */
  freshness(pipeline: string): Promise<Freshness | undefined>;
  readonly shared: SharedAnswers;
  readKeys(): Promise<TokenKeys>;
  now(): number;
  sleep(ms: number): Promise<void>;
  /** A text that no other call returns. */
  unique(): string;
  readonly log: Log;
  metrics(pipeline: string): Metrics;
}

/** A request waits for these calls, so retries are short. */
const pausesMs = [100, 300];
const secretMs = 5_000;
const sleepMs = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export function createHost(settings: ReturnType<typeof env.read>): EndpointHost {
  const s3 = new S3Client(clientSettings({ answerMs: 5_000 }));
  const objects = s3Objects(s3);
  const direct = directReads(s3);
  const secrets = new SecretsManagerClient(clientSettings({ answerMs: secretMs }));
  const data = new RedshiftDataClient({ ...clientSettings(), maxAttempts: 2 });
  const readers = JSON.parse(settings.READER_SECRETS) as Readonly<Record<string, string>>;
  const targetOf = (pipeline: string) => warehouseTarget({ ...settings, SECRET_ARN: readers[pipeline]! });
  return {
    environment: settings.ENVIRONMENT,
    plan: readPlan<EndpointsPlan>(),
    partners: JSON.parse(settings.PARTNERS) as Readonly<Record<string, PartnerGrant>>,
    queries(pipeline) {
      const target = targetOf(pipeline);
      const queries = dataApiQueries(data, target, redshiftStatus(target));
      return {
        ...queries,
        async run(query) {
          await assertAwake(target, objects, settings.WORK_BUCKET);
          return queries.run(query);
        },
      };
    },
    async freshness(pipeline) {
      const key = freshnessKey(pipeline);
      const text = (await direct(settings.WORK_BUCKET, key)) ?? (await objects.get(settings.WORK_BUCKET, key));
      return text === undefined ? undefined : parseFreshness(text);
    },
    shared: {
      async get(pipeline, key) {
        const object = { bucket: settings.WORK_BUCKET, key: answersPrefix(pipeline) + key };
        const bytes = await s3Bytes(s3).bytes(object);
        return bytes && text(bytes);
      },
      async put(pipeline, key, Body) {
        const encryption = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: settings.KEY_ARN } as const;
        const object = { Bucket: settings.WORK_BUCKET, Key: answersPrefix(pipeline) + key, Body };
        await s3.send(new PutObjectCommand({ ...object, ...encryption }));
      },
    },
    async readKeys() {
      const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: settings.KEYS_SECRET_ARN }));
      return parseKeys(SecretString ?? '');
    },
    now: Date.now,
    sleep: sleepMs,
    unique: randomUUID,
    log: consoleLog,
    metrics: (pipeline) => embeddedMetrics(settings.ENVIRONMENT, pipeline),
  };
}

export function dataApiQueries(
  client: Pick<RedshiftDataClient, 'send'>,
  target: WarehouseTarget,
  askStatus: AskStatus,
  sleep = sleepMs,
): Queries {
  const warehouse = redshiftData(client, target, askStatus, sleep, pausesMs);
  const retrying = retryingCall(target, askStatus, sleep, pausesMs);
  const call = async <T>(send: () => Promise<T>): Promise<T> => {
    try {
      return await retrying(send);
    } catch (error) {
      throw isPassingCall(error) ? new BusyError({ cause: error }) : error;
    }
  };
  return {
    state: (id) => warehouse.describe(id),
    cancel: (id) => warehouse.cancel(id),

    async run({ name, sql, params, token, waitSeconds }) {
      const { Id, Status } = await call(() =>
        client.send(
          new ExecuteStatementCommand({
            ...placeOf(target),
            SecretArn: target.secretArn,
            StatementName: name,
            Sql: sql,
            // The Data API refuses an empty list.
            ...(params.length > 0 ? { Parameters: [...params] } : {}),
            ClientToken: token,
            WaitTimeSeconds: waitSeconds,
          }),
        ),
      );
      return { id: Id!, status: (Status ?? 'SUBMITTED') as StatementStatus };
    },

    async *pages(Id) {
      let NextToken: string | undefined;
      do {
        const page = await call(() => client.send(new GetStatementResultCommand({ Id, NextToken })));
        yield (page.Records ?? []).map((record) => record.map(scalar));
        NextToken = page.NextToken;
      } while (NextToken);
    },
  };
}
