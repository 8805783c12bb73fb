import { watch } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Pipeline } from '../../pipelines/definition';
import { explain, Failure } from '../failure';
import { interruptible } from '../interrupt';
import { Progress } from '../progress';
import { plural, styleFor } from '../terminal';
import { loadPipelines } from '../trial/load-pipelines';
import { nameOf, runTests, type Target, type TargetResult, targetsOf } from '../trial/run-tests';
import type { CommandIo, Exit } from './context';
import { jsonOf, resultLines } from './test/report';

interface TestOptions {
  readonly watch?: boolean;
  readonly json?: boolean;
}

/** What tests replace. */
export interface TestDependencies {
  /** Folder of the pipelines. */
  readonly root: string;
}

export function addTest(
  program: Command,
  io: CommandIo,
  exit: Exit,
  { root }: TestDependencies = { root: join(__dirname, '../../pipelines') },
): void {
  program
    .command('test')
    .summary('run the tests of views and endpoints')
    .description(
      'Runs the tests beside views and endpoints, <name>.test.yaml: events go through the merge on this machine, and the rows are compared.\n' +
        'A view that is wrong fails its own tests and those of what reads it.\n\n' +
        '  npx millrace test\n' +
        '  npx millrace test purchases\n' +
        '  npx millrace test estore.revenue --watch\n\n' +
        'Exit code 0: all tests pass. 1: a test fails, or a query is wrong. 2: the command line is invalid.',
    )
    .argument('[name]', 'a view, an endpoint or a pipeline: purchases, estore.purchases, estore. Without it all')
    .option('--watch', 'run again whenever a file of the pipelines changes, until Ctrl-C')
    .option('--json', 'the results as one JSON object; with --watch, one line for each run')
    .action(async (name: string | undefined, options: TestOptions) => {
      const progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: options.json === true });
      const run = (signal: AbortSignal, pipelines: readonly Pipeline[]) =>
        runOnce(chosen(pipelines, name), root, options, io, progress, signal);
      try {
        await interruptible(
          async (signal) => {
            if (options.watch !== true) exit.code = (await run(signal, loadPipelines(root))) ? 0 : 1;
            else await runOnChanges(root, signal, progress, async () => void (await run(signal, loadPipelines(root))));
          },
          () => progress.interruption(),
        );
      } finally {
        progress.stop();
      }
    });
}

/** @throws Failure for a name that nothing has */
function chosen(pipelines: readonly Pipeline[], name: string | undefined): Target[] {
  const all = targetsOf(pipelines);
  if (name === undefined) return all;
  const found = all.filter((target) => [target.name, nameOf(target), target.pipeline.name].includes(name));
  if (found.length > 0) return found;
  throw new Failure(
    `[name] must be a view, an endpoint or a pipeline, got '${name}'; there are ${all.map(nameOf).join(', ') || 'none'}`,
    2,
  );
}

async function runOnce(
  targets: readonly Target[],
  root: string,
  { json }: TestOptions,
  { stdout, env }: CommandIo,
  progress: Progress,
  signal: AbortSignal,
): Promise<boolean> {
  const style = styleFor(stdout, env);
  const stage = progress.stage('test', 'the tables');
  let done = 0;
  const results = await runTests(targets, {
    root,
    signal,
    onResult: (result: TargetResult) => {
      done += 1;
      stage.count(done, 'views and endpoints', targets.length);
      if (json !== true) progress.above(() => stdout.write(`${resultLines(result, style).join('\n')}\n`));
    },
  }).catch((error) => {
    if (!signal.aborted) stage.failed();
    throw error;
  });
  const failed = results.filter(({ result }) => result === 'failed').length;
  if (failed > 0) stage.failed();
  else stage.done(`${plural(results.flatMap(({ tests }) => tests).length, 'test')} passed`);
  if (json) stdout.write(`${JSON.stringify(jsonOf(results))}\n`);
  return failed === 0;
}

const settleMs = 100;

/** Runs now and after each change below the folder, until the signal. An error of a run is shown, and the next change runs again. */
async function runOnChanges(
  root: string,
  signal: AbortSignal,
  progress: Progress,
  act: () => Promise<void>,
): Promise<void> {
  let changed = () => {};
  let isChanged = true;
  const watcher = watch(root, { recursive: true, persistent: true, signal }, () => {
    isChanged = true;
    changed();
  });
  watcher.on('error', () => {});
  while (!signal.aborted) {
    if (isChanged) {
      isChanged = false;
      try {
        await act();
      } catch (error) {
        if (signal.aborted) return;
        progress.warning(`error: ${explain(error)}`);
      }
      progress.line('waiting for a change; Ctrl-C ends it');
    }
    await new Promise<void>((resolve) => {
      changed = resolve;
      if (isChanged) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    // An editor writes a file in several steps.
    await new Promise((resolve) => setTimeout(resolve, settleMs));
  }
}
