import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { clientSettings } from '../shared/client-settings';
import { type EventBus, eventBridge } from '../shared/event-bus';
import { consoleLog, type Log } from '../shared/log';
import { embeddedMetrics, type Metrics } from '../shared/metrics';
import type {
  ConditionalObjects,
  ObjectBytes,
  ObjectCopies,
  ObjectDigests,
  ObjectListing,
  ObjectStore,
} from '../shared/objects';
import { asJson, asRecord, asText } from '../shared/parse';
import { connectPausable } from '../shared/paused-workgroup';
import { readPlan } from '../shared/plan-file';
import { type Postgres, postgres } from '../shared/postgres';
import { s3Objects } from '../shared/s3';
import { s3Bytes } from '../shared/s3-bytes';
import type { Warehouse } from '../shared/warehouse';
import { type ExportItem, type ExportPlan, type env, materializeEnv } from './contract';
import type { UnloadEngine } from './engine';
import type { Ledger } from './ledger';

export interface ExportHost {
  readonly environment: string;
  readonly plan: ExportPlan;
  /** Holds all exports. */
  readonly bucket: string;
  /** Has the state of the environment's pause. */
  readonly workBucket: string;
  /** The role with which Redshift writes. */
  readonly unloadRoleArn: string;
  readonly warehouse: Warehouse;
  /** Needed if the plan has exports of Materialize. */
  readonly materialize?: MaterializeHost;
  readonly objects: ObjectStore & ConditionalObjects & ObjectDigests & ObjectListing & ObjectCopies & ObjectBytes;
  readonly bus: EventBus;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface MaterializeHost {
  readonly postgres: Postgres;
  readonly cluster: string;
  /** Name of the connection of type AWS with which Materialize writes. */
  readonly connection: string;
  /** The key prefix below which Materialize may write. It ends in a slash. */
  readonly stagingPrefix: string;
}

/** The host, with what depends on the deadline of one invocation. */
export interface ExportContext extends ExportHost {
  readonly ledger: Ledger;
  readonly engineOf: (item: ExportItem) => UnloadEngine;
}

/** For S3's copy of up to 5 GB in one call. */
const copyMs = 300_000;

export function createHost(settings: ReturnType<typeof env.read>): ExportHost {
  const plan = readPlan<ExportPlan>();
  const s3 = new S3Client(clientSettings({ answerMs: copyMs }));
  const objects = { ...s3Objects(s3), ...s3Bytes(s3) };
  return {
    environment: settings.ENVIRONMENT,
    plan,
    bucket: settings.EXPORT_BUCKET,
    workBucket: settings.WORK_BUCKET,
    unloadRoleArn: settings.UNLOAD_ROLE_ARN,
    warehouse: connectPausable(settings, objects),
    materialize: plan.exports.some(({ engine }) => engine === 'materialize') ? createMaterializeHost() : undefined,
    objects,
    bus: eventBridge(new EventBridgeClient(clientSettings())),
    now: Date.now,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    log: consoleLog,
    metrics: embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE),
  };
}

function createMaterializeHost(): MaterializeHost {
  const settings = materializeEnv.read();
  return {
    postgres: postgres(async () => ({
      host: settings.MATERIALIZE_HOST,
      port: Number(settings.MATERIALIZE_PORT),
      database: settings.MATERIALIZE_DATABASE,
      ...(await readCredentials(settings.MATERIALIZE_SECRET_ARN)),
    })),
    cluster: settings.MATERIALIZE_CLUSTER,
    connection: settings.MATERIALIZE_CONNECTION,
    stagingPrefix: settings.MATERIALIZE_PREFIX,
  };
}

/** Called for each connection, so that a new password needs no deployment. */
async function readCredentials(SecretId: string): Promise<{ user: string; password: string }> {
  const { SecretString } = await new SecretsManagerClient(clientSettings()).send(
    new GetSecretValueCommand({ SecretId }),
  );
  const fields = asRecord(asJson(SecretString, 'the secret of Materialize'), 'the secret of Materialize');
  const at = (name: string) => `the secret of Materialize: ${name}`;
  return { user: asText(fields['username'], at('username')), password: asText(fields['password'], at('password')) };
}
