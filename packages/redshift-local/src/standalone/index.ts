import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  type Authorizer,
  appendWhole,
  type BusEvent,
  type Caller,
  createGateway,
  credentialsFile,
  type Disposable,
  type EventBusPort,
  folderCredentials,
  lockFolder,
  type Profile,
} from 'aws-local-kit';
import { composeDataApi } from '../compose';
import { serveWire } from '../wire/server';
import { Clusters } from './clusters';
import { OpenLogins } from './logins';
import { systemClock } from './system-clock';
import { standaloneLogins } from './wire-logins';

export interface ServeOptions {
  /** Folder for all data that outlives the process. One process at a time may use it. */
  readonly dataDir: string;
  /** Port on 127.0.0.1. The value 0 selects a free port. */
  readonly port: number;
  /** Port on 127.0.0.1 for clients of PostgreSQL; 0 selects a free one. @default - none */
  readonly pgPort?: number;
  /** Region in the ARNs of responses. Requests may be signed for any region. */
  readonly region: string;
  /** Refuses calls above the rates that AWS documents. @default false */
  readonly throttle?: boolean;
  /**
   * Initial value of enable_case_sensitive_identifier in a session, as in a cluster's parameter group.
   * @default false
   */
  readonly caseSensitiveIdentifiers?: boolean;
  /** S3 client for COPY and UNLOAD. @default - they fail */
  readonly s3?: S3Client;
  /** Kinesis client for streaming views. @default - they fail */
  readonly kinesis?: KinesisClient;
  /**
   * Client that looks up the user and password of a SecretArn.
   * @default - any SecretArn logs in as the administrator
   */
  readonly secrets?: SecretsManagerClient;
}

/** The Data API on its own port. */
export interface ServedWarehouse extends Disposable {
  /** Port for clients of PostgreSQL, if one was requested. */
  readonly pgPort?: number;
  /** `http://127.0.0.1:<port>`. */
  readonly endpoint: string;
  /** File with the credentials that are let in, for AWS_SHARED_CREDENTIALS_FILE. */
  readonly credentialsFile: string;
  /** The credentials of its first profile. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Account id in ARNs. */
const account = '000000000000';

/**
 * Serves only the Data API, to the callers whose access keys are in the folder's file `credentials`; it is created with
 * a random one. It creates clusters, workgroups, databases and users at first use.
 * @throws LockedError when another process serves the folder, Error naming the port when it is in use
 */
export async function serveWarehouse(options: ServeOptions): Promise<ServedWarehouse> {
  const unlock = lockFolder(options.dataDir);
  try {
    const { dataDir, region } = options;
    const profiles = folderCredentials(dataDir);
    const file = resolve(credentialsFile(dataDir));
    const ending = new AbortController();
    const clusters = new Clusters({
      ...options,
      caseSensitiveIdentifiers: options.caseSensitiveIdentifiers ?? false,
      account,
      clock: systemClock,
      ending: ending.signal,
      onOpen: (warehouse) => api.store.reconcile(warehouse),
    });
    const api: ReturnType<typeof composeDataApi> = composeDataApi({
      directory: dataDir,
      clock: systemClock,
      throttle: options.throttle,
      authorizer: everything,
      bus: eventFile(join(dataDir, 'events.jsonl'), region),
      logins: new OpenLogins(options.secrets),
      find: (kind, name, database) => clusters.find(kind, name, database),
      databases: (kind, name) => clusters.databases(kind, name),
      arnOf: (kind, name) => clusters.arnOf(kind, name),
      userIdOf: (principal) => principal.arn.slice(principal.arn.lastIndexOf('/') + 1),
    });
    for (const { warehouse, database } of api.store.interrupted())
      await clusters.find(warehouse.kind, warehouse.name, database);
    const gateway = await createGateway({
      port: options.port,
      callerOf: callersOf(profiles),
      credentialsHint: `Set AWS_SHARED_CREDENTIALS_FILE=${file}`,
      services: [api.service],
    });
    const { pgPort } = options;
    const wire =
      pgPort === undefined
        ? undefined
        : await serveWire({ port: pgPort, logins: standaloneLogins(clusters, profiles[0].secretAccessKey) }).catch(
            async (error) => {
              await gateway.dispose();
              throw error;
            },
          );
    return {
      pgPort: wire?.port,
      endpoint: gateway.endpoint,
      credentialsFile: file,
      credentials: profiles[0],
      async dispose() {
        ending.abort();
        await wire?.dispose();
        await api.stop();
        await gateway.dispose();
        await clusters.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

const everything: Authorizer = { authorize: () => undefined };

/** Maps each access key of the profiles to its own IAM user. */
function callersOf(profiles: readonly Profile[]): (accessKeyId: string, sessionToken?: string) => Caller | undefined {
  return (accessKeyId, sessionToken = '') => {
    const known = profiles.find((each) => each.accessKeyId === accessKeyId && each.sessionToken === sessionToken);
    if (known === undefined) return undefined;
    const arn = `arn:aws:iam::${account}:user/${accessKeyId}`;
    return { principal: { kind: 'administrator', arn, account }, secretAccessKey: known.secretAccessKey };
  };
}

/**
 * Appends events to a file, because no event bus runs here. Each line is one event in JSON, as EventBridge would
 * deliver it.
 */
function eventFile(file: string, region: string): EventBusPort {
  return {
    publish(event: BusEvent) {
      const time = new Date(systemClock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
      const envelope = { version: '0', id: randomUUID(), account, region, time, ...event };
      appendWhole('the event bus', file, `${JSON.stringify(envelope)}\n`);
    },
  };
}
