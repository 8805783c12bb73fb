import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import {
  DescribeStatementCommand,
  ExecuteStatementCommand,
  type Field,
  GetStatementResultCommand,
  RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';

const root = join(__dirname, '../..');

/** `millrace warehouse` as a process of its own. */
export interface WarehouseProcess {
  readonly endpoint: string;
  readonly pid: number;
  /** All lines on stdout so far. */
  readonly stdout: string[];
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** Exit code, or the signal that ended it. */
  exited(): Promise<number | NodeJS.Signals>;
}

export function spawnWarehouse(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawn(process.execPath, ['bin/millrace.js', 'warehouse', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Writes the keys that `dataClient` signs with into the folder's file. */
function writeCredentials(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true });
  const profiles = ['any', 'one', 'other'].map(
    (key) => `[${key}]\naws_access_key_id = ${key}\naws_secret_access_key = x\n`,
  );
  writeFileSync(join(dataDir, 'credentials'), profiles.join(''), { mode: 0o600 });
}

/** Starts the server on a free port and waits until it is ready. */
export async function startServer(
  dataDir: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<WarehouseProcess> {
  writeCredentials(dataDir);
  const child: ChildProcessByStdio<null, Readable, Readable> = spawnWarehouse(
    ['--port', '0', '--data', dataDir, ...args],
    env,
  );
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const stdout: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => stdout.push(line));
  await Promise.race([
    once(lines, 'line'),
    exited.then((code) => {
      throw new Error(`the server ended with ${code}: ${stderr}`);
    }),
  ]);
  return {
    endpoint: JSON.parse(stdout[0]!).endpoint,
    pid: child.pid!,
    stdout,
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    exited: () => exited,
  };
}

export const place = { ClusterIdentifier: 'demo', Database: 'dev', DbUser: 'awsuser' };

export const dataClient = (endpoint: string, accessKeyId = 'any') =>
  new RedshiftDataClient({
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId, secretAccessKey: 'x' },
    maxAttempts: 1,
  });

type Place = Partial<typeof place> & { WorkgroupName?: string; SecretArn?: string };

/** Runs one statement to its end. */
export async function run(client: RedshiftDataClient, Sql: string, where: Place = place) {
  const { Id } = await client.send(new ExecuteStatementCommand({ Sql, ...where, WaitTimeSeconds: 30 }));
  return client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: 30 }));
}

/** Rows of a query as scalars. @throws Error with the statement's error */
export async function rows(client: RedshiftDataClient, sql: string, where: Place = place): Promise<unknown[][]> {
  const done = await run(client, sql, where);
  if (done.Status !== 'FINISHED') throw new Error(done.Error);
  const all: Field[][] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(new GetStatementResultCommand({ Id: done.Id, NextToken }));
    all.push(...(page.Records ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return all.map((record) => record.map((field) => (field.isNull ? null : Object.values(field)[0])));
}
