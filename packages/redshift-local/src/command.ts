import { KinesisClient, type KinesisClientConfig } from '@aws-sdk/client-kinesis';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { SecretsManagerClient, type SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import { LockedError } from 'aws-local-kit';
import { clientSettings } from 'aws-local-kit/client-settings';
import type { ServedWarehouse } from './standalone';

export interface ServeCommandOptions {
  readonly port: number;
  readonly pgPort?: number;
  readonly data: string;
  readonly s3?: string;
  readonly kinesis?: string;
  readonly secrets?: string;
  readonly throttle?: boolean;
  readonly caseSensitive?: boolean;
}

export interface ServeCommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly env: NodeJS.ProcessEnv;
}

/** Longest wait for an orderly stop, since an endpoint may not answer. Committed data is on disk long before. */
const LONGEST_STOP_MS = 20_000;

/** Some S3 implementations do not support the newer checksums. */
const S3_SETTINGS: S3ClientConfig = {
  forcePathStyle: true,
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
};

/** Returns the help text. @param command as the user types it, `npx redshift-local` */
export const description = (
  command: string,
): string => `Serves the Amazon Redshift Data API over a local database, for the SDKs and the AWS CLI; nothing else of AWS runs.
When it is ready it prints one line on stdout, {"endpoint":"http://127.0.0.1:<port>","credentialsFile":"…"}. SIGTERM and Ctrl-C end
it, and so does the end of the process that started it; the data stays.

  ${command} --port 5480 --data ./warehouse &
  export AWS_ENDPOINT_URL_REDSHIFT_DATA=http://127.0.0.1:5480 AWS_REGION=us-east-1
  export AWS_SHARED_CREDENTIALS_FILE=./warehouse/credentials
  aws redshift-data execute-statement --cluster-identifier demo --database dev --db-user awsuser --sql "select 1"

Who and where:
  - The file "credentials" below --data has the access keys that are let in. It begins with a random one, for its owner only; add
    profiles for more. Each key is an IAM user of its own: it sees the statements that it submitted. AWS_ACCESS_KEY_ID overrides the file.
  - A cluster or workgroup and its database are made when they are first named; each database is a file below --data.
  - ClusterIdentifier and DbUser: that user. No DbUser: the user IAM:<access key>. SecretArn: the user in the secret of the
    --secrets endpoint, with its password; without --secrets any SecretArn is the administrator, awsuser.
  - With --pg-port, psql, dbt and other clients of PostgreSQL or Redshift reach the databases of the cluster "local":
    psql "host=127.0.0.1 port=<port> dbname=dev user=awsuser", with the aws_secret_access_key of the file "credentials" as password.
    The line on stdout then has the port too, as pgPort.
  - A user that does not exist is made at its first login, as a superuser. Those made by CREATE USER have only what was granted to them.
  - COPY and UNLOAD go to the --s3 endpoint, streaming views to the --kinesis endpoint, with the credentials of this process's
    environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, …; the key "local" if there are none). Roles in statements are accepted as they are.
  - Statements and results are kept for 24 hours, client tokens for 8. Events of WithEvent are lines in events.jsonl below --data.`;

/**
 * Serves until a signal stops it. Prints one line of JSON on stdout when it is ready.
 * @throws Error that says why it cannot serve
 */
export async function serveUntilStopped(options: ServeCommandOptions, io: ServeCommandIo): Promise<void> {
  // The data folder's files are for their owner only.
  process.umask(0o077);
  const stop = stopSignal();
  const served = await serve(options, io.env);
  if (!stop.signal.aborted)
    io.stdout.write(
      `${JSON.stringify({ endpoint: served.endpoint, credentialsFile: served.credentialsFile, pgPort: served.pgPort })}\n`,
    );
  await stop.asked;
  const late = setTimeout(() => {
    io.stderr.write(
      `error: the warehouse did not stop within ${LONGEST_STOP_MS / 1000} seconds; it ends anyway, what was committed stays\n`,
    );
    process.exit(1);
  }, LONGEST_STOP_MS);
  await served.dispose();
  clearTimeout(late);
  stop.end();
}

async function serve(options: ServeCommandOptions, env: NodeJS.ProcessEnv): Promise<ServedWarehouse> {
  // DuckDB is loaded lazily, because a help text does not need it.
  const { serveWarehouse } = require('./standalone') as typeof import('./standalone');
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1';
  try {
    return await serveWarehouse({
      dataDir: options.data,
      port: options.port,
      pgPort: options.pgPort,
      throttle: options.throttle,
      caseSensitiveIdentifiers: options.caseSensitive,
      region,
      ...endpoints(options, { region, ...credentials(env), maxAttempts: 5 }),
    });
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new Error(
      `process ${error.pid} is running over ${options.data}; stop it, or choose another folder with --data`,
      { cause: error },
    );
  }
}

/** Creates a client for each endpoint in the options. */
function endpoints(
  options: ServeCommandOptions,
  client: S3ClientConfig & KinesisClientConfig & SecretsManagerClientConfig,
) {
  const { s3, kinesis, secrets } = options;
  return {
    s3: s3 === undefined ? undefined : new S3Client({ ...clientSettings(), ...client, ...S3_SETTINGS, endpoint: s3 }),
    kinesis:
      kinesis === undefined ? undefined : new KinesisClient({ ...clientSettings(), ...client, endpoint: kinesis }),
    secrets:
      secrets === undefined
        ? undefined
        : new SecretsManagerClient({ ...clientSettings(), ...client, endpoint: secrets }),
  };
}

/**
 * Returns nothing if the environment configures credentials, since the SDK finds those itself. Otherwise it returns
 * dummy keys, because many endpoints on a laptop accept any key.
 */
function credentials(env: NodeJS.ProcessEnv) {
  const sources = [
    'AWS_ACCESS_KEY_ID',
    'AWS_PROFILE',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  ];
  if (sources.some((name) => env[name])) return {};
  return { credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
}

/** The first signal starts an orderly stop. The second one ends the process at once. */
function stopSignal() {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  const asked = new Promise<void>((resolve) => controller.signal.addEventListener('abort', () => resolve()));
  return {
    signal: controller.signal,
    asked,
    end: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
