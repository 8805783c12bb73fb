import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { ConformanceError } from './error';
import { hasExpectation, packFolder, type Topic } from './pack';
import { runCases } from './run';
import type { Surroundings } from './surroundings';

/** Runs the cases marked as known refusals and removes the mark from those that agree. Returns how many it removed. */
export async function removeOldMarks(pack: readonly Topic[], around: Surroundings): Promise<number> {
  const marked = pack.flatMap(({ cases }) => cases.filter(({ known }) => known !== undefined));
  const results = await runCases(marked, around, { parallel: 4, runId: 'marks' });
  const old = results.filter(({ verdict }) => verdict === 'agrees');
  const bare = old.find((result) => !result.case.steps.some(hasExpectation));
  if (bare)
    throw new ConformanceError(
      `conformance pack, ${bare.case.topic}: ${bare.case.name}: is no longer refused, so it has to say what Redshift answers (rows, columns, error or changed)`,
    );
  for (const topic of new Set(old.map((result) => result.case.topic))) {
    const names = old.filter((result) => result.case.topic === topic).map((result) => result.case.name);
    const file = join(packFolder, `${topic}.yaml`);
    writeFileSync(file, withoutMarks(readFileSync(file, 'utf8'), new Set(names)));
  }
  return old.length;
}

/** Removes the `known: …` lines of the named cases from the text of a topic. */
export function withoutMarks(text: string, names: ReadonlySet<string>): string {
  const cases = parseDocument(text).get('cases');
  const starts: number[] = [];
  for (const item of isSeq(cases) ? cases.items : []) {
    if (!isMap(item) || !names.has(String(item.get('name')))) continue;
    const key = item.items.map((pair) => pair.key).find((each) => isScalar(each) && each.value === 'known');
    if (isScalar(key)) starts.push(key.range![0]);
  }
  return starts.reverse().reduce((rest, at) => {
    const start = rest.lastIndexOf('\n', at) + 1;
    const end = rest.indexOf('\n', at) + 1 || rest.length;
    if (rest.slice(start, at).trim() !== '')
      throw new ConformanceError(
        `conformance pack: the mark "known" has to have a line of its own: ${rest.slice(start, end).trim()}`,
      );
    return rest.slice(0, start) + rest.slice(end);
  }, text);
}
