import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  type Authorizer,
  type BusEvent,
  createGateway,
  type Disposable,
  type EventBusPort,
  lockFolder,
  type Principal,
} from 'aws-local-kit';
import { composeDataApi } from '../compose';
import { Clusters } from './clusters';
import { OpenLogins } from './logins';
import { systemClock } from './system-clock';

export interface ServeOptions {
  /** Folder for all data that outlives the process. One process at a time may use it. */
  readonly dataDir: string;
  /** Port on 127.0.0.1. The value 0 selects a free port. */
  readonly port: number;
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
  /** `http://127.0.0.1:<port>`. */
  readonly endpoint: string;
}

/** Account id in ARNs. */
const account = '000000000000';

/**
 * Serves only the Data API. It accepts any access key. It creates clusters, workgroups, databases and users at first
 * use.
 * @throws LockedError when another process serves the folder, Error naming the port when it is in use
 */
export async function serveWarehouse(options: ServeOptions): Promise<ServedWarehouse> {
  const unlock = lockFolder(options.dataDir);
  try {
    const { dataDir, region } = options;
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
    const gateway = await createGateway({ port: options.port, principalOf: callerOf, services: [api.service] });
    return {
      endpoint: gateway.endpoint,
      async dispose() {
        ending.abort();
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

/** Maps each access key to its own IAM user. */
const callerOf = (accessKeyId: string): Principal => ({
  kind: 'administrator',
  arn: `arn:aws:iam::${account}:user/${accessKeyId}`,
  account,
});

/**
 * Appends events to a file, because no event bus runs here. Each line is one event in JSON, as EventBridge would
 * deliver it.
 */
function eventFile(file: string, region: string): EventBusPort {
  return {
    publish(event: BusEvent) {
      const time = new Date(systemClock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
      const envelope = { version: '0', id: randomUUID(), account, region, time, ...event };
      appendFileSync(file, `${JSON.stringify(envelope)}\n`);
    },
  };
}
