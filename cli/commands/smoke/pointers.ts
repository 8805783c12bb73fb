import { publications } from '../exports/chain';
import { checkPublication } from '../exports/check';
import { allExports } from '../exports/named';
import type { Work } from '../work';
import { type Finding, finding } from './finding';

/** What `latest.json` of each export points at, read as a partner would. Before its first window has closed, an export has none. */
export async function pointers(work: Work): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const named of allExports()) {
    const newest = (await publications(work, named)).at(-1);
    const problems = newest === undefined ? [] : await checkPublication(work, newest);
    const found = newest === undefined ? 'not published yet' : `${newest.window.start}, ${newest.rows} rows`;
    findings.push(
      finding(`${named.name}: latest.json`, 'points at a whole run', problems[0] ?? found, problems.length === 0),
    );
  }
  return findings;
}
