import type { Context } from '../context';
import { allExports } from '../exports/find-export';
import { readPublications } from '../exports/read-publications';
import { verifyPublication } from '../exports/verify-publication';
import { type CheckResult, checkResult } from './check-result';

/**
 * Reads what `latest.json` of each export points at, as a partner would. Before its first window closes, an export has
 * none.
 */
export async function pointers(context: Context): Promise<CheckResult[]> {
  const findings: CheckResult[] = [];
  for (const named of allExports()) {
    const newest = (await readPublications(context, named)).at(-1);
    const problems = newest === undefined ? [] : await verifyPublication(context, newest);
    const found = newest === undefined ? 'not published yet' : `${newest.window.start}, ${newest.rows} rows`;
    findings.push(
      checkResult(`${named.name}: latest.json`, 'points at a whole run', problems[0] ?? found, problems.length === 0),
    );
  }
  return findings;
}
