import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { clientSettings } from '../shared/client-settings';
import { eventBridge } from '../shared/event-bus';
import { consoleLog } from '../shared/log';
import { embeddedMetrics } from '../shared/metrics';
import { asJson, asRecord, asText } from '../shared/parse';
import { readPlan } from '../shared/plan-file';
import { postgres } from '../shared/postgres';
import { redshiftData, warehouseTarget } from '../shared/redshift-data';
import { redshiftStatus } from '../shared/redshift-status';
import { s3Objects } from '../shared/s3';
import { s3Bytes } from '../shared/s3-bytes';
import { type ExportPlan, env, materializeEnv } from './contract';
import { engines } from './engines';
import { parseExportEvent } from './event';
import { exporter } from './export';
import { warehouseLedger } from './ledger';
import { materializeEngine } from './materialize-engine';
import { redshiftEngine } from './redshift-engine';

/** Kept back for cleaning up and answering. */
const marginMs = 3000;

/** S3 copies up to 5 GB in one call. */
const copyMs = 300_000;

const settings = env.read();
const plan = readPlan<ExportPlan>();
const common = { environment: settings.ENVIRONMENT, pipeline: plan.pipeline, bucket: settings.EXPORT_BUCKET };
const target = warehouseTarget(settings);
const warehouse = redshiftData(new RedshiftDataClient(clientSettings()), target, redshiftStatus(target));
const s3 = new S3Client(clientSettings({ answerMs: copyMs }));
const objects = { ...s3Objects(s3), ...s3Bytes(s3) };
const redshift = redshiftEngine({ ...common, unloadRoleArn: settings.UNLOAD_ROLE_ARN, warehouse, objects });
const bus = eventBridge(new EventBridgeClient(clientSettings()));
const metrics = embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE);

const region = plan.exports.some(({ engine }) => engine === 'materialize') ? materializeEnv.read() : undefined;

/** Read for each connection, so that a new password needs no deployment. */
async function credentials(SecretId: string): Promise<{ user: string; password: string }> {
  const { SecretString } = await new SecretsManagerClient(clientSettings()).send(
    new GetSecretValueCommand({ SecretId }),
  );
  const fields = asRecord(asJson(SecretString, 'the secret of Materialize'), 'the secret of Materialize');
  const at = (name: string) => `the secret of Materialize: ${name}`;
  return { user: asText(fields['username'], at('username')), password: asText(fields['password'], at('password')) };
}

const materialize = (remainingMs: () => number) =>
  region && {
    materialize: materializeEngine({
      ...common,
      stagingPrefix: region.MATERIALIZE_PREFIX,
      target: { connection: region.MATERIALIZE_CONNECTION, cluster: region.MATERIALIZE_CLUSTER },
      postgres: postgres(async () => ({
        host: region.MATERIALIZE_HOST,
        port: Number(region.MATERIALIZE_PORT),
        database: region.MATERIALIZE_DATABASE,
        ...(await credentials(region.MATERIALIZE_SECRET_ARN)),
      })),
      objects,
      now: Date.now,
      remainingMs,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      log: consoleLog,
    }),
  };

export const handler = (event: unknown, context: { getRemainingTimeInMillis(): number }) => {
  const remainingMs = () => context.getRemainingTimeInMillis() - marginMs;
  const ledger = warehouseLedger({ ...common, warehouse, remainingMs });
  const engine = engines(plan, { redshift, ...materialize(remainingMs) });
  const host = { ...common, plan, engine, ledger, objects, bus, log: consoleLog, metrics };
  return exporter({ ...host, tickEveryMs: plan.everyMinutes * 60_000 })(parseExportEvent(event));
};
