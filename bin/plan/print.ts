import { grouped, plural, type Style } from '../terminal';
import { type Action, actions, type Change, type Plan, type PlannedStep, type Problem } from './plan';

const marks: Readonly<Record<Action, string>> = {
  refused: '✘',
  rebuild: '↻',
  removed: '−',
  online: '~',
  added: '+',
  unchanged: '=',
};

/** What each kind of change means, for somebody who sees a plan for the first time. */
const meanings: Readonly<Record<Action, string>> = {
  refused: 'stops the deployment before anything is changed',
  rebuild: 'a new version is filled beside the old one, then readers are switched',
  removed: 'leaves',
  online: 'changed while everybody reads',
  added: 'new; nothing that is there is touched',
  unchanged: 'nothing runs',
};

const WIDTH = 110;

/** The plan for a person. */
export function printedPlan(plan: Plan, style: Style, withStatements = true): string {
  const { changes, steps, problems, environment, comparedWith } = plan;
  const counts = actions.map((action) => ({
    action,
    count: changes.filter((change) => change.action === action).length,
  }));
  const told = actions.filter((action) => action !== 'unchanged');
  const nothing = changes.every(({ action }) => action === 'unchanged');
  const lines = [
    `${style.bold(`Plan for ${environment}`)}: this tree, compared with ${comparedWith}`,
    '',
    ...(nothing
      ? [`Nothing to do: ${plural(changes.length, 'object')} as deployed, no statement runs.`]
      : counts
          .filter(({ count }) => count > 0)
          .map(
            ({ action, count }) =>
              `  ${marks[action]} ${grouped(count).padStart(4)} ${action.padEnd(9)}  ${style.dim(meanings[action])}`,
          )),
    ...problems.flatMap((problem) => printedProblem(problem, style)),
    ...told.flatMap((action) =>
      printedGroup(
        action,
        changes.filter((change) => change.action === action),
        style,
      ),
    ),
    ...keptBefore(changes, style),
    ...(withStatements ? printedSteps(steps, changes, style) : []),
  ];
  return `${lines.join('\n')}\n`;
}

const paint = (action: Action, style: Style) =>
  action === 'refused' ? style.red : action === 'rebuild' || action === 'removed' ? style.yellow : style.green;

function printedProblem({ object, problem, advice, stops }: Problem, style: Style): string[] {
  const heading = `! ${object}`;
  return ['', stops ? style.red(heading) : style.yellow(heading), ...wrapped(`${problem} ${advice}`, '    ')];
}

/** Objects of which the same is to be said share an entry. */
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
    ...wrapped([summary, ...own].join(' '), '    '),
    ...(estimate ? [`    ${style.dim(estimated(estimate))}`] : []),
  ];
}

function estimated({ rows, complete }: NonNullable<Change['estimate']>): string {
  const read = rows === null ? 'rows to read: not known offline' : `rows to read: ${grouped(rows)}`;
  const whole = complete === null ? 'not known offline' : complete ? 'yes' : 'no, see above';
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

function printedSteps(steps: readonly PlannedStep[], changes: readonly Change[], style: Style): string[] {
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
          ? 'While the deployment runs; a failure takes it back:'
          : 'When everything else has succeeded:',
      ),
    );
    for (const step of those) lines.push('', ...printedStep(step, ++number, style));
  }
  return [
    ...lines,
    '',
    style.dim(
      'What is created is recorded in millrace.objects, what goes is forgotten there. {{…}} is filled in when it runs.',
    ),
  ];
}

function printedStep({ object, as, name, mode, statements }: PlannedStep, number: number, style: Style): string[] {
  const one = mode === 'transaction' ? ', one transaction' : '';
  const heading = `${String(number).padStart(3)}. ${object}: ${name}${one}${as === 'admin' ? ', as the admin' : ''}`;
  if (statements === null) return [heading, '       (too long to be recorded: see the deployed template)'];
  return [heading, ...statements.flatMap((sql) => `${sql};`.split('\n').map((line) => `       ${line}`.trimEnd()))].map(
    (line, index) => (index === 0 ? style.bold(line) : line),
  );
}

/** Words in lines of a readable length. */
function wrapped(text: string, indent: string, hanging = indent): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    const used = line.trim() === '' ? line + word : `${line} ${word}`;
    if (used.length > WIDTH && line.trim() !== '') {
      lines.push(line);
      line = hanging + word;
    } else line = used;
  }
  return [...lines, line];
}
