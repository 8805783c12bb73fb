import { setTimeout } from 'node:timers/promises';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { clientSettings } from '../shared/client-settings';
import type { ForgetKeys } from '../shared/forget-keys';
import { readForgetKeys } from '../shared/forget-secret';
import { consoleLog, type Log } from '../shared/log';
import { readPlan } from '../shared/plan-file';
import { connectWarehouse } from '../shared/redshift-data';
import type { Warehouse } from '../shared/warehouse';
import type { env, WarehouseObjectPlan, WarehouseObjectProperties } from './contract';

export interface ObjectHost extends WarehouseObjectPlan {
  readonly environment: string;
  /** The warehouse, used as this database identity. */
  readonly as: (identity: WarehouseObjectProperties['identity']) => Warehouse;
  /** The warehouse, used as the database user of a secret. */
  readonly asUser: (secretArn: string) => Warehouse;
  /** The owner's secret, JSON with `username` and `password`. */
  readonly ownerSecret: () => Promise<string>;
  /** The secret of another database user, in the same form. */
  readonly secret: (arn: string) => Promise<string>;
  /** The keys of a pipeline's marks. */
  readonly forgetKeys: (pipeline: string) => Promise<ForgetKeys>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
  /** Longest time that a request may wait for its statements, in milliseconds. CloudFormation waits longer for the request. */
  readonly limitMs: number;
  readonly log: Log;
}

/** Time to cancel a late statement and answer: the framework calls every few seconds, and the first statement is submitted after its own start. */
const answerMs = 4 * 60_000;
/** A deployment begins many objects at once, and the Data API lists statements three times a second: about 40 seconds in all. */
const pausesMs = [200, 400, 800, 1600, ...Array<number>(14).fill(3200)];

export function createHost(settings: ReturnType<typeof env.read>): ObjectHost {
  const { ADMIN_SECRET_ARN, OWNER_SECRET_ARN } = settings;
  const connect = (SECRET_ARN: string) => connectWarehouse({ ...settings, SECRET_ARN }, pausesMs);
  const warehouses = { admin: connect(ADMIN_SECRET_ARN), owner: connect(OWNER_SECRET_ARN) };
  const secrets = new SecretsManagerClient(clientSettings());
  const secret = async (SecretId: string) =>
    (await secrets.send(new GetSecretValueCommand({ SecretId }))).SecretString ?? '';
  return {
    ...readPlan<WarehouseObjectPlan>(),
    environment: settings.ENVIRONMENT,
    as: (identity) => warehouses[identity],
    asUser: connect,
    ownerSecret: () => secret(OWNER_SECRET_ARN),
    secret,
    forgetKeys: (pipeline) => readForgetKeys(settings.FORGET_SECRET_ARN, pipeline),
    now: Date.now,
    sleep: setTimeout,
    limitMs: limitMs(settings.TIMEOUT_SECONDS),
    log: consoleLog,
  };
}

function limitMs(timeoutSeconds: string): number {
  const ms = Number(timeoutSeconds) * 1000 - answerMs;
  if (!(ms > 0))
    throw new Error(`TIMEOUT_SECONDS must be a number of more than ${answerMs / 1000}, got ${timeoutSeconds}`);
  return ms;
}
