import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { consoleLog } from '../shared/log';
import { redshiftData, warehouseTarget } from '../shared/redshift-data';
import { env } from './contract';
import * as object from './object';
import { parseRequest } from './request';

/** Kept back for the answer to the provider framework. */
const marginMs = 3000;
/** The framework asks again: no need to sit in one call for long. */
const patienceMs = 50_000;

const settings = env.read();
const client = new RedshiftDataClient({});
const secrets = new SecretsManagerClient({});
const warehouses = {
  admin: redshiftData(client, warehouseTarget({ ...settings, SECRET_ARN: settings.ADMIN_SECRET_ARN })),
  owner: redshiftData(client, warehouseTarget({ ...settings, SECRET_ARN: settings.OWNER_SECRET_ARN })),
};

const host: object.ObjectHost = {
  environment: settings.ENVIRONMENT,
  as: (identity) => warehouses[identity],
  ownerSecret: async () =>
    (await secrets.send(new GetSecretValueCommand({ SecretId: settings.OWNER_SECRET_ARN }))).SecretString ?? '',
  log: consoleLog,
};

interface Context {
  getRemainingTimeInMillis(): number;
}

function remaining(context: Context): () => number {
  const givenMs = context.getRemainingTimeInMillis();
  const keptMs = Math.max(marginMs, givenMs - patienceMs);
  return () => context.getRemainingTimeInMillis() - keptMs;
}

export const onEvent = (event: unknown, context: Context) =>
  object.onEvent(host, parseRequest(event), remaining(context));
export const isComplete = (event: unknown, context: Context) =>
  object.isComplete(host, parseRequest(event), remaining(context));
