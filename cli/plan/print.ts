import { differenceText } from '../cost/table';
import { grouped, plural, type Style } from '../terminal';
import { type Action, actions, type Change, type Plan, type PlannedStep, type Problem } from './plan';
import { printedDbt } from './print-dbt';
import { wrapped } from './wrapped';

const marks: Readonly<Record<Action, string>> = {
  refused: '✘',
  rebuild: '↻',
  removed: '−',
  online: '~',
  added: '+',
  unchanged: '=',
};

/** Explains each kind of change to a person who sees a plan for the first time. */
const meanings: Readonly<Record<Action, string>> = {
  refused: 'would destroy data, or cannot be done',
  rebuild: 'a new version is filled beside the old one, then readers are switched',
  removed: 'leaves',
  online: 'changed while everybody reads',
  added: 'new; nothing that exists is touched',
  unchanged: 'nothing runs',
};

/** Statements are cut after this many lines: a merge has hundreds. */
const MOST_LINES = 30;

export interface PrintOptions {
  /** @default true */
  readonly statements?: boolean;
  /** Every line of every statement. @default false */
  readonly full?: boolean;
}

/** Formats the plan for a person. */
export function printedPlan(plan: Plan, style: Style, { statements = true, full = false }: PrintOptions = {}): string {
  const { changes, steps, problems, environment, comparedWith, costs, dbt } = plan;
  const counts = actions.map((action) => ({
    action,
    count: changes.filter((change) => change.action === action).length,
  }));
  const shownActions = actions.filter((action) => action !== 'unchanged');
  const stopped = problems.some(({ stops }) => stops);
  const nothing = changes.every(({ action }) => action === 'unchanged');
  const lines = [
    `${style.bold(`Plan for ${environment}`)}: this tree, compared with ${comparedWith}`,
    '',
    ...(nothing
      ? [
          `Nothing to do: ${plural(changes.length, 'object')} as deployed, no statement runs.${stopped ? ' But not everything is as it was deployed.' : ''}`,
        ]
      : counts
          .filter(({ count }) => count > 0)
          .map(
            ({ action, count }) =>
              `  ${marks[action]} ${grouped(count).padStart(4)} ${action.padEnd(9)}  ${style.dim(meanings[action])}`,
          )),
    ...problems.flatMap((problem) => printedProblem(problem, style)),
    ...shownActions.flatMap((action) =>
      printedGroup(
        action,
        changes.filter((change) => change.action === action),
        style,
      ),
    ),
    ...keptBefore(changes, style),
    ...(costs === undefined ? [] : ['', ...wrapped(differenceText(costs), '')]),
    ...(dbt === undefined ? [] : printedDbt(dbt, style)),
    ...(statements ? printedSteps(steps, changes, style, full) : []),
  ];
  return `${lines.join('\n')}\n`;
}

const paint = (action: Action, style: Style) =>
  action === 'refused' ? style.red : action === 'rebuild' || action === 'removed' ? style.yellow : style.green;

function printedProblem({ object, problem, advice, stops }: Problem, style: Style): string[] {
  const heading = `! ${object}`;
  return ['', stops ? style.red(heading) : style.yellow(heading), ...wrapped(`${problem} ${advice}`, '    ')];
}

/** Prints objects with the same summary and notes as one entry. */
function printedGroup(action: Action, changes: readonly Change[], style: Style): string[] {
  const entries = new Map<string, Change[]>();
  for (const change of changes) {
    const key = JSON.stringify([
      change.summary,
      change.notes.map((note) => note.replace(/[\d,]+ rows?/g, '')),
      change.kept,
    ]);
    entries.set(key, [...(entries.get(key) ?? []), change]);
  }
  return [...entries.values()].flatMap((same) => printedEntry(action, same, style));
}

function printedEntry(action: Action, changes: readonly Change[], style: Style): string[] {
  const [{ summary, notes, estimate, kept }] = changes as [Change];
  const word = `${action}${kept ? ', kept' : ''}`;
  const heading = `${marks[action]} ${word}: ${changes.map(({ object }) => object).join(', ')}`;
  const own =
    changes.length === 1 ? notes : notes.filter((note) => changes.every((change) => change.notes.includes(note)));
  return [
    '',
    ...wrapped(heading, '', '    ').map((line, index) => (index === 0 ? paint(action, style)(line) : line)),
    ...wrapped(summary, '    '),
    ...own.flatMap((note) => wrapped(`· ${note}`, '    ', '      ')),
    ...(estimate ? [`    ${style.dim(estimated(estimate))}`] : []),
  ];
}

function estimated({ rows, complete }: NonNullable<Change['estimate']>): string {
  const read = `rows to read: ${rows === null ? 'not known' : grouped(rows)}`;
  const whole = complete === null ? 'not known' : complete ? 'yes' : 'no, see above';
  return `${read}; the source is complete: ${whole}`;
}

function keptBefore(changes: readonly Change[], style: Style): string[] {
  const kept = changes.filter(({ action, kept: stays }) => action === 'unchanged' && stays);
  if (kept.length === 0) return [];
  return [
    '',
    style.dim(`Kept from pipelines that were removed before: ${plural(kept.length, 'object')}`),
    ...wrapped(kept.map(({ object }) => object).join(', '), '    '),
  ];
}

function printedSteps(
  steps: readonly PlannedStep[],
  changes: readonly Change[],
  style: Style,
  full: boolean,
): string[] {
  if (steps.length === 0) return [];
  const refused = changes.some(({ action }) => action === 'refused');
  const lines = [
    '',
    style.bold(
      refused ? 'Statements that would run if nothing were refused, in their order' : 'Statements, in their order',
    ),
  ];
  let number = 0;
  for (const when of ['update', 'cleanup'] as const) {
    const those = steps.filter((step) => step.when === when);
    if (those.length === 0) continue;
    lines.push(
      '',
      style.dim(
        when === 'update'
          ? 'While the deployment runs; a failure rolls them back:'
          : 'After everything else succeeded:',
      ),
    );
    for (const step of those) lines.push('', ...printedStep(step, ++number, style, full));
  }
  return [
    ...lines,
    '',
    style.dim('millrace.objects records created objects and forgets dropped ones. {{…}} is filled in at run time.'),
  ];
}

function printedStep(
  { object, as, name, mode, statements }: PlannedStep,
  number: number,
  style: Style,
  full: boolean,
): string[] {
  const one = mode === 'transaction' ? ', one transaction' : '';
  const heading = style.bold(
    `${String(number).padStart(3)}. ${object}: ${name}${one}${as === 'admin' ? ', as the admin' : ''}`,
  );
  const indent = ' '.repeat(7);
  if (statements === null)
    return [heading, `${indent}(its statements are not available: compare with a cloud assembly or a git ref)`];
  const lines = statements.flatMap((sql) => `${sql}${sql.startsWith('--') ? '' : ';'}`.split('\n'));
  const shown = full || lines.length <= MOST_LINES ? lines : lines.slice(0, MOST_LINES - 5);
  const rest = lines.length - shown.length;
  return [
    heading,
    ...shown.map((line) => `${indent}${line}`.trimEnd()),
    ...(rest > 0
      ? [
          `${indent}${style.dim(`… and ${plural(rest, 'line')} more of ${plural(statements.length, 'statement')}: --full`)}`,
        ]
      : []),
  ];
}
