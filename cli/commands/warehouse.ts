import type { Command } from 'commander';
import { description, type ServeCommandOptions, serveUntilStopped } from 'redshift-local/command';
import { Failure } from '../failure';
import type { Output } from '../terminal';
import { text, wholeNumber } from './options';

export interface WarehouseCommandIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
}

const DEFAULT_DIRECTORY = '.millrace/warehouse-only';

export function addWarehouse(program: Command, io: WarehouseCommandIo): void {
  program
    .command('warehouse')
    .summary('serve the Redshift Data API alone, for any SDK')
    .description(description('npx millrace warehouse'))
    .option('--port <n>', 'port on 127.0.0.1, 0 for a free one', wholeNumber('--port', 0, 65_535), 0)
    .option('--pg-port <n>', 'port for clients of PostgreSQL, 0 for a free one', wholeNumber('--pg-port', 0, 65_535))
    .option('--data <dir>', 'folder for all data', text('--data'), DEFAULT_DIRECTORY)
    .option('--s3 <url>', 'S3 endpoint for COPY and UNLOAD', url('--s3'))
    .option('--kinesis <url>', 'Kinesis endpoint for streaming views', url('--kinesis'))
    .option('--secrets <url>', 'Secrets Manager endpoint for SecretArn', url('--secrets'))
    .option('--case-sensitive', 'start sessions with enable_case_sensitive_identifier on, as a parameter group can')
    .option('--throttle', 'refuse calls above the documented rates, as AWS does (30 ExecuteStatement a second, …)')
    .action((options: ServeCommandOptions) => serveUntilStopped(options, io));
}

/** Creates a commander parser for the base URL of an endpoint. */
function url(flag: string): (given: string) => string {
  return (given) => {
    const parsed = URL.canParse(given) ? new URL(given) : undefined;
    if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.search !== '' || parsed.hash !== '')
      throw new Failure(`${flag} must be a URL like http://127.0.0.1:9000, got '${given}'`, 2);
    return given;
  };
}
