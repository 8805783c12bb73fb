import {
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import { type Command, Option } from 'commander';
import { clientSettings } from '../../lambda/shared/client-settings';
import { scalar } from '../../lambda/shared/scalar';
import { Failure } from '../failure';
import { type Cell, type Output, plural, styleFor } from '../terminal';
import { DEFAULT_DATA, text } from './options';
import { type RuntimeFile, readRuntimeFile } from './runtime-file';
import { type Layout, layouts, resultText } from './sql/result-text';

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Number of changed rows, for a statement without a result. */
  readonly changed?: number;
}

/**
 * Runs one statement through the Data API and waits for its end. Decimals and timestamps stay text, as the API sends
 * them.
 */
export async function runStatement(file: RuntimeFile, sql: string): Promise<QueryResult> {
  const client = new RedshiftDataClient({
    ...clientSettings(),
    endpoint: file.endpoint,
    region: file.region,
    credentials: file.credentials,
  });
  try {
    const statement = await client.send(
      new ExecuteStatementCommand({ ...file.warehouse, Sql: sql, WaitTimeSeconds: 20 }),
    );
    let state = await client.send(new DescribeStatementCommand({ Id: statement.Id, WaitTimeSeconds: 20 }));
    while (!['FINISHED', 'FAILED', 'ABORTED'].includes(state.Status ?? ''))
      state = await client.send(new DescribeStatementCommand({ Id: statement.Id, WaitTimeSeconds: 20 }));
    if (state.Status !== 'FINISHED')
      throw new Failure(state.Error ?? `the statement was ${state.Status?.toLowerCase()}`);
    if (!state.HasResultSet) return { columns: [], rows: [], changed: Math.max(0, state.ResultRows ?? 0) };
    const rows: Cell[][] = [];
    let columns: string[] = [];
    let token: string | undefined;
    do {
      const page = await client.send(new GetStatementResultCommand({ Id: statement.Id, NextToken: token }));
      columns = (page.ColumnMetadata ?? []).map((column) => column.label ?? column.name ?? '');
      for (const record of page.Records ?? []) rows.push(record.map(scalar));
      token = page.NextToken;
    } while (token !== undefined);
    return { columns, rows };
  } catch (error) {
    const { pausedText } = require('./pause') as typeof import('./pause');
    const paused = (error as Error).name === 'ValidationException' ? await pausedText(file) : undefined;
    throw paused === undefined ? error : new Failure(paused, 1, { cause: error });
  } finally {
    client.destroy();
  }
}

interface SqlIo {
  readonly stdout: Output;
  readonly env: NodeJS.ProcessEnv;
}

export function addSql(program: Command, { stdout, env }: SqlIo): void {
  program
    .command('sql')
    .summary('run one statement in the running local warehouse')
    .description(
      'Runs one Redshift statement in the warehouse of the local runtime over the data folder.\n\n' +
        '  npx millrace sql "select * from estore.hourly_revenue order by 1 desc limit 5"',
    )
    .argument('<query>', 'the statement; the local warehouse refuses what it does not model, by name', text('<query>'))
    .option('--data <dir>', 'data folder of the running runtime', text('--data'), DEFAULT_DATA)
    .addOption(
      new Option(
        '--layout <name>',
        'auto: a table if it fits the terminal, else one line a value; of many rows the columns that fit',
      )
        .choices(layouts)
        .default('auto' satisfies Layout),
    )
    .option('--json', 'a JSON array with one object a row')
    .action(async (query: string, options: { data: string; json?: boolean; layout: Layout }) => {
      const result = await runStatement(readRuntimeFile(options.data), query);
      if (options.json)
        stdout.write(
          `${JSON.stringify(result.rows.map((row) => Object.fromEntries(result.columns.map((name, n) => [name, row[n]]))))}\n`,
        );
      else if (result.columns.length === 0) stdout.write(`${plural(result.changed ?? 0, 'row')} changed\n`);
      else {
        const style = styleFor(stdout, env);
        stdout.write(`${resultText(result.columns, result.rows, style, options.layout)}\n`);
      }
    });
}
