import { withForgetKeys } from '../../lambda/shared/forget-keys';
import type { StatementTemplate } from '../../lambda/shared/plan';
import { renderAll, type Values } from '../../lambda/shared/statement';
import { execute, type Row, StatementError } from '../../lambda/shared/warehouse';
import type { Pipeline } from '../../pipelines/definition';
import type { Context } from '../commands/context';
import { Failure } from '../failure';

/** What the work needs. Nothing in this folder writes to the terminal, besides the progress. */
export type Work = Context;

/**
 * Runs statements in one transaction and returns the rows of one of them. The keys of the marks are added where a statement
 * compares marks. All transactions of this room can be repeated: after a conflict, or after an answer that was lost.
 * @param answer index of the statement whose rows are wanted. @default - none
 */
export async function transact(
  work: Work,
  pipeline: Pipeline,
  what: string,
  statements: readonly StatementTemplate[],
  values: Values,
  answer?: number,
): Promise<Row[]> {
  const { cloud } = work;
  const warehouse = withForgetKeys(cloud.warehouse, () => cloud.forgetKeys(pipeline.name));
  const name = `millrace-cli/${what}/${pipeline.name}`;
  try {
    const rendered = renderAll(statements, values);
    const ended = await execute(warehouse, name, rendered.length === 1 ? rendered[0]! : rendered, work.remainingMs);
    if (answer === undefined) return [];
    if (rendered.length === 1) return await warehouse.rows(ended.id);
    const { parts } = 'parts' in ended ? ended : await warehouse.describe(ended.id);
    return await warehouse.rows(parts[answer]!.id);
  } catch (error) {
    throw explained(what, error);
  }
}

/** Runs one query. */
export const ask = (work: Work, pipeline: Pipeline, what: string, query: StatementTemplate, values: Values = {}) =>
  transact(work, pipeline, what, [query], values, 0);

function explained(what: string, error: unknown): unknown {
  if (!(error instanceof StatementError)) return error;
  const { status, error: reason, id } = error.state;
  const hasEnded = status === 'FAILED' || status === 'ABORTED';
  return new Failure(
    hasEnded
      ? `${what}: the warehouse ${status.toLowerCase()} the statement: ${reason ?? 'it gave no reason'}`
      : `${what}: the time is up and statement ${id} is still ${status.toLowerCase()}; raise --timeout`,
    1,
    { cause: error },
  );
}

/** @throws Failure if the command's time is up */
export function assertTime(work: Work, what: string): void {
  if (work.remainingMs() <= 0) throw new Failure(`${what}: the time is up; raise --timeout`);
}
