import type { Command } from 'commander';
import type { Output } from '../terminal';
import { DEFAULT_DATA, text } from './options';
import { type RuntimeFile, readRuntimeFile } from './runtime-file';

/** Returns the variables that every AWS SDK and the AWS CLI read. */
export function environmentVariables({ endpoint, region, credentials }: RuntimeFile): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken ? { AWS_SESSION_TOKEN: credentials.sessionToken } : {}),
  };
}

export function addEndpoints(program: Command, { stdout }: { readonly stdout: Output }): void {
  program
    .command('endpoints')
    .summary('print the settings with which any AWS SDK or the AWS CLI reaches the local services')
    .description(
      'Prints the environment variables with which any AWS SDK or the AWS CLI uses the local runtime over the data folder.\n\n' +
        '  eval "$(npx millrace endpoints)"\n  aws kinesis list-streams',
    )
    .option('--data <dir>', 'data folder of the running runtime', text('--data'), DEFAULT_DATA)
    .option('--json', 'one JSON object instead of shell lines')
    .action((options: { data: string; json?: boolean }) => {
      const variables = environmentVariables(readRuntimeFile(options.data));
      if (options.json) stdout.write(`${JSON.stringify(variables)}\n`);
      else stdout.write(shellLines(variables));
    });
}

/** Unsets shell settings that would override these: a profile, and the token of other credentials. */
function shellLines(variables: Readonly<Record<string, string>>): string {
  const others = ['AWS_PROFILE', 'AWS_SESSION_TOKEN'].filter((name) => !(name in variables));
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'`);
  return [`unset ${others.join(' ')}`, ...lines, ''].join('\n');
}
