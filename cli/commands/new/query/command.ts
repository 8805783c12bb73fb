import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import type { Pipeline } from '../../../../pipelines/definition';
import { readViewTests, type ViewTest } from '../../../../pipelines/view-tests';
import { tableNames } from '../../../../sql/tables/names';
import { isPlainName, isReserved } from '../../../../sql/text/identifier';
import { Failure } from '../../../failure';
import { interruptible } from '../../../interrupt';
import { Progress } from '../../../progress';
import { styleFor } from '../../../terminal';
import { runTests, type TargetResult, targetsOf } from '../../../trial/run-tests';
import type { CommandIo, Exit } from '../../context';
import { text } from '../../options';
import { resultLines } from '../../test/report';
import { type Draft, endpointDraft, exportDraft, viewDraft } from './drafts';
import { type Place, type Written, writeQuery } from './write-query';

const lists = { view: 'views', export: 'exports', endpoint: 'endpoints' } as const;
type Kind = keyof typeof lists;

interface QueryOptions {
  readonly of?: string;
  readonly json?: boolean;
}

const help: Readonly<Record<Kind, { readonly what: string; readonly writes: string }>> = {
  view: {
    what: 'a view of the events of each hour, with a test',
    writes: 'views/<name>.sql and views/<name>.test.yaml',
  },
  export: { what: 'an export of all columns of a view, or of the events', writes: 'exports/<name>.sql' },
  endpoint: {
    what: 'an endpoint over a view, with a test',
    writes: 'endpoints/<name>.sql and endpoints/<name>.test.yaml',
  },
};

/** Adds `new view`, `new export` and `new endpoint`. */
export function addNewQueries(command: Command, io: CommandIo, exit: Exit, place: Place): void {
  for (const kind of ['view', 'export', 'endpoint'] as const) {
    const added = command
      .command(`${kind} <pipeline> <name>`)
      .summary(`add ${help[kind].what}`)
      .description(
        `Adds ${help[kind].what}: ${help[kind].writes}, and the entry in pipeline.ts if it needs one.\n` +
          'Then it loads the pipeline again, which has to be valid, and runs the test. It overwrites nothing.\n\n' +
          `  npx millrace new ${kind} estore ${{ view: 'hourly_events', export: 'returned', endpoint: 'returned' }[kind]}${kind === 'view' ? '' : ' --of returns'}\n\n` +
          'Exit code 0: written, and its test passes. 1: nothing was written, or its test fails. 2: the command line is invalid.',
      );
    if (kind !== 'view')
      added.option(
        '--of <view>',
        `the view that it reads${kind === 'export' ? ', or events' : ''}; without it the first one`,
        text('--of'),
      );
    added
      .option('--json', 'the result as one JSON object')
      .action((pipeline: string, name: string, _: unknown, own: Command) =>
        addQuery(kind, pipeline, name, own.optsWithGlobals<QueryOptions>(), io, exit, place),
      );
  }
}

async function addQuery(
  kind: Kind,
  pipelineName: string,
  name: string,
  { of, json }: QueryOptions,
  io: CommandIo,
  exit: Exit,
  place: Place,
): Promise<void> {
  const { root, load } = place;
  const pipeline = pipelineOf(load(root), pipelineName);
  checkName(kind, pipeline, name, root);
  const written = writeQuery(place, pipelineName, lists[kind], name, draftOf(kind, pipeline, of, root));
  const progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: json === true });
  try {
    const [result] = await interruptible(
      (signal) => tested(kind, written, name, root, signal, progress),
      () => progress.interruption(),
    );
    exit.code = result === undefined || result.result !== 'failed' ? 0 : 1;
    const shown = (path: string) => relative(process.cwd(), join(root, path));
    if (json) {
      const { files, edited } = written;
      io.stdout.write(
        `${JSON.stringify({ kind, name: `${pipelineName}.${name}`, files: files.map(shown), edited: edited ? shown(join(pipelineName, 'pipeline.ts')) : null, test: result?.result ?? null })}\n`,
      );
    } else io.stdout.write(`${said(kind, pipelineName, name, written, result, shown, io).join('\n')}\n`);
  } finally {
    progress.stop();
  }
}

function pipelineOf(pipelines: readonly Pipeline[], name: string): Pipeline {
  const found = pipelines.find((pipeline) => pipeline.name === name);
  if (found) return found;
  throw new Failure(
    `<pipeline> must be one of ${pipelines.map((pipeline) => pipeline.name).join(', ') || 'none, since there are no pipelines'}, got '${name}'`,
    2,
  );
}

/** The rest of the rules are those of every pipeline. They are checked when it is loaded again. */
function checkName(kind: Kind, pipeline: Pipeline, name: string, root: string): void {
  if (!isPlainName(name) || name.length > 64)
    throw new Failure(`<name> must be lower-case snake_case of at most 64 characters, got '${name}'`, 2);
  if (isReserved(name)) throw new Failure(`<name> must not be a reserved word of Redshift, got '${name}'`, 2);
  if (kind === 'view' && (tableNames as readonly string[]).includes(name))
    throw new Failure(
      `<name> must not be that of a table of the pipeline (${tableNames.join(', ')}), got '${name}'`,
      2,
    );
  const list = pipeline[lists[kind]] ?? [];
  const file = join(pipeline.name, lists[kind], name);
  const taken = ['.sql', '.test.yaml'].some((end) => existsSync(join(root, file + end)));
  if (list.some((each) => each.name === name) || taken)
    throw new Failure(`<name> must be new: ${pipeline.name} has the ${kind} ${name} already`, 2);
}

function draftOf(kind: Kind, pipeline: Pipeline, of: string | undefined, root: string): Draft {
  if (kind === 'view') return viewDraft(pipeline);
  if (kind === 'export') return exportDraft(pipeline, of);
  const view = of ?? pipeline.views[0]?.name ?? '';
  return endpointDraft(pipeline, of, testsOfView(join(root, pipeline.name), view));
}

/** A wrong file of tests is reported by the tests themselves. */
function testsOfView(folder: string, view: string): readonly ViewTest[] {
  try {
    return readViewTests(folder, view) ?? [];
  } catch {
    return [];
  }
}

async function tested(
  kind: Kind,
  { pipeline }: Written,
  name: string,
  root: string,
  signal: AbortSignal,
  progress: Progress,
): Promise<TargetResult[]> {
  if (kind === 'export') return [];
  progress.ifInterrupted(`The ${kind} is written. Its test has not run.`);
  const stage = progress.stage('test', `${pipeline.name}.${name}`);
  const targets = targetsOf([pipeline]).filter((target) => target.kind === kind && target.name === name);
  const results = await runTests(targets, { root, signal, onResult: () => {} });
  if (results.some(({ result }) => result === 'failed')) stage.failed();
  else stage.done(`${pipeline.name}.${name}`);
  return results;
}

function said(
  kind: Kind,
  pipeline: string,
  name: string,
  { files, edited }: Written,
  result: TargetResult | undefined,
  shown: (path: string) => string,
  io: CommandIo,
): string[] {
  return [
    `Written: ${files.map(shown).join(', ')}`,
    ...(edited ? [`Edited:  ${shown(join(pipeline, 'pipeline.ts'))}`] : []),
    ...(result?.result === 'failed' ? ['', ...resultLines(result, styleFor(io.stdout, io.env))] : []),
    '',
    'Next:',
    ...(kind === 'export' ? [] : [`  npx millrace test ${pipeline}.${name} --watch`]),
    '  npx millrace deploy        while npm start runs',
    ...(kind === 'view' ? [`  npx millrace sql "select * from ${pipeline}.${name} order by 1"`] : []),
    ...(kind === 'endpoint' ? [`  npx millrace api call ${pipeline}.${name}`] : []),
    ...(kind === 'export' ? [`  npx millrace exports show ${pipeline}.${name}`] : []),
  ];
}
