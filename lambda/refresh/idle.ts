import { asText } from '../shared/parse';
import { renderAll } from '../shared/statement';
import type { StatementState } from '../shared/warehouse';
import type { RefreshHost } from './host';
import { submitAs } from './statements';

/** Whether the first step itself has succeeded, though one of the queries around it failed. */
export function isLanded({ plan }: RefreshHost, { status, parts }: StatementState): boolean {
  const own = parts.slice(1, 1 + plan.steps[0]!.statements.length);
  return plan.idle !== undefined && status === 'FAILED' && own.every((part) => part.status === 'FINISHED');
}

/** Submits the end of an idle run. False where the run has work. `parts` are those of its first statement, which has ended well. */
export async function submitIfIdle(
  host: RefreshHost,
  runId: string,
  { parts }: Pick<StatementState, 'parts'>,
): Promise<boolean> {
  const { plan, warehouse, log } = host;
  if (!plan.idle) return false;
  for (const { id, rows } of parts.slice(1 + plan.steps[0]!.statements.length)) {
    // The description of the statement may say that a query has no row. Its result need not be read then.
    const [work] = rows === 0 ? [] : await warehouse.rows(id);
    if (!work) continue;
    log('the run has work', { runId, reason: work['reason'] });
    return false;
  }
  const [time] = await warehouse.rows(parts[0]!.id);
  const { name: step, mode, statements } = plan.idle.step;
  const rendered = renderAll(statements, { started: asText(time?.['started'], 'started') });
  await submitAs(host, { runId, step, attempt: 1 }, { mode, statements: rendered });
  return true;
}
