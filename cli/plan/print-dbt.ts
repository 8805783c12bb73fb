import { plural, type Style } from '../terminal';
import { type DbtPlan, type Effect, effects } from './dbt-plan';
import { wrapped } from './wrapped';

const marks: Readonly<Record<Effect, string>> = {
  breaks: '✘',
  'may break': '?',
  changes: '~',
  downstream: '↓',
  rewritten: '=',
};

const meanings: Readonly<Record<Effect, string>> = {
  breaks: 'fails after the deployment, or after the next npx millrace dbt init',
  'may break': 'look at it',
  changes: 'runs, with another result',
  downstream: 'is skipped while what it is built on fails',
  rewritten: 'run npx millrace dbt init after the deployment',
};

/** Formats what the deployment would break in a dbt project. */
export function printedDbt({ manifest, impacts, notSeen }: DbtPlan, style: Style): string[] {
  const count = (effect: Effect) => impacts.filter((impact) => impact.effect === effect).length;
  const broken = count('breaks');
  const summary =
    impacts.length === 0
      ? `Nothing in ${manifest} reads what this change takes away.`
      : `In ${manifest} ${broken === 0 ? 'nothing is sure to break' : `${plural(broken, 'node')} would break`}.`;
  return [
    '',
    style.bold('dbt'),
    ...wrapped(summary, ''),
    ...effects
      .filter((effect) => count(effect) > 0)
      .flatMap((effect) => [
        '',
        `${marks[effect]} ${effect}: ${style.dim(meanings[effect])}`,
        ...impacts.filter((impact) => impact.effect === effect).flatMap(printedImpact),
      ]),
    '',
    ...notSeen.flatMap((sentence) => wrapped(`· ${sentence}`, '', '  ')),
  ];
}

const printedImpact = ({ node, file, reasons }: DbtPlan['impacts'][number]) => [
  ...wrapped(`${node}${file === '' ? '' : ` (${file})`}`, '    '),
  ...reasons.flatMap((reason) => wrapped(`· ${reason}`, '    ', '      ')),
];
