import type { Command } from 'commander';
import type { Runtime } from '../../local/runtime';
import { pipelines } from '../../pipelines';
import { explain, isFull } from '../failure';
import { FaultsOnDemand } from '../page/faults-on-demand';
import type { Output } from '../terminal';
import { generators } from './generators';
import { clientsOf, loadClients } from './local/clients';
import { BatchRequests } from './local/requests';
import { synthesizeIfChanged } from './local/reuse-assembly';
import { type LocalDependencies, type LocalOptions, runLocal } from './local/run';
import { DEFAULT_DATA, MOST_EVENTS, text, wholeNumber } from './options';

export interface LocalCommandIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
}

export function addLocal(program: Command, io: LocalCommandIo, exit: { code: number }): void {
  program
    .command('local')
    .summary('run the dev environment on this machine')
    .description(
      'Synthesizes the dev environment, starts its streams, functions, schedules and warehouse on this machine, sends sample events and history,\n' +
        'and shows where every record went. Then it runs in real time until Ctrl-C; `npx millrace jump` moves the clock. A second start over the same\n' +
        'folder continues with its data.',
    )
    .option(
      '--once',
      'stop when nothing is pending and all closed windows are exported; exit 0 only if every record is accounted for',
    )
    .option('--json', 'the result as one JSON object, the only line on stdout')
    .option('--events <n>', 'distinct valid events to generate', wholeNumber('--events', 0, MOST_EVENTS), 20_000)
    .option('--seed <text>', 'seed of all randomness', text('--seed'), '1')
    .option('--data <dir>', 'folder for all data', text('--data'), DEFAULT_DATA)
    .option(
      '--speed <n>',
      'clock seconds per second once the first records are exported; 60 shows hours in minutes',
      wholeNumber('--speed', 1, 3600),
      1,
    )
    .option('--port <n>', 'port of all services on 127.0.0.1 (default: a free one)', wholeNumber('--port', 1, 65_535))
    .option(
      '--pg-port <n>',
      'port of the warehouse for psql, dbt and other clients of PostgreSQL (default: a free one, with --once none)',
      wholeNumber('--pg-port', 1, 65_535),
    )
    .action(async (given: Partial<LocalOptions> & Pick<LocalOptions, 'events' | 'seed' | 'data'>) => {
      // The data folder's files are for their owner only.
      process.umask(0o077);
      const options: LocalOptions = { ...given, once: given.once === true, json: given.json === true };
      const interrupt = interruptions();
      try {
        const good = await runLocal(options, { ...io, signal: interrupt.signal }, dependencies(options.once));
        exit.code = good || (interrupt.signal.aborted && !options.once) ? 0 : 1;
      } finally {
        interrupt.end();
      }
    });
}

/** The first Ctrl-C asks for an orderly end; the second one ends at once. */
function interruptions(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  // If a store fails between two disk checks, it fails outside of every await.
  const onUncaught = (error: Error) => {
    process.stderr.write(`error: ${explain(error)}\n`);
    if (!isFull(error)) process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  process.on('uncaughtException', onUncaught);
  return {
    signal: controller.signal,
    end: () => {
      for (const name of signals) process.off(name, onSignal);
      process.off('uncaughtException', onUncaught);
    },
  };
}

function dependencies(once: boolean): LocalDependencies {
  const common = { pipelines, generators: generators(), synthesize: synthesizeAndLoad, clients: clientsOf };
  return once ? { ...common, open: (options) => loadRuntime().openRuntime(options) } : { ...common, ...live() };
}

/** Makes the dependencies of a live run, which has a page. The page can request faults and records. */
function live(): Pick<LocalDependencies, 'open' | 'page'> {
  const faults = new FaultsOnDemand();
  const requests = new BatchRequests();
  let started: Runtime;
  return {
    open: (options) =>
      loadRuntime().openRuntime(options, {
        faults: faults.source,
        onStarted: (runtime) => {
          started = runtime;
        },
      }),
    page: {
      requests,
      open: (demo, dataDir) => {
        const { openPage } = require('../page/open-page') as typeof import('../page/open-page');
        return openPage({ runtime: started, demo, dataDir }, faults, requests);
      },
    },
  };
}

/** Loads the runtime while a process of its own synthesizes. */
function synthesizeAndLoad(outDir: string, signal: AbortSignal): Promise<string> {
  const done = synthesizeIfChanged(outDir, signal);
  loadRuntime();
  loadClients();
  return done;
}

/** The other commands do without the runtime, so they do not load it. */
const loadRuntime = () => require('./local/open-runtime') as typeof import('./local/open-runtime');
