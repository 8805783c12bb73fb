import type { Command } from 'commander';
import { environments } from '../../environments';
import { assertConfiguration } from '../../lib/configuration';
import { pipelines } from '../../pipelines';
import { findEnvironment } from '../cloud/environments';
import { LOCAL_ENVIRONMENT } from '../cloud/names';
import { type ComparedFile, compareFiles, type FileStatus, leftToDo, resolved } from '../dbt/compare';
import { readProject, writeProject } from '../dbt/folder';
import { dbtProject } from '../dbt/project';
import { plural, styleFor } from '../terminal';
import type { CommandIo, Exit } from './context';
import { text } from './options';

interface InitOptions {
  readonly environment: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

/** Exit code beside the common ones. */
const OUT_OF_DATE = 3;

export function addDbt(program: Command, io: CommandIo, exit: Exit): void {
  const dbt = program
    .command('dbt')
    .summary('write a dbt project over the pipelines')
    .description('Writes a dbt project over the pipelines, and keeps it up to date (docs/dbt.md).');
  dbt
    .command('init <dir>')
    .summary('write the project, or update what nobody edited')
    .description(
      'Writes a dbt project for an environment: sources, an incremental copy of the events of each pipeline, exposures and profiles. Run it\n' +
        'again after a change of the pipelines: it updates its files and removes those that are no longer needed. It never touches a file\n' +
        'that you edited or wrote yourself, and says which it left. It makes no call to AWS.\n\n' +
        '  npx millrace dbt init analytics                       a project for dev, and for the local runtime\n' +
        '  npx millrace dbt init analytics --environment prod    a project for prod\n' +
        '  npx millrace dbt init analytics --check               say what is out of date; change nothing\n\n' +
        'Exit code 0: the project is up to date. 3: it is not. With --check, a file is missing, old or no longer needed; without, only files\n' +
        'that you edited are: Millrace writes them differently since. 1 and 2: nothing was compared.',
    )
    .option('--environment <name>', 'the environment that the project is for', text('--environment'), LOCAL_ENVIRONMENT)
    .option('--check', 'change nothing, and exit with 3 if the project is out of date')
    .option('--json', 'the result as one JSON object')
    .action((folder: string, options: InitOptions) => init(text('<dir>')(folder), options, io, exit));
}

function init(
  folder: string,
  { environment: name, check = false, json }: InitOptions,
  io: CommandIo,
  exit: Exit,
): void {
  const environment = findEnvironment(name);
  assertConfiguration(environments, pipelines);
  const wanted = dbtProject(environment, pipelines);
  const files = compareFiles(wanted, readProject(folder, wanted));
  if (!check) writeProject(folder, files);
  const open = openFiles(files, check);
  const upToDate = open === 0;
  if (json) {
    const shown = files.map(({ path, status }) => ({ path, status }));
    io.stdout.write(`${JSON.stringify({ environment: name, folder, checked: check, upToDate, files: shown })}\n`);
  } else io.stdout.write(report(folder, files, open, check, styleFor(io.stdout, io.env).bold));
  exit.code = upToDate ? 0 : OUT_OF_DATE;
}

/** How many files are not as Millrace writes them. Without a check, those that it resolves by itself are written. */
const openFiles = (files: readonly ComparedFile[], check: boolean): number =>
  files.filter(({ status }) => leftToDo.has(status) || (check && resolved.has(status))).length;

/** What a person reads for each status: after a check, and after the files were written. */
const phrases: Readonly<Record<Exclude<FileStatus, 'current'>, readonly [checked: string, written: string]>> = {
  new: ['missing', 'written'],
  changed: ['out of date', 'updated'],
  unwanted: ['no longer needed', 'removed, no longer needed'],
  edited: ['left: you edited it', 'left: you edited it'],
  foreign: ['left: Millrace did not write it', 'left: Millrace did not write it'],
  behind: [
    'left: you edited it, and Millrace writes it differently now',
    'left: you edited it, and Millrace writes it differently now',
  ],
  'edited and unwanted': [
    'left: you edited it, and it is no longer needed',
    'left: you edited it, and it is no longer needed',
  ],
};

function report(
  folder: string,
  files: readonly ComparedFile[],
  open: number,
  check: boolean,
  bold: (text: string) => string,
): string {
  const lines = files.flatMap(({ path, status }) =>
    status === 'current' ? [] : [`  ${path}: ${phrases[status][check ? 0 : 1]}`],
  );
  const current = files.filter(({ status }) => status === 'current').length;
  const summary =
    open === 0
      ? `${bold(folder)} is up to date: ${plural(files.length, 'file')}${current === files.length ? '' : `, ${current} unchanged`}`
      : `${bold(folder)} is out of date: ${plural(open, 'file')} of ${files.length}`;
  const advice = files.some(({ status }) => leftToDo.has(status))
    ? ['Move an edited file away, run this again, and put your edit into the new file. docs/dbt.md says more.']
    : check && open > 0
      ? [`To update it, run: npx millrace dbt init ${folder}`]
      : [];
  return `${[summary, ...lines, ...advice].join('\n')}\n`;
}
