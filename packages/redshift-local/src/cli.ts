import { parseArgs } from 'node:util';
import { description, type ServeCommandIo, type ServeCommandOptions, serveUntilStopped } from './command';

const usage = 'Usage: redshift-local [--port <n>] [--pg-port <n>] [--data <dir>] [options]';

const options = `  --port <n>        port on 127.0.0.1, 0 for a free one (default: 0)
  --pg-port <n>     port for clients of PostgreSQL, 0 for a free one (default: none)
  --data <dir>      folder for all data (default: .redshift-local)
  --s3 <url>        S3 endpoint for COPY and UNLOAD
  --kinesis <url>   Kinesis endpoint for streaming views
  --secrets <url>   Secrets Manager endpoint for SecretArn
  --case-sensitive  sessions begin with enable_case_sensitive_identifier on
  --throttle        refuse calls above the documented rates, as AWS does`;

function portOf(option: string, given: string): number {
  const port = Number(given);
  if (given !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`${option} must be a whole number between 0 and 65535, got '${given}'`);
}

/** Parses the arguments. Returns undefined for --help. @throws Error that says what is wrong with the arguments */
export function optionsOf(args: readonly string[]): ServeCommandOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      'pg-port': { type: 'string' },
      data: { type: 'string', default: '.redshift-local' },
      s3: { type: 'string' },
      kinesis: { type: 'string' },
      secrets: { type: 'string' },
      'case-sensitive': { type: 'boolean' },
      throttle: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const port = portOf('--port', values.port);
  const pgPort = values['pg-port'] === undefined ? undefined : portOf('--pg-port', values['pg-port']);
  for (const name of ['s3', 'kinesis', 'secrets'] as const)
    if (
      values[name] !== undefined &&
      !/^https?:$/.test(URL.canParse(values[name]) ? new URL(values[name]).protocol : '')
    )
      throw new Error(`--${name} must be a URL like http://127.0.0.1:9000, got '${values[name]}'`);
  const { data, s3, kinesis, secrets, throttle } = values;
  return { port, pgPort, data, s3, kinesis, secrets, throttle, caseSensitive: values['case-sensitive'] };
}

/** Returns the exit code: 0 for success, 1 for a failure, 2 for invalid arguments. */
export async function main(args: readonly string[], io: ServeCommandIo): Promise<0 | 1 | 2> {
  let given: ServeCommandOptions | undefined;
  try {
    given = optionsOf(args);
  } catch (error) {
    io.stderr.write(`error: ${(error as Error).message}\n(add --help for what is possible)\n`);
    return 2;
  }
  if (given === undefined) {
    io.stdout.write(`${usage}\n\n${description('npx redshift-local')}\n\nOptions:\n${options}\n`);
    return 0;
  }
  try {
    await serveUntilStopped(given, io);
    return 0;
  } catch (error) {
    io.stderr.write(`error: ${(error as Error).message}\n`);
    return 1;
  }
}
