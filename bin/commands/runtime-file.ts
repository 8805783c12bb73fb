import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure';

/** How a program talks to a running local runtime. */
export interface RuntimeConnection {
  /** `http://127.0.0.1:<port>`: every service. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** How the Data API names the warehouse. */
  readonly warehouse: {
    readonly ClusterIdentifier?: string;
    readonly WorkgroupName?: string;
    readonly Database: string;
    readonly SecretArn?: string;
    readonly DbUser?: string;
  };
  /** Outputs of the data stack by logical id: what buckets, streams and queues are called. */
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** Outputs of the pipelines stack: which secrets hold the external ids of partners. */
  readonly pipelineOutputs?: Readonly<Record<string, unknown>>;
}

/** What another process needs: `<data>/runtime.json`, there while the runtime runs. */
export interface RuntimeFile extends RuntimeConnection {
  readonly pid: number;
}

const pathIn = (dataDir: string) => join(dataDir, 'runtime.json');

/** Readable by its owner only: it holds credentials, if only local ones. */
export function writeRuntimeFile(dataDir: string, file: RuntimeFile): void {
  const temporary = `${pathIn(dataDir)}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, pathIn(dataDir));
}

export function removeRuntimeFile(dataDir: string): void {
  rmSync(pathIn(dataDir), { force: true });
}

/** @throws Failure when no runtime runs over the folder */
export function readRuntimeFile(dataDir: string): RuntimeFile {
  const none = () =>
    new Failure(
      `no local runtime is running over ${dataDir}; start one with 'npm start', or name its folder with --data`,
    );
  let content: string;
  try {
    content = readFileSync(pathIn(dataDir), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw none();
    throw error;
  }
  const file = JSON.parse(content) as RuntimeFile;
  if (!isRunning(file.pid)) throw none();
  return file;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
