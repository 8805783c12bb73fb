import {
  BatchExecuteStatementCommand,
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  type RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import { type Answer, cellOf, difference } from './compare';
import { ConformanceError } from './error';
import { type Case, type Cell, hasExpectation, type Step } from './pack';
import type { Surroundings } from './surroundings';

export type Verdict = 'agrees' | 'differs' | 'refused' | 'skipped';

export interface CaseResult {
  readonly case: Case;
  readonly verdict: Verdict;
  /** How the case differs, why it was skipped, or that it agrees although it is marked as a known refusal. */
  readonly detail?: string;
}

export interface RunOptions {
  /** The number of cases that run at the same time. */
  readonly parallel: number;
  /** Makes the schema names of this run differ from those of other runs. */
  readonly runId: string;
  readonly onResult?: (result: CaseResult) => void;
}

/** The deadline of a statement. A statement that takes longer fails its case. */
const statementDeadlineMs = 120_000;

/** Checks that the warehouse answers. @throws ConformanceError with the warehouse's reason */
export async function requireAnswer({ client, where }: Surroundings, name: string): Promise<void> {
  let error: string | undefined;
  try {
    const { Id } = await client.send(new ExecuteStatementCommand({ ...where, Sql: 'select 1', WaitTimeSeconds: 20 }));
    error = (await answerOf(client, Id!, Id!)).error;
  } catch (cause) {
    throw new ConformanceError(`${name} cannot be asked: ${(cause as Error).message}`, 1, { cause });
  }
  if (error !== undefined) throw new ConformanceError(`${name} cannot be asked: ${error}`);
}

/** Runs each case in its own schema, which is dropped afterwards. Returns the results in the order of the cases. */
export async function runCases(
  cases: readonly Case[],
  around: Surroundings,
  options: RunOptions,
): Promise<CaseResult[]> {
  const results: CaseResult[] = new Array(cases.length);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < cases.length; i = next++) {
      results[i] = await runCase(cases[i]!, around, `conformance_${options.runId}_${i + 1}`);
      options.onResult?.(results[i]!);
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, worker));
  return results;
}

async function runCase(each: Case, around: Surroundings, schema: string): Promise<CaseResult> {
  const missing = each.needs.filter((need) => around[need] === undefined);
  if (missing.length > 0) return { case: each, verdict: 'skipped', detail: `needs a ${missing.join(' and a ')}` };
  // On Redshift such a case would create objects that nothing cleans up: databases, roles, groups.
  if (!around.local && (each.refused || !each.steps.some(hasExpectation)))
    return { case: each, verdict: 'skipped', detail: 'tells only what the local warehouse refuses' };
  const run = new CaseRun(each, around, schema);
  let detail: string | undefined;
  try {
    detail = await run.play();
  } catch (error) {
    detail = `could not be run: ${(error as Error).message}`;
  }
  const left = await run.clean();
  if (detail === undefined && left !== undefined) detail = `could not be cleaned up: ${left}`;
  if (each.known !== undefined && around.local) return { case: each, ...refusal(each.known, detail) };
  return detail === undefined ? { case: each, verdict: 'agrees' } : { case: each, verdict: 'differs', detail };
}

const refusals = /is not (supported|modelled) by the local warehouse|not a text that the local warehouse reads/;

/** The verdict of a case that is marked as known: it must be refused. If it agrees instead, the mark can be removed. */
function refusal(known: string, detail: string | undefined): { verdict: Verdict; detail?: string } {
  if (detail === undefined) return { verdict: 'agrees', detail: 'the mark "known" can go' };
  if (detail.includes(known) && refusals.test(detail)) return { verdict: 'refused' };
  return { verdict: 'differs', detail: `expected a refusal with "${known}": ${detail}` };
}

class CaseRun {
  private readonly text: string;
  /** How many transactions of the last `together` were committed. */
  private committed = 0;

  constructor(
    private readonly each: Case,
    private readonly around: Surroundings,
    private readonly schema: string,
  ) {
    this.text = JSON.stringify([each.given, each.steps]);
  }

  /** Runs the case. Returns how it differs, undefined if it agrees. */
  async play(): Promise<string | undefined> {
    const { stream } = this.around;
    if (this.text.includes('{s}')) await this.must(`create schema ${this.schema}`);
    if (this.each.needs.includes('stream')) await stream!.create(this.schema);
    for (const step of this.each.given) {
      const answer = await this.step(step);
      if (answer.error !== undefined) return `what is given failed: ${answer.error}`;
    }
    for (const [i, step] of this.each.steps.entries()) {
      const answer = await this.step(step);
      const found = step.kind === 'sql' ? (difference(step, answer) ?? this.accident(answer)) : answer.error;
      if (found !== undefined)
        return i === 0 && this.each.expressions.length < 2
          ? found
          : `${this.each.expressions[i] ?? `step ${i + 1}`}: ${found}`;
    }
    return undefined;
  }

  /** Checks that a case marked `refused` was refused, and did not fail for another reason. */
  private accident({ error }: Answer): string | undefined {
    return this.each.refused && !refusals.test(error ?? '') ? `expected a refusal, got "${error}"` : undefined;
  }

  /** Drops everything that the case may have created. Returns the error, undefined if there is none. */
  async clean(): Promise<string | undefined> {
    try {
      for (const [mark, name] of [
        ['{k}', `${this.schema}_k`],
        ['{s}', this.schema],
      ] as const)
        if (this.text.includes(mark)) await this.must(`drop schema if exists ${name} cascade`);
      if (this.each.needs.includes('stream')) await this.around.stream!.remove(this.schema);
      if (this.each.needs.includes('bucket')) await this.around.bucket!.empty(`${this.schema}/`);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  private fill(text: string): string {
    const { bucket, stream } = this.around;
    return text
      .replaceAll('{s}', this.schema)
      .replaceAll('{k}', `${this.schema}_k`)
      .replaceAll('{ok}', String(this.committed))
      .replaceAll('{stream}', this.schema)
      .replaceAll('{s3}', `s3://${bucket?.name ?? ''}/${this.schema}`)
      .replaceAll('{role}', bucket?.roleArn ?? stream?.roleArn ?? '')
      .replaceAll('{stream_role}', stream?.roleArn ?? '');
  }

  private async must(sql: string): Promise<void> {
    const { error } = await this.statement(sql, undefined);
    if (error !== undefined) throw new Error(`${sql}: ${error}`);
  }

  private async step(step: Step): Promise<Answer> {
    if (step.kind === 'together') return this.together(step);
    if (step.kind === 'put') {
      await this.around.stream!.put(this.schema, step.records);
      return {};
    }
    if (step.kind === 'object') {
      await this.around.bucket!.put(`${this.schema}/${step.key}`, this.fill(step.body));
      return {};
    }
    if (typeof step.sql === 'string') return this.statement(this.fill(step.sql), step.parameters);
    const sqls = step.sql.map((sql) => this.fill(sql));
    return this.batch(sqls, step.mode === 'transaction' ? 'TRANSACTION' : 'AUTO_COMMIT');
  }

  /** Runs transactions at the same time. An error that none of them may have is the step's. */
  private async together({ transactions, mayFail }: Extract<Step, { kind: 'together' }>): Promise<Answer> {
    const batches = transactions.map((sqls) => sqls.map((sql) => this.fill(sql)));
    const answers = await Promise.all(batches.map((sqls) => this.batch(sqls, 'TRANSACTION')));
    const errors = answers.flatMap(({ error }) => (error === undefined ? [] : [error]));
    this.committed = answers.length - errors.length;
    const isExpected = (error: string) => mayFail !== undefined && error.toLowerCase().includes(mayFail.toLowerCase());
    const unexpected = errors.find((error) => !isExpected(error));
    if (unexpected !== undefined)
      return { error: `a transaction failed with "${unexpected}"${mayFail === undefined ? '' : `, not "${mayFail}"`}` };
    return this.committed === 0 ? { error: `every transaction failed, the first with "${errors[0]}"` } : {};
  }

  private async statement(sql: string, parameters: Readonly<Record<string, string>> | undefined): Promise<Answer> {
    const { client, where } = this.around;
    const Parameters = parameters && Object.entries(parameters).map(([name, value]) => ({ name, value }));
    const { Id } = await client.send(
      new ExecuteStatementCommand({ ...where, Sql: sql, Parameters, WaitTimeSeconds: 20 }),
    );
    return answerOf(client, Id!, Id!);
  }

  private async batch(sqls: string[], mode: 'TRANSACTION' | 'AUTO_COMMIT'): Promise<Answer> {
    const { client, where } = this.around;
    const { Id } = await client.send(
      new BatchExecuteStatementCommand({ ...where, Sqls: sqls, ExecutionMode: mode, WaitTimeSeconds: 20 }),
    );
    return answerOf(client, Id!, `${Id}:${sqls.length}`);
  }
}

/**
 * Waits for the statement's end and returns the result of `part`: the statement itself, or the last one of a batch. A
 * transaction fails as a whole.
 */
async function answerOf(client: RedshiftDataClient, id: string, part: string): Promise<Answer> {
  const deadline = Date.now() + statementDeadlineMs;
  for (;;) {
    const state = await client.send(new DescribeStatementCommand({ Id: id, WaitTimeSeconds: 20 }));
    if (state.Status === 'FINISHED' || state.Status === 'FAILED' || state.Status === 'ABORTED') {
      const last = (state.ExecutionMode !== 'TRANSACTION' && state.SubStatements?.at(-1)) || state;
      if (last.Status !== 'FINISHED') return { error: last.Error || state.Error || last.Status?.toLowerCase() };
      const { HasResultSet, ResultRows } = state.SubStatements?.at(-1) ?? state;
      return HasResultSet ? resultOf(client, part) : { changed: ResultRows };
    }
    if (Date.now() > deadline)
      throw new Error(`statement ${id} did not end within ${statementDeadlineMs / 1000} seconds`);
  }
}

async function resultOf(client: RedshiftDataClient, Id: string): Promise<Answer> {
  const rows: Cell[][] = [];
  let columns: Answer['columns'];
  let NextToken: string | undefined;
  do {
    const page = await client.send(new GetStatementResultCommand({ Id, NextToken }));
    columns ??= page.ColumnMetadata;
    for (const record of page.Records ?? []) rows.push(record.map(cellOf));
    NextToken = page.NextToken;
  } while (NextToken);
  return { rows, columns };
}
