import { isSkipReason } from '../../../sql/names';
import { grouped, plural, printable, type Style } from '../../terminal';
import type { Listed, Problem, Sample } from './list';
import type { RetryResult } from './retry';

const VALUE_SHOWN = 160;

/** Formats the problems of one or more pipelines. */
export function problemsText(listed: readonly Listed[], style: Style): string[] {
  const lines = listed.flatMap(({ problems, together }) => [
    ...problems.flatMap((problem) => problemLines(problem, style)),
    ...(together
      ? [
          style.green(
            `           with all of these, ${grouped(together.accepts)} of ${plural(together.of, 'record')} would be accepted`,
          ),
        ]
      : []),
  ]);
  const records = listed.reduce((sum, one) => sum + one.records, 0);
  if (records === 0) return ['There are no rejects.'];
  const hasAdvice = listed.some(({ problems }) => problems.some(({ advice }) => advice !== undefined));
  return [
    ...lines,
    '',
    plural(records, 'reject'),
    ...(hasAdvice
      ? [
          style.dim(
            'After the declarations are deployed, npx millrace rejects --retry --apply merges the records again. docs/reference/columns.md has all options.',
          ),
        ]
      : []),
  ];
}

function problemLines(
  { pipeline, reason, path, records, newest, samples, advice = [] }: Problem,
  style: Style,
): string[] {
  return [
    `${style.bold(grouped(records).padStart(9))}  ${pipeline}  ${style.yellow(printable(reason))}  ${style.dim(`newest ${newest.slice(0, 19)}`)}`,
    ...samples.flatMap((sample) => sampleLines(sample, reason, path, style)),
    ...advice.map(
      ({ declare, accepts, of }, n) =>
        `           ${style.green(`${n === 0 ? '' : 'or '}${printable(declare)}`)}: ${style.dim(`accepts ${grouped(accepts)} of ${grouped(of)}`)}`,
    ),
  ];
}

function sampleLines(sample: Sample, reason: string, path: readonly string[] | undefined, style: Style): string[] {
  const place = `           ${style.dim(printable(sample.from))}`;
  const { bytes, found } = sample;
  if (isSkipReason(reason))
    return [
      place,
      `           ${style.dim('never read: npx millrace backfill --from stream --apply loads its bytes')}`,
    ];
  if (bytes !== undefined)
    return [
      place,
      `           ${plural(bytes.length, 'byte')}: ${printable(bytes.text)}  ${style.dim(bytes.hex)}`,
      ...(bytes.hint === undefined ? [] : [`           ${style.green(`looks like ${bytes.hint}`)}`]),
    ];
  const value = found === undefined ? payloadText(sample, style) : cut(printable(found));
  return [
    place,
    `           ${path === undefined || found === undefined ? '' : `${printable(path.join('.'))}: `}${value}`,
  ];
}

function payloadText({ payload, payloadBytes }: Sample, style: Style): string {
  if (payloadBytes === null) return style.dim('not JSON');
  return payload === null ? style.dim(`${grouped(payloadBytes)} bytes, too long to be shown`) : cut(printable(payload));
}

const cut = (text: string) => (text.length > VALUE_SHOWN ? `${text.slice(0, VALUE_SHOWN - 1)}…` : text);

/** Formats the result of a retry or of its dry run. */
export function resultLine(
  { pipeline, chosen, judged, raised, events, duplicates, skipped, waiting, before, after }: RetryResult,
  applied: boolean,
  style: Style,
): string {
  const became = applied ? 'became' : 'would become';
  const others = chosen > judged ? `, ${grouped(chosen - judged)} of them no JSON objects` : '';
  const left = [
    skipped > 0 ? `, ${grouped(skipped)} skipped` : '',
    waiting > 0 ? `; ${grouped(waiting)} ${applied ? 'wait' : 'would wait'} for the next run to decode them` : '',
  ].join('');
  return `${style.bold(pipeline)}: of ${plural(chosen, 'reject')}${others}, ${grouped(events)} ${became} events, ${grouped(duplicates)} duplicates${left}; rejects before ${grouped(before)}, after ${grouped(after)}${raised > 0 ? `; ${grouped(raised)} made a statement of the warehouse fail: \`--reason 'raised: '\` tries each by itself` : ''}`;
}
