import { randomUUID } from 'node:crypto';
import { devNull } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from 'aws-local-kit';
import type { Kill } from '../faults/source';
import type { FunctionProcess, FunctionProcesses } from './processes';

/** Settings with which a function's processes start. */
export interface FunctionSettings {
  readonly name: string;
  readonly arn: string;
  readonly handler: string;
  /** Folder of the unpacked code. */
  readonly taskRoot: string;
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: Credentials;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly logGroup: string;
  /** The function's own variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Most processes that run at the same time. */
  readonly concurrency: number;
}

export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}
export interface InvocationResult {
  readonly payload: unknown;
  readonly error?: FunctionError;
}

/** Runs a function's invocations in processes of their own, which stay warm between them. */
export interface FunctionRunner {
  /**
   * Waits for a free process if all are busy. Never rejects because of the function: its error is in the result.
   * @param kill the point where the process is killed
   * @param asynchronous given if nobody waits for the invocation
   */
  invoke(payload: unknown, requestId?: string, kill?: Kill, asynchronous?: Asynchronous): Promise<InvocationResult>;
  busy(): number;
  /** Ends the idle processes. */
  release(): void;
  /** Ends once every accepted invocation has its result. */
  retire(): Promise<void>;
  dispose(): Promise<void>;
}

/** An invocation by a queue, a schedule or an event. A process that is started for it yields to those that callers wait for. */
export interface Asynchronous {
  /** Asked when a process is free. True drops the invocation. @default - it is never dropped */
  readonly isStale?: () => boolean;
}

/** The error of an invocation that was dropped because it waited too long. */
export const tooOld: FunctionError = {
  errorType: 'EventAgeExceeded',
  errorMessage: 'the event waited longer than MaximumEventAgeInSeconds',
};

/** Loading the code does not count towards the function's timeout. AWS allows 10 s; a laptop under load gets more. */
const initTimeoutMs = 60_000;
/**
 * Longest wait of an invocation for a loading or busy process before another process starts, in real time, for each
 * process that there is. Loading takes more processor time than most invocations, and no more time than a cold start on
 * AWS. With many processes the processors are what is missing, and another process makes them all slower.
 */
const patienceMs = 50;
/**
 * Longest wait for each process while others end invocations. They are not blocked, so a queue means that the processors are busy, and a new process would
 * take more of their time than it gives.
 */
const busyPatienceMs = 500;
/** Longest idle time of a warm process, in real time. */
const idleTimeoutMs = 120_000;

type ChildMessage =
  | { type: 'ready' }
  | { type: 'init-error'; error: FunctionError }
  | { type: 'result'; requestId: string; payload: unknown }
  | { type: 'error'; requestId: string; error: FunctionError };

interface Worker {
  readonly process: FunctionProcess;
  /** Resolves with undefined when the code is loaded, or with the error if it could not be loaded. */
  readonly ready: Promise<FunctionError | undefined>;
  /** Resolves when the process has ended. */
  readonly exited: Promise<void>;
  settle?: (result: InvocationResult) => void;
  idleTimer?: NodeJS.Timeout;
}
interface Job {
  readonly payload: unknown;
  readonly requestId: string;
  readonly kill?: Kill;
  readonly asynchronous?: Asynchronous;
  readonly done: (result: InvocationResult) => void;
  /** Start of the wait, by `performance.now`. */
  readonly since: number;
}

/** The complete environment of a function's process. No variable of the parent process is passed on. */
export function environmentOf(settings: FunctionSettings): Record<string, string> {
  return {
    ...settings.variables,
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
    AWS_REGION: settings.region,
    AWS_DEFAULT_REGION: settings.region,
    AWS_ENDPOINT_URL: settings.endpoint,
    AWS_ACCESS_KEY_ID: settings.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: settings.credentials.secretAccessKey,
    AWS_SESSION_TOKEN: settings.credentials.sessionToken,
    // Functions must not use the developer's own profile.
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_LAMBDA_FUNCTION_NAME: settings.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.memoryMegabytes),
    AWS_LAMBDA_LOG_GROUP_NAME: settings.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    LAMBDA_TASK_ROOT: settings.taskRoot,
    _HANDLER: settings.handler,
  };
}

export function createRunner(
  settings: FunctionSettings,
  onOutput: (text: string) => void,
  processes: FunctionProcesses,
): FunctionRunner {
  const workers = new Set<Worker>();
  const idle: Worker[] = [];
  const waiting: Job[] = [];
  let busy = 0;
  let disposed = false;
  let retiring = false;
  /** Time at which the last process finished loading its code, by `performance.now`. */
  let loadedAt = 0;
  /** Time at which the last invocation ended. */
  let endedAt = 0;
  let loading = 0;
  let later: NodeJS.Timeout | undefined;
  const rested: (() => void)[] = [];

  const start = (yields: boolean): Worker => {
    let exit: () => void;
    const exited = new Promise<void>((resolve) => {
      exit = resolve;
    });
    const init = initialization();
    const process = processes.start(
      { program: join(__dirname, 'bootstrap.js'), cwd: settings.taskRoot, env: environmentOf(settings), yields },
      {
        onOutput,
        onMessage(received) {
          const message = received as ChildMessage;
          if (message.type === 'ready') init.end();
          if (message.type === 'init-error') init.end(message.error);
          if (message.type === 'result') worker.settle?.({ payload: message.payload });
          if (message.type === 'error') worker.settle?.({ payload: message.error, error: message.error });
        },
        onExit(code, signal, cause) {
          workers.delete(worker);
          remove(idle, worker);
          const error =
            cause === undefined ? exitError(code, signal) : { errorType: 'Runtime.StartFailed', errorMessage: cause };
          init.end(error);
          worker.settle?.({ payload: error, error });
          exit();
        },
      },
    );
    const worker: Worker = { process, ready: init.ready, exited };
    init.onTimeout = () => process.kill();
    workers.add(worker);
    loading += 1;
    worker.ready.then(() => {
      loading -= 1;
      loadedAt = performance.now();
      pump();
    });
    return worker;
  };

  const run = async (worker: Worker, job: Job): Promise<InvocationResult> => {
    const initError = await worker.ready;
    if (initError) return { payload: initError, error: initError };
    const timeoutMs = settings.timeoutSeconds * 1000;
    let timer: NodeJS.Timeout | undefined;
    const result = await new Promise<InvocationResult>((resolve) => {
      worker.settle = resolve;
      timer = setTimeout(() => {
        const error = timeoutError(job.requestId, settings.timeoutSeconds);
        resolve({ payload: error, error });
        worker.process.kill();
      }, timeoutMs);
      const { requestId, payload, kill } = job;
      const message = {
        type: 'invoke',
        requestId,
        functionArn: settings.arn,
        payload,
        deadlineMs: Date.now() + timeoutMs,
        kill,
      };
      worker.process.send(message, () => resolve({ payload: null, error: exitError(null, null) }));
    });
    clearTimeout(timer);
    worker.settle = undefined;
    return result;
  };

  /** Milliseconds until a new process starts for the invocation. Undefined while one is loading. */
  const patience = ({ since }: Job): number | undefined => {
    if (workers.size === 0) return 0;
    if (loading > 0) return undefined;
    const waitedFrom = Math.max(since, loadedAt);
    const blocked = Math.max(waitedFrom + patienceMs * workers.size, endedAt + patienceMs);
    return Math.min(blocked, waitedFrom + busyPatienceMs * workers.size) - performance.now();
  };
  const pump = () => {
    clearTimeout(later);
    while (waiting.length > 0 && busy < settings.concurrency && !disposed) {
      if (waiting[0]!.asynchronous?.isStale?.()) {
        waiting.shift()!.done({ payload: null, error: tooOld });
        continue;
      }
      if (idle.length === 0) {
        const left = patience(waiting[0]!);
        if (left === undefined) return;
        if (left > 0) {
          later = setTimeout(pump, left);
          return;
        }
      }
      const job = waiting.shift()!;
      const worker = idle.pop() ?? start(job.asynchronous !== undefined);
      clearTimeout(worker.idleTimer);
      busy += 1;
      run(worker, job).then((result) => {
        busy -= 1;
        endedAt = performance.now();
        if (workers.has(worker) && worker.process.isUsable && !disposed) park(worker);
        job.done(result);
        pump();
        if (retiring && busy + waiting.length === 0) {
          for (const worker of [...idle]) end(worker);
          for (const done of rested.splice(0)) done();
        }
      });
    }
  };
  const park = (worker: Worker) => {
    idle.push(worker);
    worker.idleTimer = setTimeout(() => end(worker), idleTimeoutMs).unref();
  };
  const end = (worker: Worker) => {
    clearTimeout(worker.idleTimer);
    remove(idle, worker);
    worker.process.kill();
  };

  return {
    invoke: (payload, requestId = randomUUID(), kill, asynchronous) =>
      new Promise((done) => {
        waiting.push({ payload, requestId, kill, asynchronous, done, since: performance.now() });
        pump();
      }),
    busy: () => busy + waiting.length,
    release() {
      for (const worker of [...idle]) end(worker);
    },
    async retire() {
      retiring = true;
      for (const worker of [...idle]) end(worker);
      if (busy + waiting.length > 0) await new Promise<void>((resolve) => rested.push(resolve));
    },
    async dispose() {
      disposed = true;
      clearTimeout(later);
      const exits = [...workers].map(({ exited }) => exited);
      for (const worker of workers) end(worker);
      const stopped = { errorType: 'Runtime.Stopped', errorMessage: 'the local runtime is shutting down' };
      for (const job of waiting.splice(0)) job.done({ payload: null, error: stopped });
      await Promise.all(exits);
    },
  };
}

/** The loading of a function's code in a new process. */
function initialization() {
  let resolve: (error?: FunctionError) => void;
  const ready = new Promise<FunctionError | undefined>((done) => {
    resolve = done;
  });
  const timer = setTimeout(() => {
    resolve({
      errorType: 'Runtime.InitTimeout',
      errorMessage: `the code did not load within ${initTimeoutMs / 1000} s`,
    });
    init.onTimeout();
  }, initTimeoutMs);
  const init = {
    ready,
    end(error?: FunctionError) {
      clearTimeout(timer);
      resolve(error);
    },
    onTimeout: () => {},
  };
  return init;
}

function timeoutError(requestId: string, seconds: number): FunctionError {
  return {
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`,
  };
}

function exitError(code: number | null, signal: NodeJS.Signals | null): FunctionError {
  return {
    errorType: 'Runtime.ExitError',
    errorMessage: `Runtime exited ${signal ? `with signal ${signal}` : `with error: exit status ${code}`}`,
  };
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
