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
  /** Everything that outlives the process. One process at a time. */
  readonly dataDir: string;
  /** On 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** Of the ARNs that answers carry; requests may be signed for any. */
  readonly region: string;
  /** Refuses calls above the rates that AWS documents. @default false */
  readonly throttle?: boolean;
  /** What enable_case_sensitive_identifier is in a new session, as a cluster's parameter group says it. @default false */
  readonly caseSensitiveIdentifiers?: boolean;
  /** Where COPY and UNLOAD go. @default - they fail */
  readonly s3?: S3Client;
  /** Where streaming views read. @default - they fail */
  readonly kinesis?: KinesisClient;
  /** Where the user and the password of a SecretArn are. @default - any SecretArn logs the administrator in */
  readonly secrets?: SecretsManagerClient;
}

/** The Data API on a port of its own. */
export interface ServedWarehouse extends Disposable {
  /** `http://127.0.0.1:<port>`. */
  readonly endpoint: string;
}

/** In ARNs. */
const account = '000000000000';

/**
 * Serves the Data API alone: any access key is let in, and clusters, workgroups, databases and users are made when they are first named.
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

/** Each access key is an IAM user of its own. */
const callerOf = (accessKeyId: string): Principal => ({
  kind: 'administrator',
  arn: `arn:aws:iam::${account}:user/${accessKeyId}`,
  account,
});

/** Nobody listens here, so events are kept where a person or a test finds them: a line of JSON each, as EventBridge would deliver it. */
function eventFile(file: string, region: string): EventBusPort {
  return {
    publish(event: BusEvent) {
      const time = new Date(systemClock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
      const envelope = { version: '0', id: randomUUID(), account, region, time, ...event };
      appendFileSync(file, `${JSON.stringify(envelope)}\n`);
    },
  };
}
