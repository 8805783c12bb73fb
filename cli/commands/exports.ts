import type { Command } from 'commander';
import { exportPrefix } from '../../lambda/export/contract';
import type { Success } from '../../lambda/export/publication';
import { exportFunction } from '../cloud/export-function';
import { plural, table } from '../terminal';
import { publications } from './exports/chain';
import { checkPublication } from './exports/check';
import { allExports, contentText, exportNamed, type NamedExport } from './exports/named';
import { type Requested, runAgain, runNow } from './exports/request';
import { wholeNumber } from './options';
import { type Exit, moment, type Work, type WorkIo, type WorkOptions, working, workOptions } from './work';

export function addExports(program: Command, io: WorkIo, exit: Exit): void {
  const exports = program
    .command('exports')
    .summary('what is published for others, and whether it is whole')
    .description(
      'The exports of the pipelines: what readers find of them, what is due, and proof of what was published.',
    );
  workOptions(exports.command('list').summary('every export with its newest publication'), 120).action(
    (options: WorkOptions) => working(options, io, exit, (work) => list(work)),
  );
  workOptions(
    exports
      .command('show <export>')
      .summary('the publications of an export, as a reader of latest.json finds them')
      .option('--limit <n>', 'the newest so many', wholeNumber('--limit', 1, 100_000), 20),
    120,
  ).action((name: string, options: WorkOptions & { limit: number }) => {
    const named = exportNamed(name);
    return working(options, io, exit, (work) => show(work, named, options.limit));
  });
  addRequests(exports, io, exit);
  workOptions(
    exports
      .command('verify [export]')
      .summary('read what was published as a partner would, and check it against its success files')
      .description(
        'Follows latest.json through every publication and reads every file: whether it is there, its bytes and SHA-256, its rows, its columns and their ' +
          'types. Exit code 1 when anything is not as its success file says.\n\n' +
          '  npx millrace exports verify estore.purchases --window 2026-11-21T05:00:00Z',
      )
      .option('--window <start>', 'publications of this window alone', moment('--window')),
    3600,
  ).action((name: string | undefined, options: WorkOptions & { window?: number }) => {
    const chosen = name === undefined ? allExports() : [exportNamed(name)];
    return working(options, io, exit, (work) => verify(work, chosen, options.window));
  });
}

function addRequests(exports: Command, io: WorkIo, exit: Exit): void {
  const applied = 'do it; without, it is only told';
  workOptions(
    exports
      .command('run <export>')
      .summary('publish now what is due, without waiting for the schedule')
      .option('--apply', applied),
    900,
  ).action((name: string, options: WorkOptions & { apply?: boolean }) => {
    const named = exportNamed(name);
    return working(options, io, exit, async (work) => {
      const send = options.apply ? exportFunction(options, named.pipeline.name) : undefined;
      return tell(work, await runNow(work, named, send));
    });
  });
  workOptions(
    exports
      .command('rerun <export> <window>')
      .summary('publish a window once more, as a correction; give its start, as in 2026-11-21T05:00:00Z')
      .option('--apply', applied),
    900,
  ).action((name: string, window: string, options: WorkOptions & { apply?: boolean }) => {
    const named = exportNamed(name);
    const start = moment('window')(window);
    return working(options, io, exit, async (work) => {
      const send = options.apply ? exportFunction(options, named.pipeline.name) : undefined;
      return tell(work, await runAgain(work, named, start, send));
    });
  });
}

async function list(work: Work): Promise<boolean> {
  const rows = [];
  for (const named of allExports()) {
    const found = await publications(work, named);
    const newest = found.at(-1);
    rows.push({
      export: named.name,
      content: contentText(named.item),
      format: named.item.format.kind,
      publications: found.length,
      corrections: found.filter(({ kind }) => kind === 'correction').length,
      rows: newestOfWindows(found).reduce((sum, success) => sum + success.rows, 0),
      newest: newest?.window.start ?? null,
      prefix: exportPrefix(named.pipeline.name, named.item.name),
    });
  }
  if (work.json) work.stdout.write(`${JSON.stringify({ bucket: work.cloud.names.exportsBucket, exports: rows })}\n`);
  else {
    const columns = ['export', 'content', 'format', 'publications', 'rows', 'newest'] as const;
    work.stdout.write(
      `${table(
        columns,
        rows.map((row) => columns.map((column) => row[column])),
        work.style,
      )}\n`,
    );
  }
  return true;
}

/** Of each window what a reader has who replaces it by its corrections; of snapshots the newest. */
function newestOfWindows(found: readonly Success[]): Success[] {
  const byWindow = new Map<string, Success>();
  for (const success of found) byWindow.set(success.kind === 'snapshot' ? 'snapshot' : success.window.start, success);
  return [...byWindow.values()];
}

async function show(work: Work, named: NamedExport, limit: number): Promise<boolean> {
  const found = await publications(work, named);
  const { item, pipeline, name, definition } = named;
  const shown = found.slice(-limit);
  if (work.json) {
    const { format, columns, content } = item;
    const prefix = exportPrefix(pipeline.name, item.name);
    work.stdout.write(
      `${JSON.stringify({ export: name, file: definition.file, content, format, columns, prefix, publications: shown })}\n`,
    );
    return true;
  }
  const lines = [
    `${work.style.bold(name)}  ${contentText(item)}, ${item.format.kind}`,
    `s3://${work.cloud.names.exportsBucket}/${exportPrefix(pipeline.name, item.name)}`,
    '',
    table(
      ['column', 'type'],
      item.columns.map((column) => [column.name, column.type]),
      work.style,
    ),
    '',
    table(
      ['no', 'window', 'kind', 'rows', 'files', 'bytes'],
      shown.map((success) => [
        success.sequence,
        success.window.start,
        success.revision > 0 ? `${success.kind} ${success.revision}` : success.kind,
        success.rows,
        success.files.length,
        success.bytes,
      ]),
      work.style,
    ),
  ];
  if (found.length > shown.length)
    lines.push(work.style.dim(`and ${found.length - shown.length} before: raise --limit`));
  work.stdout.write(`${lines.join('\n')}\n`);
  return true;
}

/** Answers whether nothing is left to do. */
function tell(work: Work, result: Requested): boolean {
  if (work.json) work.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const { windows, applied, lateRows } = result;
    const list = windows.map(({ start, revision }) => `  ${start}${revision > 0 ? `  correction ${revision}` : ''}`);
    const what =
      windows.length === 0
        ? 'nothing is due'
        : `${plural(windows.length, 'window')} ${applied ? 'published' : 'to publish'}`;
    const late = lateRows > 0 ? [`${plural(lateRows, 'row')} came late, or have no time, and are in no file`] : [];
    const next = !applied && windows.length > 0 ? ['Nothing was done; --apply does it.'] : [];
    work.stdout.write(`${[`${result.export}: ${what}`, ...list, ...late, ...next].join('\n')}\n`);
  }
  return result.applied || result.windows.length === 0;
}

async function verify(work: Work, chosen: readonly NamedExport[], window: number | undefined): Promise<boolean> {
  const stage = work.progress.stage('verify');
  const results: {
    export: string;
    window: string;
    revision: number;
    rows: number;
    files: number;
    problems: string[];
  }[] = [];
  for (const named of chosen) {
    const found = (await publications(work, named)).filter(
      (success) => window === undefined || Date.parse(success.window.start) === window,
    );
    for (const success of found) {
      stage.update(`${named.name} ${success.window.start}`);
      const { rows, revision, files } = success;
      const problems = await checkPublication(work, success);
      results.push({ export: named.name, window: success.window.start, revision, rows, files: files.length, problems });
    }
  }
  stage.done(plural(results.length, 'publication'));
  const wrong = results.filter(({ problems }) => problems.length > 0);
  const isEmpty = window !== undefined && results.length === 0;
  if (work.json)
    work.stdout.write(`${JSON.stringify({ whole: wrong.length === 0 && !isEmpty, publications: results })}\n`);
  else {
    for (const { export: name, window: start, problems } of wrong)
      work.stdout.write(`${problems.map((problem) => `${name} ${start}: ${problem}`).join('\n')}\n`);
    const files = results.reduce((sum, result) => sum + result.files, 0);
    const rows = results.reduce((sum, result) => sum + result.rows, 0);
    if (isEmpty) work.stdout.write(`no publication of a window that begins at ${new Date(window).toISOString()}\n`);
    else
      work.stdout.write(
        `${plural(results.length, 'publication')} with ${plural(files, 'file')} and ${plural(rows, 'row')}: ${wrong.length === 0 ? 'whole' : `${wrong.length} not as published`}\n`,
      );
  }
  return wrong.length === 0 && !isEmpty;
}
