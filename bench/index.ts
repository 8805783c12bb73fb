import { Command } from 'commander';
import { wholeNumber } from '../cli/commands/options';
import { exitCodeOf, explain, Interrupted } from '../cli/failure';
import { interruptible } from '../cli/interrupt';
import { backlog } from './backlog';
import { endpoints } from './endpoints';
import { machine } from './environment';
import { firstMinute } from './first-minute';
import { memory } from './memory';
import { mergeGrowth } from './merge-growth';
import { newPipeline } from './new';
import { print, progress } from './print';
import { reader } from './reader';
import { readerMemory } from './reader-memory';
import { reconcileScan } from './reconcile-scan';
import { refresh } from './refresh';
import { refreshCost } from './refresh-cost';
import { roundTrip } from './round-trip';
import { exceptionTable, scanTable } from './scale/scan-table';
import { ingest } from './stream-to-events';
import { typedFiles } from './typed-files';

const count = (option: string, most: number) => wholeNumber(option, 1, most);

interface Options {
  readonly events: number;
  readonly large: number;
  readonly repeats: number;
  readonly times: number;
  readonly keys: number;
  readonly files: number;
  readonly megabytes: number;
  readonly seconds: number;
}

const benches: Readonly<Record<string, (options: Options) => Promise<void>>> = {
  'first-minute': firstMinute,
  ingest: ({ events }) => ingest(events),
  merge: ({ large, repeats }) => mergeGrowth(large, repeats),
  reconcile: ({ keys }) => reconcileScan(keys),
  endpoints: ({ seconds, events }) => endpoints(seconds, Math.min(events, 100_000)),
  new: ({ events, repeats }) => newPipeline(events, repeats),
  reader: ({ events, repeats }) => reader(events, repeats),
  'reader-memory': ({ large }) => readerMemory(large),
  refresh: ({ events }) => refresh(events),
  'refresh-cost': refreshCost,
  scans: async () => print(`${scanTable()}\n\n${exceptionTable()}`),
  files: ({ events, repeats }) => typedFiles(events, repeats),
  select: ({ times }) => roundTrip(times),
  memory: ({ large }) => memory(large),
  backlog: ({ files, megabytes, repeats }) => backlog(files, megabytes * 1e6, repeats),
};

async function run(names: readonly string[], options: Options): Promise<void> {
  const unknown = names.filter((name) => !Object.hasOwn(benches, name));
  if (unknown.length > 0)
    throw new Error(`unknown bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}`);
  print(machine());
  const chosen = names.length > 0 ? names : Object.keys(benches);
  const all = async (signal: AbortSignal) => {
    for (const [index, name] of chosen.entries()) {
      if (signal.aborted) return;
      print(`\n${name}`);
      const stage = progress.stage(name, `bench ${index + 1} of ${chosen.length}`);
      await benches[name]!(options);
      stage.done('');
    }
  };
  try {
    await interruptible(all, () => progress.interruption());
  } finally {
    progress.stop();
  }
}

new Command('bench')
  .description('measure the local runtime beside DuckDB alone; the head of each file in bench/ describes the method')
  .argument('[names...]', `${Object.keys(benches).join(', ')} (default: all)`)
  .option(
    '--events <n>',
    'ingest, reader, refresh, files, new: distinct valid events',
    count('--events', 10_000_000),
    1_000_000,
  )
  .option(
    '--large <n>',
    'merge, memory, reader-memory: events of the large table or stream',
    count('--large', 100_000_000),
    10_000_000,
  )
  .option('--repeats <n>', 'merge, files, backlog, reader, new: measurements of each', count('--repeats', 99), 5)
  .option('--times <n>', 'select: round trips', count('--times', 100_000), 300)
  .option('--keys <n>', 'reconcile: keys of the bucket', count('--keys', 10_000_000), 1_000_000)
  .option('--files <n>', 'backlog: files', count('--files', 1_000_000), 10_000)
  .option('--megabytes <n>', 'backlog: of all files before they are compressed', count('--megabytes', 100_000), 1000)
  .option('--seconds <n>', 'endpoints: seconds with requests', count('--seconds', 3600), 60)
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Interrupted ? error.message : `error: ${explain(error)}`);
    if (error instanceof Interrupted) process.exit(error.exitCode);
    process.exitCode = exitCodeOf(error);
  });
