import type { Context } from '../context';
import { type CheckResult, checkResult, unknownResult } from './check-result';

const SHOWN = 3;

/** Checks the statements of the last 24 hours. The Data API shows a caller only those of its own role. */
export async function statements(context: Context): Promise<CheckResult[]> {
  const check = 'statements of 24 h';
  const expected = 'none failed or aborted';
  const all = await context.cloud.warehouse.list(`millrace/${context.cloud.names.environment}/`);
  if (all.length === 0)
    return [
      unknownResult(check, expected, 'this caller sees none: the Data API shows them to the role that sent them'),
    ];
  const bad = all.filter(({ status }) => status === 'FAILED' || status === 'ABORTED');
  // A step is retried under the same name with another attempt, so a later attempt may have succeeded.
  const names = bad.slice(0, SHOWN).map(({ name, status }) => `${status} ${name}`);
  const found = bad.length === 0 ? `${all.length} statements` : `${bad.length} of ${all.length}: ${names.join(', ')}`;
  return [checkResult(check, expected, found, bad.length === 0)];
}
