import type { Command } from 'commander';
import { exportPrefix } from '../../lambda/export/contract';
import type { Success } from '../../lambda/export/publication';
import { exportFunction } from '../cloud/export-function';
import { plural, table } from '../terminal';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  moment,
  queryRows,
  withContext,
} from './context';
import { allExports, contentText, findExport, type NamedExport } from './exports/find-export';
import { publishCorrection, publishDue, type Requested } from './exports/publish';
import { readPublications } from './exports/read-publications';
import { isRemoved, verifyPublication } from './exports/verify-publication';
import { wholeNumber } from './options';

export function addExports(program: Command, io: CommandIo, exit: Exit): void {
  const exports = program
    .command('exports')
    .summary('show what is published, publish what is due, verify the files')
    .description('Shows what readers find of the exports, publishes what is due, and verifies what was published.');
  addContextOptions(exports.command('list').summary('list every export with its newest publication'), 120).action(
    (options: ContextOptions) => withContext(options, io, exit, (context) => list(context)),
  );
  addContextOptions(
    exports
      .command('show <export>')
      .summary('show the publications of an export, as a reader of latest.json finds them')
      .option('--limit <n>', 'number of publications, newest first', wholeNumber('--limit', 1, 100_000), 20),
    120,
  ).action((name: string, options: ContextOptions & { limit: number }) => {
    const named = findExport(name);
    return withContext(options, io, exit, (context) => show(context, named, options.limit));
  });
  addRequests(exports, io, exit);
  addContextOptions(
    exports
      .command('verify [export]')
      .summary('read the published files as a partner would, and compare them with their success files')
      .description(
        'Follows latest.json through every publication and reads every file. Checks that it exists, its bytes and SHA-256, its rows, its columns and their ' +
          'types. Exit code 1 if anything differs from its success file.\n\n' +
          '  npx millrace exports verify estore.purchases --window 2026-11-21T05:00:00Z',
      )
      .option('--window <start>', 'only publications of this window', moment('--window')),
    3600,
  ).action((name: string | undefined, options: ContextOptions & { window?: number }) => {
    const chosen = name === undefined ? allExports() : [findExport(name)];
    return withContext(options, io, exit, (context) => verify(context, chosen, options.window));
  });
}

function addRequests(exports: Command, io: CommandIo, exit: Exit): void {
  const applied = 'publish (default: dry run)';
  addContextOptions(
    exports
      .command('run <export>')
      .summary('publish what is due now, without waiting for the schedule')
      .option('--apply', applied),
    900,
  ).action((name: string, options: ContextOptions & { apply?: boolean }) => {
    const named = findExport(name);
    return withContext(options, io, exit, async (context) => {
      const send = options.apply ? exportFunction(options, named.pipeline.name) : undefined;
      return printResult(context, await publishDue(context, named, send));
    });
  });
  addContextOptions(
    exports
      .command('rerun <export> <window>')
      .summary('publish a window once more, as a correction; give its start, as in 2026-11-21T05:00:00Z')
      .option('--apply', applied),
    900,
  ).action((name: string, window: string, options: ContextOptions & { apply?: boolean }) => {
    const named = findExport(name);
    const start = moment('window')(window);
    return withContext(options, io, exit, async (context) => {
      const send = options.apply ? exportFunction(options, named.pipeline.name) : undefined;
      return printResult(context, await publishCorrection(context, named, start, send));
    });
  });
}

async function list(context: Context): Promise<boolean> {
  const rows = [];
  for (const named of allExports()) {
    const found = await readPublications(context, named);
    const newest = found.at(-1);
    const [state] = await queryRows(context, `state-${named.item.name}`, named.item.state);
    rows.push({
      export: named.name,
      content: contentText(named.item),
      format: named.item.format.kind,
      publications: found.length,
      corrections: found.filter(({ kind }) => kind === 'correction').length,
      rows: newestOfWindows(found).reduce((sum, success) => sum + success.rows, 0),
      newest: newest?.window.start ?? null,
      waitsFor: state?.['failure'] ?? null,
      prefix: exportPrefix(named.pipeline.name, named.item.name),
    });
  }
  if (context.json)
    context.stdout.write(`${JSON.stringify({ bucket: context.cloud.names.exportsBucket, exports: rows })}\n`);
  else {
    const columns = ['export', 'content', 'format', 'publications', 'rows', 'newest'] as const;
    context.stdout.write(
      `${table(
        columns,
        rows.map((row) => columns.map((column) => row[column])),
        context.style,
      )}\n`,
    );
    for (const { export: name, waitsFor } of rows)
      if (waitsFor !== null) context.stdout.write(`${waitingText(name, String(waitsFor))}\n`);
  }
  return true;
}

function lateText({ rows, reason, window }: Requested['late'][number]): string {
  const count = plural(rows, 'row');
  if (reason === 'no time') return `${count} without a time, so they have no window`;
  if (reason === 'before since') return `${count} older than the export's \`since\``;
  return `${count} that came after the window ${window} was published; \`exports rerun\` publishes it again`;
}

const waitingText = (name: string, failure: string) =>
  `${name} waits: a view that it reads could not be refreshed: ${failure}`;

/** The publication that counts for a reader: the last one of the window, or the last snapshot. */
function newestOf(
  all: readonly { readonly named: NamedExport; readonly success: Success }[],
  { name }: NamedExport,
  { kind, window }: Success,
): Success | undefined {
  return all
    .filter(
      ({ named, success }) => named.name === name && (kind === 'snapshot' || success.window.start === window.start),
    )
    .at(-1)?.success;
}

/** Returns what a reader has who replaces each window by its corrections; of snapshots, the newest. */
function newestOfWindows(found: readonly Success[]): Success[] {
  const byWindow = new Map<string, Success>();
  for (const success of found) byWindow.set(success.kind === 'snapshot' ? 'snapshot' : success.window.start, success);
  return [...byWindow.values()];
}

async function show(context: Context, named: NamedExport, limit: number): Promise<boolean> {
  const found = await readPublications(context, named);
  const { item, pipeline, name, definition } = named;
  const shown = found.slice(-limit);
  if (context.json) {
    const { format, columns, content } = item;
    const prefix = exportPrefix(pipeline.name, item.name);
    context.stdout.write(
      `${JSON.stringify({ export: name, file: definition.file, content, format, columns, prefix, publications: shown })}\n`,
    );
    return true;
  }
  const lines = [
    `${context.style.bold(name)}  ${contentText(item)}, ${item.format.kind}`,
    `s3://${context.cloud.names.exportsBucket}/${exportPrefix(pipeline.name, item.name)}`,
    '',
    table(
      ['column', 'type'],
      item.columns.map((column) => [column.name, column.type]),
      context.style,
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
      context.style,
    ),
  ];
  if (found.length > shown.length)
    lines.push(context.style.dim(`and ${found.length - shown.length} before: raise --limit`));
  context.stdout.write(`${lines.join('\n')}\n`);
  return true;
}

/** Prints the result. Returns true if nothing is left to do. */
function printResult(context: Context, result: Requested): boolean {
  if (context.json) context.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const { windows, applied, lateRows, failure } = result;
    const list = windows.map(({ start, revision }) => `  ${start}${revision > 0 ? `  correction ${revision}` : ''}`);
    const what =
      windows.length === 0
        ? 'nothing is due'
        : `${plural(windows.length, 'window')} ${applied ? 'published' : 'to publish'}`;
    const late = result.late.map((rows) => `  ${lateText(rows)}`);
    if (lateRows > 0) late.unshift(`${plural(lateRows, 'row')} in no file:`);
    const next = !applied && windows.length > 0 ? ['Nothing was done; --apply publishes.'] : [];
    const waits = failure === undefined ? [] : [waitingText(result.export, failure)];
    context.stdout.write(`${[`${result.export}: ${what}`, ...waits, ...list, ...late, ...next].join('\n')}\n`);
  }
  return result.applied || result.windows.length === 0;
}

async function verify(context: Context, chosen: readonly NamedExport[], window: number | undefined): Promise<boolean> {
  const stage = context.progress.stage('verify', 'listing the publications');
  const results: {
    export: string;
    window: string;
    revision: number;
    rows: number;
    files: number;
    removed: boolean;
    problems: string[];
  }[] = [];
  const publications: { readonly named: NamedExport; readonly success: Success }[] = [];
  for (const named of chosen)
    for (const success of await readPublications(context, named))
      if (window === undefined || Date.parse(success.window.start) === window) publications.push({ named, success });
  for (const { named, success } of publications) {
    const { rows, revision, files } = success;
    const wrong = await verifyPublication(context, success);
    const isMissing = wrong.length > 0 && wrong.every((problem) => problem.endsWith(': is missing'));
    const removed =
      isMissing && success !== newestOf(publications, named, success) && (await isRemoved(context, success));
    const problems = removed ? [] : wrong;
    const facts = { export: named.name, window: success.window.start, revision, rows, files: files.length };
    results.push({ ...facts, removed, problems });
    stage.count(results.length, 'publications', publications.length);
  }
  stage.done(plural(results.length, 'publication'));
  const wrong = results.filter(({ problems }) => problems.length > 0);
  const isEmpty = window !== undefined && results.length === 0;
  if (context.json)
    context.stdout.write(`${JSON.stringify({ whole: wrong.length === 0 && !isEmpty, publications: results })}\n`);
  else {
    for (const { export: name, window: start, problems } of wrong)
      context.stdout.write(`${problems.map((problem) => `${name} ${start}: ${problem}`).join('\n')}\n`);
    const there = results.filter(({ removed }) => !removed);
    const files = there.reduce((sum, result) => sum + result.files, 0);
    const rows = there.reduce((sum, result) => sum + result.rows, 0);
    const removed = results.length - there.length;
    if (isEmpty)
      context.stdout.write(`there is no publication of a window that begins at ${new Date(window).toISOString()}\n`);
    else
      context.stdout.write(
        `${plural(there.length, 'publication')} with ${plural(files, 'file')} and ${plural(rows, 'row')}: ${wrong.length === 0 ? 'whole' : `${wrong.length} not as published`}\n${
          removed === 0
            ? ''
            : `${plural(removed, 'replaced publication')} without files: they were deleted when a subject was forgotten\n`
        }`,
      );
  }
  return wrong.length === 0 && !isEmpty;
}
