/** Computes how many rows and bytes the statements of a refresh read, for a pipeline that has a number of events. */
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import { tableShapes } from '../../sql';
import { exceptions, isEveryMinute, pipelineScans, type StatementScan, type WatchedName } from './scans-of-pipelines';

/** Inputs of the arithmetic. All events came in one year, so that the rate follows. */
export const scanInputs = {
  years: 1,
  /** Rows of each table for each event. */
  share: { events: 1, duplicates: 0.02, rejects: 0.001, skipped: 0.1, ledger: 0 } satisfies Record<WatchedName, number>,
  /** Bytes of a value before compression: those of types, and those of texts that Millrace writes. */
  bytes: {
    timestamp: 8,
    number: 8,
    text: 24,
    event_id: 68,
    shard_id: 24,
    sequence_number: 60,
    run_id: 18,
    reason: 64,
    payload: 500,
  },
  refreshMinutes: 1,
};

/** How far back the bound of a scan reaches while all is well, in minutes. */
const windows: readonly {
  readonly what: RegExp;
  readonly table?: WatchedName;
  readonly minutes: number;
  readonly bound: string;
}[] = [
  { what: /^update events/, minutes: scanInputs.refreshMinutes, bound: 'since the merge before' },
  { what: /^create temp table merged/, minutes: scanInputs.refreshMinutes, bound: 'arrival of the new records' },
  { what: /^create temp table shared/, minutes: scanInputs.refreshMinutes, bound: 'times of the new events' },
  {
    what: /^create temp table recovered|^delete from skipped/,
    table: 'skipped',
    minutes: scanInputs.refreshMinutes,
    bound: 'arrival of the new records',
  },
  {
    what: /^create temp table recovered|^delete from rejects/,
    minutes: 60 + scanInputs.refreshMinutes,
    bound: 'an hour before that arrival',
  },
  { what: /^create temp table skipped_placed/, minutes: 0, bound: 'around skipped records; without one, nothing' },
  { what: /^select$/, minutes: 60, bound: 'an hour' },
  { what: /^with totals/, minutes: 180, bound: 'three hours' },
];

export function windowOf({ what, table: name }: StatementScan): { readonly minutes: number; readonly bound: string } {
  const found = windows.find((one) => one.what.test(what) && (one.table ?? name) === name);
  if (!found) throw new Error(`bench/scale/scan-table.ts has no window of ${what}`);
  return found;
}

const minutesOfYear = 365 * 24 * 60;

interface Read {
  readonly rows: number;
  readonly bytes: number;
}

/** What a scan reads in a pipeline with so many events, if its bound reaches back so many minutes. */
export function readOf(scan: StatementScan, pipeline: Pipeline, events: number, minutes: number): Read {
  const rows =
    events * scanInputs.share[scan.table as WatchedName] * Math.min(1, minutes / (scanInputs.years * minutesOfYear));
  const width = scan.columns.reduce((sum, column) => sum + bytesOf(pipeline, scan.table as WatchedName, column), 0);
  return { rows, bytes: rows * width };
}

function bytesOf(pipeline: Pipeline, table: WatchedName, column: string): number {
  const { bytes } = scanInputs;
  if (Object.hasOwn(bytes, column)) return bytes[column as keyof typeof bytes];
  const type = tableShapes(pipeline)[table].find(({ name }) => name === column)?.type ?? '';
  if (/^timestamp/.test(type)) return bytes.timestamp;
  return /^(?:varchar|char|super|varbyte)/.test(type) ? bytes.text : bytes.number;
}

const sizes = [1e9, 1e11];
const everything = scanInputs.years * minutesOfYear;

/**
 * Prints the scans of the refresh: a row for each statement and table of the first pipeline of the tree, whose identity has
 * a time; what the identity costs in another pipeline; and what it costs if an event is late.
 */
export function scanTable(): string {
  const [first, ...others] = pipelines as readonly [Pipeline, ...Pipeline[]];
  const everyMinute = (pipeline: Pipeline) => pipelineScans(pipeline).filter(isEveryMinute);
  const isIdentity = ({ what }: StatementScan) => what.startsWith('create temp table shared');
  const identity = everyMinute(first).find(isIdentity)!;
  const rows = [
    ...everyMinute(first).map((scan) => row(first, scan, isIdentity(scan) ? 'an identity with a time' : '')),
    row(first, identity, 'the same, if one event is a year late', { minutes: everything, bound: '**its time**' }),
    ...others.flatMap((pipeline) =>
      everyMinute(pipeline)
        .filter((scan) => isIdentity(scan) && scan.bounds.length === 0)
        .map((scan) => row(pipeline, scan, 'an identity without a time')),
    ),
  ];
  const head = [
    'statement',
    'reads',
    'back to',
    ...sizes.map((size) => `of ${size === 1e9 ? 'a billion' : '100 billion'} events`),
  ];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function row(
  pipeline: Pipeline,
  scan: StatementScan,
  name: string,
  { minutes, bound } = scan.bounds.length > 0 ? windowOf(scan) : { minutes: everything, bound: '**everything**' },
): string[] {
  const what = `\`${scan.what.replace(/ as(?: e| \()?$/, '')}\`${scan.isTarget ? ', its target' : ''}${name ? `: ${name}` : ''}`;
  const read = sizes.map((size) => {
    const { rows, bytes } = readOf(scan, pipeline, size, minutes);
    return minutes === 0 ? 'nothing' : `${shown(rows)} rows, ${shown(bytes)}${bytes < 999.5 ? ' ' : ''}B`;
  });
  return [what, scan.table, bound, ...read];
}

/** The named exceptions, as a table. */
export const exceptionTable = () =>
  [
    ['reads all of', 'why'],
    ['---', '---'],
    ...exceptions.map(({ tables, reason }) => [tables.length < 5 ? tables.join(', ') : 'all', reason]),
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

/** A number with a unit, such as `1.2 G`. */
export function shown(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let at = 0;
  let rest = value;
  for (; rest >= 999.5 && at < units.length - 1; at += 1) rest /= 1000;
  const number = Number(rest.toPrecision(2));
  return units[at] ? `${number} ${units[at]}` : `${number}`;
}
