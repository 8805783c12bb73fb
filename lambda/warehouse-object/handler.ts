import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { clientSettings } from '../shared/client-settings';
import { consoleLog } from '../shared/log';
import { readPlan } from '../shared/plan-file';
import { redshiftData, warehouseTarget } from '../shared/redshift-data';
import { redshiftStatus } from '../shared/redshift-status';
import { whenAwake } from './awake';
import { env, type WarehouseObjectPlan } from './contract';
import * as object from './object';
import { parseRequest } from './request';

/** Kept back for the answer to the provider framework. */
const marginMs = 3000;
/** The framework asks again: no need to sit in one call for long. */
const patienceMs = 50_000;

/** From a statement that is late to the answer that it was cancelled: the framework asks every few seconds, and the first statement comes after its own start. */
const answerMs = 4 * 60_000;

const settings = env.read();
const { texts } = readPlan<WarehouseObjectPlan>();
const client = new RedshiftDataClient(clientSettings());
const secrets = new SecretsManagerClient(clientSettings());
/** Many objects begin at once, and the Data API lists statements three times a second: about 40 seconds in all. */
const pausesMs = [200, 400, 800, 1600, ...Array<number>(14).fill(3200)];
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
function warehouseAs(secretArn: string) {
  const target = warehouseTarget({ ...settings, SECRET_ARN: secretArn });
  return redshiftData(client, target, redshiftStatus(target), sleep, pausesMs);
}
const warehouses = { admin: warehouseAs(settings.ADMIN_SECRET_ARN), owner: warehouseAs(settings.OWNER_SECRET_ARN) };

function limitMs(timeoutSeconds: string): number {
  const ms = Number(timeoutSeconds) * 1000 - answerMs;
  if (!(ms > 0))
    throw new Error(`TIMEOUT_SECONDS must be a number of more than ${answerMs / 1000}, got ${timeoutSeconds}`);
  return ms;
}

const host: object.ObjectHost = {
  environment: settings.ENVIRONMENT,
  as: (identity) => warehouses[identity],
  ownerSecret: async () =>
    (await secrets.send(new GetSecretValueCommand({ SecretId: settings.OWNER_SECRET_ARN }))).SecretString ?? '',
  now: Date.now,
  limitMs: limitMs(settings.TIMEOUT_SECONDS),
  log: consoleLog,
};

interface Context {
  getRemainingTimeInMillis(): number;
}

/** From now on, at most the patience. */
function remaining(context: Context): () => number {
  const givenMs = context.getRemainingTimeInMillis();
  const keptMs = Math.max(marginMs, givenMs - patienceMs);
  return () => context.getRemainingTimeInMillis() - keptMs;
}

export const onEvent = (event: unknown, context: Context) => {
  const request = parseRequest(event, texts);
  const remainingMs = () => context.getRemainingTimeInMillis() - marginMs;
  return whenAwake({ log: consoleLog, sleep, remainingMs }, () => object.onEvent(host, request, remaining(context)));
};
export const isComplete = (event: unknown, context: Context) =>
  object.isComplete(host, parseRequest(event, texts), remaining(context));
