import type { Work } from '../work';
import { type Finding, finding, unknown } from './finding';

const SHOWN = 3;

/** Statements of the last 24 hours in the Data API, which shows a caller those of its own role. */
export async function statements(work: Work): Promise<Finding[]> {
  const check = 'statements of 24 h';
  const expected = 'none failed or aborted';
  const all = await work.cloud.warehouse.list(`millrace/${work.cloud.names.environment}/`);
  if (all.length === 0)
    return [unknown(check, expected, 'this caller sees none: the Data API shows them to the role that sent them')];
  const bad = all.filter(({ status }) => status === 'FAILED' || status === 'ABORTED');
  // The step of a run is tried again under the same name with another attempt, so a failure may have been made up for.
  const names = bad.slice(0, SHOWN).map(({ name, status }) => `${status} ${name}`);
  const found = bad.length === 0 ? `${all.length} statements` : `${bad.length} of ${all.length}: ${names.join(', ')}`;
  return [finding(check, expected, found, bad.length === 0)];
}
