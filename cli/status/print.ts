import { grouped, type Style, table } from '../terminal';
import type { Status } from './facts';

const time = (iso: string) => iso.slice(0, 16).replace('T', ' ');

/** Formats a status for one screen. */
export function statusText(status: Status, style: Style): string {
  const { environment, at, healthy, reasons, unknown, paused, alarms, cost } = status;
  const mark =
    unknown.length > 0 && reasons.length === 0
      ? style.yellow('not known')
      : healthy
        ? style.green('healthy')
        : style.red('not healthy');
  const rows = [
    ...reasons.map((reason) => line('reason', style.red(reason))),
    ...unknown.map((what) => line('not read', style.yellow(what))),
    ...(paused ? [line('paused', pausedText(paused))] : []),
    line('records', equation(status)),
    line('alarms', alarms.length === 0 ? 'none' : alarms.map((one) => `${one.pipeline}: ${one.heading}`).join(', ')),
    line('failures', failures(status)),
    ...(cost
      ? [
          line(
            'cost',
            `about $${cost.dollars.toFixed(2)} since the 1st, of $${cost.monthDollars.toFixed(2)} a month without traffic (list prices of ${cost.region})`,
          ),
        ]
      : []),
  ];
  return [
    `${style.bold(environment)}  ${time(at)} UTC  ${mark}`,
    '',
    ...rows,
    '',
    table(['pipeline', 'fresh until', 'minutes ago', 'pending', 'events'], status.pipelines.map(cells), style),
    '',
    table(
      ['next', 'about (UTC)'],
      status.next.map(({ what, at: when }) => [what, when === undefined ? '-' : time(when)]),
      style,
    ),
    '',
  ].join('\n');
}

const line = (name: string, text: string) => `${name.padEnd(9)} ${text}`;

function pausedText({ phase, by, until }: NonNullable<Status['paused']>): string {
  const end = until === undefined ? '' : ` until ${time(until)} UTC`;
  const who = by === undefined ? 'its daily schedule' : by === 'budget' ? 'the budget' : 'a person';
  return `${phase === 'pausing' ? 'is being paused' : 'paused'}${end} by ${who}; \`npx millrace resume\` ends it`;
}

function equation({ counts, paused }: Status): string {
  if (counts.terms.length === 0) return paused ? 'not counted while the warehouse is paused' : 'not counted';
  const right = counts.terms.map(({ name, records }) => `${grouped(records)} ${name}`).join(' + ');
  return `${grouped(counts.produced)} produced ${counts.balanced ? '=' : '≠'} ${right}`;
}

function failures({ pipelines }: Status): string {
  const found = pipelines.flatMap(({ name, failures: of }) =>
    Object.entries(of).map(([metric, count]) => `${name}: ${count} × ${metric}`),
  );
  return found.length === 0 ? 'none in 24 hours' : `${found.join(', ')} in 24 hours`;
}

const cells = ({ name, freshUntil, freshMinutes, pending, counts }: Status['pipelines'][number]) => [
  name,
  freshUntil === null ? '-' : time(freshUntil),
  freshMinutes ?? '-',
  pending ?? '-',
  counts.terms.find((term) => term.name === 'events')?.records ?? '-',
];
