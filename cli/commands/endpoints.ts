import type { Command } from 'commander';
import type { Output } from '../terminal';
import { DEFAULT_DATA, text } from './options';
import { type RuntimeFile, readRuntimeFile } from './runtime-file';

/**
 * Returns the variables that every AWS SDK and the AWS CLI read, those that name the warehouse and its owner for the Data
 * API, and those of psql and other clients of PostgreSQL.
 */
export function environmentVariables(file: RuntimeFile): Record<string, string> {
  const { endpoint, region, credentials, warehouse, token, prompt } = file;
  const names = {
    MILLRACE_CLUSTER: warehouse.ClusterIdentifier,
    MILLRACE_WORKGROUP: warehouse.WorkgroupName,
    MILLRACE_DATABASE: warehouse.Database,
    MILLRACE_SECRET_ARN: warehouse.SecretArn,
    MILLRACE_DB_USER: warehouse.DbUser,
    MILLRACE_TOKEN: token || undefined,
    PGHOST: prompt?.host,
    PGPORT: prompt && String(prompt.port),
    PGDATABASE: prompt?.database,
    PGUSER: prompt?.user,
    PGPASSWORD: prompt?.password,
  };
  const known = Object.entries(names).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken ? { AWS_SESSION_TOKEN: credentials.sessionToken } : {}),
    ...Object.fromEntries(known),
  };
}

export function addEndpoints(program: Command, { stdout }: { readonly stdout: Output }): void {
  program
    .command('endpoints')
    .summary('print the settings with which any AWS SDK or the AWS CLI reaches the local services')
    .description(
      'Prints the environment variables with which any AWS SDK or the AWS CLI uses the local runtime over the data folder.\n' +
        'The credentials are random and belong to the folder; so does MILLRACE_TOKEN, for the endpoints below /_local/. The variables\n' +
        'with PG are those of psql, dbt and other clients of PostgreSQL.\n\n' +
        '  eval "$(npx millrace endpoints)"\n  aws kinesis list-streams\n\n' +
        "Give the Data API the secret of the schemas' owner. Without it an IAM identity is a database user of its own, as in\n" +
        'Redshift, and may read nothing until it is granted something:\n\n' +
        '  aws redshift-data execute-statement --cluster-identifier "$MILLRACE_CLUSTER" --database "$MILLRACE_DATABASE" \\\n' +
        '    --secret-arn "$MILLRACE_SECRET_ARN" --sql "select count(*) from estore.events"',
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
