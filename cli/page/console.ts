import {
  BatchExecuteStatementCommand,
  CancelStatementCommand,
  type ColumnMetadata,
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import { clientSettings } from '../../lambda/shared/client-settings';
import { placeOf } from '../../lambda/shared/redshift-data';
import { scalar } from '../../lambda/shared/scalar';
import type { SqlFailure, SqlResult } from '../../ui/api';
import { type Calls, Refusal } from '../../ui/server';
import type { PagePorts } from './ports';
import { refusalOf } from './select-only';

/** The most rows of a result; further ones are cut. A browser can hold these, and a person reads fewer. */
const MOST_ROWS = 100_000;
const ENDED = ['FINISHED', 'FAILED', 'ABORTED'];

type Cell = SqlResult['rows'][number][number];

/**
 * Runs statements through the Data API, like any client of the warehouse. Where the page only reads, it accepts one
 * query, and sends it in a transaction that is READ ONLY.
 */
export function sqlConsole(ports: Pick<PagePorts, 'readOnly' | 'reach' | 'warehouse'>): {
  readonly calls: Pick<Calls, '/api/sql' | '/api/sql/cancel'>;
  dispose(): void;
} {
  const client = new RedshiftDataClient({ ...clientSettings(), ...ports.reach });
  /** Statements by the page's ids. A statement without one was cancelled before it was submitted. */
  const running = new Map<string, { id?: string; cancelled: boolean }>();
  const calls: Pick<Calls, '/api/sql' | '/api/sql/cancel'> = {
    async '/api/sql'({ sql, id }) {
      const refusal = ports.readOnly ? refusalOf(sql) : undefined;
      if (refusal !== undefined) return refusal;
      if (running.has(id)) throw new Refusal(`a statement with the id ${id} is running`);
      const entry: { id?: string; cancelled: boolean } = { cancelled: false };
      running.set(id, entry);
      const began = performance.now();
      try {
        const place = { ...placeOf(ports.warehouse), SecretArn: ports.warehouse.secretArn };
        return await execute(client, { place, sql, readOnly: ports.readOnly }, began, (statement) => {
          entry.id = statement;
          return entry.cancelled;
        });
      } catch (error) {
        // The Data API rejects some statements immediately.
        if ((error as { $fault?: unknown }).$fault === undefined) throw error;
        return failure((error as Error).message, sql);
      } finally {
        running.delete(id);
      }
    },
    async '/api/sql/cancel'({ id }) {
      const entry = running.get(id);
      if (entry === undefined) return { done: 'the statement has ended' };
      entry.cancelled = true;
      if (entry.id !== undefined) await cancel(client, entry.id);
      return { done: 'cancelled' };
    },
  };
  return { calls, dispose: () => client.destroy() };
}

interface Question {
  readonly place: ReturnType<typeof placeOf> & { readonly SecretArn: string };
  readonly sql: string;
  readonly readOnly: boolean;
}

/** Number of the question among the statements of `readOnlyBatch`. */
const ASKED = 2;

/** In AUTO_COMMIT the Data API adds no transaction of its own, so that this one is READ ONLY. It is undone in any case. */
const readOnlyBatch = (sql: string) => ({
  Sqls: ['begin read only', sql, 'rollback'],
  ExecutionMode: 'AUTO_COMMIT' as const,
});

const submit = (client: RedshiftDataClient, { place, sql, readOnly }: Question) =>
  readOnly
    ? client.send(new BatchExecuteStatementCommand({ ...place, StatementName: 'millrace-page', ...readOnlyBatch(sql) }))
    : client.send(new ExecuteStatementCommand({ ...place, StatementName: 'millrace-page', Sql: sql }));

async function execute(
  client: RedshiftDataClient,
  question: Question,
  began: number,
  submitted: (id: string) => boolean,
): Promise<SqlResult | SqlFailure> {
  const { sql, readOnly } = question;
  const { Id } = await submit(client, question);
  if (submitted(Id!)) await cancel(client, Id!);
  let state = await client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: 20 }));
  while (!ENDED.includes(state.Status ?? ''))
    state = await client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: 20 }));
  const asked = readOnly ? state.SubStatements?.[ASKED - 1] : state;
  if (state.Status !== 'FINISHED')
    return failure(asked?.Error ?? state.Error ?? `the statement was ${state.Status?.toLowerCase()}`, sql);
  const milliseconds = Math.round(performance.now() - began);
  if (!asked?.HasResultSet)
    return { columns: [], rows: [], changed: Math.max(0, asked?.ResultRows ?? 0), milliseconds, cut: false };
  const rows: Cell[][] = [];
  let columns: ColumnMetadata[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(new GetStatementResultCommand({ Id: asked.Id ?? Id, NextToken: token }));
    columns = page.ColumnMetadata ?? [];
    for (const record of page.Records ?? []) rows.push(record.map(scalar));
    token = page.NextToken;
  } while (token !== undefined && rows.length < MOST_ROWS);
  const total = asked.ResultRows ?? rows.length;
  return {
    columns: columns.map(({ label, name, typeName }) => ({ name: label ?? name ?? '', type: typeName ?? '' })),
    rows: rows.slice(0, MOST_ROWS),
    milliseconds,
    cut: total > MOST_ROWS,
  };
}

/** Cancels a statement. One that has already ended is no error. */
async function cancel(client: RedshiftDataClient, id: string): Promise<void> {
  try {
    await client.send(new CancelStatementCommand({ Id: id }));
  } catch (error) {
    if (!['ValidationException', 'ResourceNotFoundException'].includes((error as Error).name)) throw error;
  }
}

/** Reads the position of an error from its message: `line 2, column 8: …`. */
export function failure(error: string, sql: string): SqlFailure {
  const [, line, column] = /line (\d+), column (\d+)/.exec(error) ?? [];
  if (line === undefined) return { error };
  const before = sql.split('\n').slice(0, Number(line) - 1);
  const position = before.reduce((sum, text) => sum + text.length + 1, 0) + Number(column) - 1;
  return { error, position: Math.min(position, sql.length) };
}
