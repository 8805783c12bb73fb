import { runExports } from './exports';
import { loadHistory } from './history';
import type { Values } from './inputs';
import type { Panel } from './plot';
import { catchUpStream, readRate } from './stream';

/** The result of a simulation: a table, and a plot of what is left to do. */
export interface Scenario {
  readonly name: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly panel: Panel;
}

export const simulate = (values: Values): Scenario[] => [
  streamBehind(values),
  historyBehind(values),
  manyExports(values),
];

function streamBehind(values: Values): Scenario {
  const cases = [
    { shards: 10 },
    { shards: 10, refreshSeconds: 600 },
    { shards: 20 },
    { shards: 20, refreshSeconds: 600 },
    { shards: 40 },
    { shards: 100 },
  ].map((one) => ({ eventsPerSecond: 10_000, behindSeconds: 86_400, ...one }));
  const results = cases.map((one) => ({ one, result: catchUpStream(one, values) }));
  return {
    name: 'A stream of 10,000 events a second is a day behind',
    head: [
      'shards',
      'a refresh reads',
      'records a second',
      'first rows after',
      'fresh after',
      'runs',
      'ticks that found a run',
    ],
    rows: results.map(({ one, result }) => [
      `${one.shards}`,
      one.refreshSeconds ? `for ${duration(one.refreshSeconds)}` : 'to the tip',
      grouped(readRate(one, values)),
      duration(result.firstRows),
      duration(result.freshAfter),
      grouped(result.runs),
      grouped(result.skippedTicks),
    ]),
    panel: {
      title: 'age of the newest event, hours',
      lines: results.map(({ one, result }) => ({
        label: `${one.shards} shards, ${one.refreshSeconds ? 'refreshes of 10 min' : 'to the tip'}`,
        points: result.age.map(([time, age]) => [time / 3600, age / 3600] as const),
      })),
    },
  };
}

function historyBehind(values: Values): Scenario {
  const history = { objects: 100_000, objectBytes: 10e6, eventsPerSecond: 1000 };
  const results = [1, 2, 8].map((functions) => ({
    functions,
    result: loadHistory(history, { ...values, loadFunctions: functions }),
  }));
  return {
    name: 'A history of 1 TB in 100,000 objects, beside a stream of 1,000 events a second',
    head: [
      'load functions at once',
      'loaded after',
      'transactions',
      'one takes',
      'a merge of the stream waits',
      'at most',
    ],
    rows: results.map(({ functions, result }) => [
      `${functions}${functions === values.loadFunctions ? ' (as deployed)' : ''}`,
      duration(result.loadedAfter),
      grouped(result.transactions),
      duration(result.transaction),
      duration(result.mergeWaits.mean),
      duration(result.mergeWaits.longest),
    ]),
    panel: {
      title: 'objects that are not loaded, thousands',
      lines: results.map(({ functions, result }) => ({
        label: `${functions} load function${functions === 1 ? '' : 's'}`,
        points: result.loaded.map(([time, loaded]) => [time / 3600, (history.objects - loaded) / 1000] as const),
      })),
    },
  };
}

function manyExports(values: Values): Scenario {
  const cases = [
    { exports: 200, windows: 1, slots: 5 },
    { exports: 200, windows: 24, slots: 5 },
    { exports: 200, windows: 720, slots: 5 },
    { exports: 200, windows: 720, slots: 50 },
    { exports: 1000, windows: 1, slots: 5 },
    { exports: 4000, windows: 1, slots: 5 },
  ];
  const results = cases.map((one) => ({ one, result: runExports(one, values) }));
  return {
    name: 'A pipeline with many exports by the hour',
    head: [
      'exports',
      'windows due of each',
      'unloads at once',
      'published after',
      'the tick takes',
      'left to other ticks',
      'active statements',
      'a call waits',
    ],
    rows: results.map(({ one, result }) => [
      grouped(one.exports),
      grouped(one.windows),
      `${one.slots}`,
      duration(result.publishedAfter),
      duration(result.tick),
      grouped(result.leftToNextTick),
      `${grouped(result.mostActive)} of ${values.activeStatements}`,
      duration(Math.max(result.waits.list, result.waits.result)),
    ]),
    panel: {
      title: 'windows that are not published, share',
      lines: results.slice(1, 4).map(({ one, result }) => ({
        label: `${one.windows} windows of ${one.exports} exports, ${one.slots} at once`,
        points: result.left.map(([time, left]) => [time / 3600, left / (one.exports * one.windows)] as const),
      })),
    },
  };
}

const grouped = (value: number) => Math.round(value).toLocaleString('en-US');

/** A time with the unit that suits it: `17.6 h`. */
export function duration(seconds: number): string {
  if (seconds === Number.POSITIVE_INFINITY) return 'never';
  const [value, unit] =
    seconds < 90
      ? [seconds, 's']
      : seconds < 5400
        ? [seconds / 60, 'min']
        : seconds < 172_800
          ? [seconds / 3600, 'h']
          : [seconds / 86_400, 'days'];
  return `${Number(value.toPrecision(2))} ${unit}`;
}

/** Formats a scenario as a table. */
export const scenarioTable = ({ head, rows }: Scenario) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
