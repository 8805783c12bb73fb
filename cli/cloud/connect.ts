import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { messagesOnDisk } from 'aws-local/data-folder';
import { warehouseKind } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import { clientSettings } from '../../lambda/shared/client-settings';
import { forgetKeys } from '../../lambda/shared/forget-keys';
import { redshiftData, type WarehouseTarget } from '../../lambda/shared/redshift-data';
import { redshiftStatus } from '../../lambda/shared/redshift-status';
import { readRuntimeFile } from '../commands/runtime-file';
import { Failure } from '../failure';
import { findEnvironment } from './environments';
import { dataStackName, LOCAL_ENVIRONMENT, namesFrom, type StackOutputs, stackName } from './names';
import type { Cloud, Queues } from './ports';
import { kinesisStreams, s3Buckets, sqsQueues } from './sdk';

export interface ConnectOptions {
  /** Data folder of the local runtime. */
  readonly data: string;
  /** Environment in AWS, instead of the local runtime. */
  readonly environment?: string;
  /** File with the environment's outputs, written by `cdk deploy --outputs-file`. */
  readonly outputs: string;
  /** How AWS is reached. @default - the SDK's own settings, in the environment's region */
  readonly reach?: ClientSettings;
}

export interface ClientSettings {
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/**
 * Connects to the local runtime over the data folder, or to an environment in AWS with the SDK's default credentials.
 */
export function connect(options: ConnectOptions): Cloud {
  return options.environment === undefined
    ? connectLocal(options.data)
    : connectAws(options.environment, options.outputs, options.reach);
}

function connectLocal(dataDir: string): Cloud {
  const { endpoint, region, credentials, outputs } = readRuntimeFile(dataDir);
  const connected = cloud(
    LOCAL_ENVIRONMENT,
    outputs,
    `the runtime file of ${dataDir}`,
    { endpoint, region, credentials },
    localTarget(dataDir),
  );
  return {
    ...connected,
    queues: { ...connected.queues, ...looksOnDisk(dataDir) },
    streams: {
      ...connected.streams,
      // Two runtimes may have created streams of one name at one time of their clocks.
      identity: async (stream) => `${await connected.streams.identity(stream)} in ${runtimeId(dataDir)}`,
    },
  };
}

/** Returns an id that differs from those of all other data folders. */
function runtimeId(dataDir: string): string {
  const path = join(dataDir, 'runtime-id');
  try {
    writeFileSync(path, randomBytes(8).toString('hex'), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(path, 'utf8');
}

/** Returns how the Data API addresses the warehouse of `connect`, as the owner of its objects. */
export function warehouseTargetOf({ data, environment, outputs }: ConnectOptions): WarehouseTarget {
  return environment === undefined ? localTarget(data) : awsTarget(findEnvironment(environment), outputs);
}

function localTarget(dataDir: string): WarehouseTarget {
  const { warehouse } = readRuntimeFile(dataDir);
  return {
    kind: warehouse.WorkgroupName === undefined ? 'provisioned' : 'serverless',
    name: warehouse.WorkgroupName ?? warehouse.ClusterIdentifier ?? '',
    database: warehouse.Database,
    secretArn: warehouse.SecretArn ?? '',
  };
}

/** Reads the local runtime's queues in its folder, without a delivery. */
function looksOnDisk(dataDir: string): Pick<Queues, 'look' | 'lookCounts'> {
  return {
    async look(url, most) {
      const all = messagesOnDisk(dataDir, url.slice(url.lastIndexOf('/') + 1));
      const messages = all.slice(0, most).map(({ body, receiveCount, sentAt, visibleAt }) => ({
        body,
        deliveries: receiveCount,
        sentAt,
        hiddenUntil: visibleAt,
      }));
      return { messages, whole: messages.length === all.length };
    },
    lookCounts: false,
  };
}

function connectAws(environmentName: string, outputsFile: string, reach: ClientSettings = {}): Cloud {
  const environment = findEnvironment(environmentName);
  const outputs = stackOutputs(environment, 'data', outputsFile);
  const target = awsTarget(environment, outputsFile);
  return cloud(environment.name, outputs, outputsFile, { region: environment.region, ...reach }, target);
}

function awsTarget(environment: Environment, outputsFile: string): WarehouseTarget {
  const outputs = stackOutputs(environment, 'data', outputsFile);
  const text = (name: string): string => {
    const value = outputs[name];
    if (typeof value !== 'string')
      throw new Failure(
        `${outputsFile} has no output ${name} of the stack ${dataStackName(environment.name)}; deploy it again`,
      );
    return value;
  };
  return {
    kind: warehouseKind(environment),
    name: text('WarehouseName'),
    database: text('DatabaseName'),
    secretArn: text('OwnerSecretArn'),
  };
}

/** Returns the outputs of one of the environment's stacks, from the file that `cdk deploy --outputs-file` wrote. */
export function stackOutputs(environment: Environment, stack: 'data' | 'pipelines', file: string): StackOutputs {
  const name = stackName(environment.name, stack);
  const again = `write it with: npx cdk deploy -c environment=${environment.name} "${environment.name}/*" --outputs-file ${file}`;
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Failure(`--outputs ${file}: there is no such file; ${again}`, 2);
    if (code === 'EISDIR') throw new Failure(`--outputs ${file} is a folder; ${again}`, 2);
    throw error;
  }
  let stacks: Record<string, StackOutputs>;
  try {
    stacks = (JSON.parse(content) ?? {}) as Record<string, StackOutputs>;
  } catch (cause) {
    throw new Failure(`--outputs ${file} is not JSON: ${(cause as Error).message}; ${again}`, 2, { cause });
  }
  const outputs = stacks[name];
  if (outputs === undefined)
    throw new Failure(
      `--outputs ${file} has no stack ${name}, only ${Object.keys(stacks).join(', ') || 'nothing'}; ${again}`,
      2,
    );
  return outputs;
}

function cloud(
  environment: string,
  outputs: StackOutputs,
  source: string,
  settings: ClientSettings,
  target: WarehouseTarget,
): Cloud {
  const names = namesFrom(environment, outputs, source);
  const s3 = new S3Client({ ...clientSettings(), ...settings, forcePathStyle: settings.endpoint !== undefined });
  const sqs = new SQSClient({ ...clientSettings(), ...settings });
  const kinesis = new KinesisClient({ ...clientSettings(), ...settings });
  const data = new RedshiftDataClient({ ...clientSettings(), ...settings });
  const secrets = new SecretsManagerClient({ ...clientSettings(), ...settings });
  return {
    names,
    buckets: s3Buckets(s3),
    queues: sqsQueues(sqs, wait),
    streams: kinesisStreams(kinesis, wait),
    warehouse: redshiftData(data, target, redshiftStatus(target, settings)),
    async forgetKeys(pipeline) {
      const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: names.forgetSecretArn() }));
      return forgetKeys(SecretString ?? '', pipeline);
    },
    close() {
      for (const client of [s3, sqs, kinesis, data, secrets]) client.destroy();
    },
  };
}
