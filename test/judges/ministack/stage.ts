import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Background, freePort, pythonWithMinistack, root, until, type Variables } from './processes';

const ACCOUNT = '111122223333';
const REGION = 'eu-west-1';

/** Where the judged deployment runs: ministack, and beside it the local warehouse, since ministack has no Redshift. */
export interface Stage {
  /** For programs that talk to it as they would to AWS. */
  readonly env: Variables;
  readonly target: string;
  stop(): Promise<void>;
}

/** @param folder for data and logs */
export async function openStage(folder: string): Promise<Stage> {
  mkdirSync(folder, { recursive: true });
  const python = await pythonWithMinistack(join(folder, 'python.log'));
  const background = new Background();
  try {
    const ports = [await freePort(), await freePort()] as const;
    const [endpoint, warehouse] = ports.map((port) => `http://127.0.0.1:${port}`) as [string, string];
    const credentials = { AWS_ACCESS_KEY_ID: 'judge', AWS_SECRET_ACCESS_KEY: 'judge', AWS_REGION: REGION };
    await startMinistack(background, python, folder, ports[0], {
      ...credentials,
      // Functions inherit these.
      AWS_ENDPOINT_URL_REDSHIFT_DATA: warehouse,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      NODE_PATH: join(root, 'node_modules'),
    });
    await startWarehouse(background, folder, ports[1], endpoint, credentials);
    const env = {
      ...credentials,
      AWS_DEFAULT_REGION: REGION,
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_REDSHIFT_DATA: warehouse,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    };
    return { env, target: `aws://${ACCOUNT}/${REGION}`, stop: () => background.stop() };
  } catch (error) {
    await background.stop();
    throw error;
  }
}

async function startMinistack(background: Background, python: string, folder: string, port: number, env: Variables) {
  const { AWS_ENDPOINT_URL: _, ...inherited } = process.env;
  const log = join(folder, 'ministack.log');
  const child = background.start(
    python,
    [join(__dirname, 'stand_ins.py'), join(folder, 'warehouse/events.jsonl')],
    {
      ...inherited,
      ...env,
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_ACCOUNT_ID: ACCOUNT,
      MINISTACK_REGION: REGION,
    },
    log,
  );
  const health = `http://127.0.0.1:${port}/_ministack/health`;
  await until('ministack', child, log, 60_000, async () => (await fetch(health)).ok);
}

async function startWarehouse(
  background: Background,
  folder: string,
  port: number,
  endpoint: string,
  credentials: Variables,
) {
  const log = join(folder, 'warehouse.log');
  mkdirSync(join(folder, 'warehouse'), { recursive: true });
  const { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret } = credentials;
  const profile = `[default]\naws_access_key_id = ${key}\naws_secret_access_key = ${secret}\n`;
  writeFileSync(join(folder, 'warehouse/credentials'), profile, { mode: 0o600 });
  const services = ['--s3', endpoint, '--kinesis', endpoint, '--secrets', endpoint];
  const data = ['--data', join(folder, 'warehouse')];
  const child = background.start(
    process.execPath,
    // The parameter group of the template turns case sensitivity on.
    [join(root, 'bin/millrace.js'), 'warehouse', '--case-sensitive', '--port', String(port), ...data, ...services],
    { ...process.env, ...credentials },
    log,
  );
  await until('the warehouse', child, log, 60_000, async () => readFileSync(log, 'utf8').includes('endpoint'));
}
