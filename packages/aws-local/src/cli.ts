import { parseArgs } from 'node:util';
import type { RunEvent } from 'aws-local-kit';
import { type Runtime, startRuntime } from './runtime';

export interface CliIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Aborted to stop the runtime. */
  readonly signal: AbortSignal;
}

export const help = `Usage: aws-local <cdk.out> [--stage <name>] [--port <n>] [--data <dir>]

Runs a synthesized CDK app on this machine: queues, buckets, streams, functions, schedules, roles.
When everything is deployed it prints one line on stdout: {"endpoint", "environment", "outputs"}.
SIGTERM and Ctrl-C end it. The data stays, and the next start continues with it.

  <cdk.out>       what cdk synth wrote
  --stage <name>  the stage to run (default: the app's own stacks, or its only stage)
  --port <n>      port of all services on 127.0.0.1 (default: a free one)
  --data <dir>    folder for all data (default: .aws-local)
`;

/** The progress line of an event. Undefined for events that are not shown. */
function lineOf(event: RunEvent): string | undefined {
  switch (event.kind) {
    case 'resource':
      if (event.error !== undefined) return `${event.name}: ${event.action} failed: ${event.error}`;
      return event.done ? `${event.name}: ${event.action} done (${event.type})` : undefined;
    case 'stack':
      return `${event.name}: ${event.status}${event.reason === undefined ? '' : `: ${event.reason}`}`;
    case 'function':
      if (event.phase === 'started') return undefined;
      return `${event.name}: ${event.error === undefined ? 'ran' : `failed: ${event.error.errorMessage}`}`;
    case 'trouble':
      return `${event.name}: ${event.message}`;
    default:
      return undefined;
  }
}

interface CliOptions {
  readonly assemblyDir: string;
  readonly stage?: string;
  readonly port?: number;
  readonly data: string;
}

/**
 * Parses the arguments. Undefined if help was requested.
 * @throws Error describing an invalid argument
 */
function optionsOf(args: readonly string[]): CliOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      stage: { type: 'string' },
      port: { type: 'string' },
      data: { type: 'string', default: '.aws-local' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const [assemblyDir, ...others] = positionals;
  if (assemblyDir === undefined || others.length > 0)
    throw new Error(`one folder is needed, the cdk.out of an app, got ${positionals.length}`);
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw new Error(`--port must be a whole number between 0 and 65535, got '${values.port}'`);
  return { assemblyDir, stage: values.stage, port, data: values.data };
}

/**
 * Runs an assembly until the signal is aborted.
 * @returns the exit code: 0 success, 1 failure, 2 invalid arguments
 */
export async function main(args: readonly string[], { stdout, stderr, signal }: CliIo): Promise<0 | 1 | 2> {
  let options: CliOptions | undefined;
  try {
    options = optionsOf(args);
  } catch (error) {
    stderr.write(`error: ${(error as Error).message}\n(add --help for what is possible)\n`);
    return 2;
  }
  if (options === undefined) {
    stdout.write(help);
    return 0;
  }
  let runtime: Runtime;
  try {
    runtime = await startRuntime({
      assemblyDir: options.assemblyDir,
      stageName: options.stage,
      dataDir: options.data,
      port: options.port,
      onRun: (event) => {
        const line = lineOf(event);
        if (line !== undefined) stderr.write(`${line}\n`);
      },
    });
  } catch (error) {
    stderr.write(`error: ${(error as Error).message}\n`);
    return 1;
  }
  const { endpoint, environment, deployment } = runtime;
  stdout.write(`${JSON.stringify({ endpoint, environment, outputs: deployment.outputs })}\n`);
  if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  await runtime.dispose();
  return 0;
}
