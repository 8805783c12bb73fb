import { plural, type Style } from '../../terminal';
import type { Answer } from '../../trial/outcome';
import { nameOf, type TargetResult, type TestResult } from '../../trial/run-tests';

/** Rows of one side that a message shows. */
const mostRows = 20;

/** A line for a view or endpoint, and more for what failed. */
export function resultLines({ target, result, problem, tests }: TargetResult, style: Style): string[] {
  const what = `${target.kind.padEnd(8)} ${nameOf(target)}`;
  if (result === 'passed') return [`${style.green('✔')} ${what}: ${plural(tests.length, 'test')}`];
  if (result === 'untested')
    return [`${style.yellow('-')} ${what}: no test; write ${target.file.replace(/\.sql$/, '.test.yaml')}`];
  return [
    `${style.red('✘')} ${style.bold(what)}`,
    ...(problem === undefined ? [] : problem.split('\n').map((line) => `    ${line}`)),
    ...tests.flatMap((test) => testLines(test, style)),
  ];
}

function testLines({ name, result, problem, expected, actual }: TestResult, style: Style): string[] {
  if (result === 'passed') return [`    ${style.green('✔')} ${name}`];
  const lines = problem !== undefined ? problem.split('\n') : differences(expected!, actual!, style);
  return [`    ${style.red('✘')} ${name}`, ...lines.map((line) => `        ${line}`)];
}

/** What is expected and not there, what is there and not expected, and how many rows are equal. */
export function differences(expected: Answer, actual: Answer, style: Style): string[] {
  const [wanted, held] = [linesOf(expected), linesOf(actual)];
  const missing = without(wanted, held);
  const more = without(held, wanted);
  const equal = wanted.length - missing.length;
  const shown = (lines: readonly string[], mark: string, paint: (text: string) => string) => [
    ...lines.slice(0, mostRows).map((line) => paint(`${mark} ${line}`)),
    ...(lines.length > mostRows ? [paint(`${mark} and ${plural(lines.length - mostRows, 'more row')}`)] : []),
  ];
  const isOrder = missing.length === 0 && more.length === 0;
  return [
    ...(isOrder ? ['the rows are right, in another order than expected:'] : []),
    ...shown(isOrder ? wanted : missing, 'expected', style.red),
    ...shown(isOrder ? held : more, 'actual  ', style.green),
    ...(equal > 0 && !isOrder ? [style.dim(`${plural(equal, 'row')} as expected`)] : []),
  ];
}

const linesOf = ({ rows = [], truncated = false, refused }: Answer): string[] =>
  refused !== undefined
    ? [`refused: ${refused.join(', ')}`]
    : [...(rows.length === 0 ? ['no rows'] : rows), ...(truncated ? ['truncated: there are more rows'] : [])];

/** The lines that the others do not have, each as often as it is there more often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

export function jsonOf(results: readonly TargetResult[]) {
  const count = (wanted: TargetResult['result']) => results.filter(({ result }) => result === wanted).length;
  return {
    passed: count('passed'),
    failed: count('failed'),
    untested: count('untested'),
    results: results.map(({ target, result, problem, tests }) => ({
      kind: target.kind,
      name: nameOf(target),
      file: target.file,
      result,
      problem: problem ?? null,
      tests: tests.map((test) => ({
        name: test.name,
        result: test.result,
        problem: test.problem ?? null,
        expected: test.expected ?? null,
        actual: test.actual ?? null,
      })),
    })),
  };
}
