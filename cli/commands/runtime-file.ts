import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readToken } from 'aws-local/data-folder';
import { Failure } from '../failure';

/** How a program reaches a running local runtime. */
export interface RuntimeConnection {
  /** `http://127.0.0.1:<port>`, the address of every service. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** Names of the warehouse for the Data API. */
  readonly warehouse: {
    readonly ClusterIdentifier?: string;
    readonly WorkgroupName?: string;
    readonly Database: string;
    readonly SecretArn?: string;
    readonly DbUser?: string;
  };
  /** Where and as whom a client of PostgreSQL logs in to the warehouse. @default - no port is open */
  readonly prompt?: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly user: string;
    readonly password: string;
  };
  /** Outputs of the data stack by logical id: names of buckets, streams and queues. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Outputs of the pipelines stack: export functions, and secrets with the external ids of partners. */
  readonly pipelineOutputs: Readonly<Record<string, unknown>>;
}

/** What another process needs to reach the runtime. `<data>/runtime.json` exists while the runtime runs. */
export interface RuntimeFile extends RuntimeConnection {
  readonly pid: number;
  /** Token of the runtime's own endpoints. It is in a file of its own, which the page reads too. */
  readonly token: string;
}

const pathIn = (dataDir: string) => join(dataDir, 'runtime.json');

/** Writes the file readable by its owner only, because it holds (local) credentials. */
export function writeRuntimeFile(dataDir: string, file: Omit<RuntimeFile, 'token'>): void {
  const temporary = `${pathIn(dataDir)}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, pathIn(dataDir));
}

export function removeRuntimeFile(dataDir: string): void {
  rmSync(pathIn(dataDir), { force: true });
}

/** @throws Failure if no runtime runs over the folder, or its file is damaged */
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
  const file = parse(content, pathIn(dataDir));
  if (!isRunning(file.pid)) throw none();
  return { ...file, token: readToken(dataDir) ?? '' };
}

/** Returns true if a runtime runs over the folder. @throws Failure if its file is damaged */
export function isRunningOver(dataDir: string): boolean {
  const path = pathIn(dataDir);
  return existsSync(path) && isRunning(parse(readFileSync(path, 'utf8'), path).pid);
}

/** A full disk may cut the file off, or a person may change it. */
function parse(content: string, path: string): Omit<RuntimeFile, 'token'> {
  const damaged = (what: string, cause?: unknown) =>
    new Failure(`${path} is damaged: ${what}; stop the local runtime and start it again`, 1, { cause });
  let file: Readonly<Record<string, unknown>>;
  try {
    file = JSON.parse(content);
  } catch (cause) {
    throw damaged('it is not JSON', cause);
  }
  const must = (name: string, good: boolean, allowed: string) => {
    if (!good) throw damaged(`${name} must be ${allowed}, got ${JSON.stringify(file[name])}`);
  };
  const { pid, endpoint, region, credentials, warehouse, outputs, pipelineOutputs } = file ?? {};
  const isObject = (value: unknown) => typeof value === 'object' && value !== null;
  must('pid', Number.isInteger(pid) && (pid as number) > 0, 'a process id');
  must('endpoint', typeof endpoint === 'string', 'a text');
  must('region', typeof region === 'string', 'a text');
  must('credentials', isObject(credentials), 'an object');
  must('warehouse', isObject(warehouse), 'an object');
  must('outputs', isObject(outputs), 'an object');
  must('pipelineOutputs', isObject(pipelineOutputs), 'an object');
  return file as unknown as RuntimeFile;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
