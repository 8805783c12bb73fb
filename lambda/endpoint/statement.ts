import { createHash } from 'node:crypto';
import type { RemainingMs } from '../shared/deadline';
import { formatStatementName } from '../shared/statement-name';
import { isAsleep, isPassing, isTerminal } from '../shared/warehouse';
import type { EndpointItem } from './contract';
import type { EndpointHost } from './host';
import type { Question } from './params';
import { Problem } from './problem';
import { type Table, TableWriter } from './render';
import type { Format } from './request';

export interface StatementRequest {
  readonly item: EndpointItem;
  readonly question: Question;
  readonly format: Format;
  /** The run that the answer will name. Part of the statement's name. */
  readonly run: string;
  /** Equal requests with equal keys may have one statement. @default - a statement of its own */
  readonly shared?: string;
  /** Called before each statement. Throws if there may be none now. */
  readonly admit: () => Promise<void>;
  readonly remainingMs: RemainingMs;
}

const maxAttempts = 3;
/** A statement that ended badly before the request began, by more than clocks differ, is an earlier request's. */
const clockMs = 2_000;
/** Kept for the pages of the result. */
const resultMs = 1_000;

/**
 * Runs the statement of a request and reads its rows.
 * @throws Problem, WarehouseAsleepError
 */
export async function runStatement(host: EndpointHost, request: StatementRequest): Promise<Table> {
  const { item, remainingMs } = request;
  const queries = host.queries(item.pipeline);
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const waitSeconds = Math.min(item.timeoutSeconds, Math.floor((remainingMs() - resultMs) / 1000));
    if (waitSeconds < 1) throw timedOut(item);
    await request.admit();
    const began = host.now();
    const { id, status } = await queries.run(queryOf(host, request, attempt, waitSeconds));
    if (status === 'FINISHED') return readTable(host, request, id);
    if (!isTerminal(status)) {
      await cancel(host, item, id);
      throw timedOut(item);
    }
    const state = await queries.state(id);
    host.log('the statement of an endpoint failed', { endpoint: `${item.pipeline}.${item.name}`, id, status, attempt });
    if (isAsleep(state)) throw asleep(state.warehouse?.kind === 'returning');
    const isEarlier = state.createdAt < began - clockMs;
    if (isEarlier || isPassing(state)) continue;
    if (status === 'ABORTED') throw timedOut(item);
    throw new Problem('query-failed', `The query failed in the warehouse. Its statement is ${id}.`);
  }
  throw new Problem('unavailable', 'The warehouse stopped the query several times.', { retryAfterSeconds: 2 });
}

function queryOf(
  host: EndpointHost,
  { item, question, run, shared }: StatementRequest,
  attempt: number,
  waitSeconds: number,
) {
  const { sql, params } = question.statement;
  const place = { environment: host.environment, pipeline: item.pipeline, purpose: 'endpoint' as const };
  // Calls with one token may have to be equal in everything, so a shorter wait needs its own statement.
  const mayShare = shared !== undefined && waitSeconds === item.timeoutSeconds;
  return {
    name: formatStatementName({ ...place, runId: run, step: item.name, attempt }),
    sql,
    params: params.map((name) => ({ name, value: question.values[name]! })),
    token: mayShare ? sha256(`${shared}/${attempt}`) : host.unique(),
    waitSeconds,
  };
}

async function readTable(host: EndpointHost, { item, format, remainingMs }: StatementRequest, id: string) {
  const writer = new TableWriter(item, format);
  for await (const page of host.queries(item.pipeline).pages(id)) {
    for (const row of page) if (!writer.addRow(row)) return writer.end();
    if (remainingMs() <= 0) throw timedOut(item);
  }
  return writer.end();
}

/** The answer does not depend on it: a statement that cannot be cancelled ends by itself. */
async function cancel(host: EndpointHost, item: EndpointItem, id: string): Promise<void> {
  try {
    await host.queries(item.pipeline).cancel(id);
  } catch (error) {
    host.log('a statement that took too long could not be cancelled', { id, error: (error as Error).name });
  }
}

const timedOut = ({ timeoutSeconds }: EndpointItem) =>
  new Problem('timeout', `The query took longer than ${timeoutSeconds} seconds and was cancelled.`);

/** @param returning whether the warehouse comes back by itself */
export const asleep = (returning: boolean) =>
  new Problem('unavailable', `The warehouse is ${returning ? 'coming back' : 'paused'}.`, {
    retryAfterSeconds: returning ? 30 : 300,
  });

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
