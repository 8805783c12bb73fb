import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { reservedWords } from 'redshift-local/reserved-words';
import { judgePipelines } from '../../lib/limits';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import { Failure } from '../failure';
import { interruptible } from '../interrupt';
import { mostBytes, mostFields, type Profile, profile } from '../profile';
import { Progress, type Stage } from '../progress';
import { grouped, plural, styleFor } from '../terminal';
import { loadPipelines } from '../trial/load-pipelines';
import { problemsOf } from '../trial/problems';
import type { CommandIo, Exit } from './context';
import { type Ask, askIdentity, terminalAsk } from './new/ask';
import { filesOf } from './new/files';
import { readKinesis } from './new/kinesis';
import {
  fieldNamed,
  identityColumns,
  mostColumns,
  type NewPipeline,
  type PlannedField,
  pipelineOf,
  planFields,
  planPipeline,
} from './new/make-plan';
import { prove } from './new/proof';
import { addNewQueries } from './new/query/command';
import { recordsOf } from './new/records';
import { type Candidate, headLines, jsonOf, linesText, printFields, type Report, tailLines } from './new/report';
import { SampleChoice } from './new/sample';
import { openFile, openLines, type Source } from './new/source';
import { viewOf } from './new/view';
import { assertNew, writeFolder } from './new/write-folder';
import { addEnvironmentOptions, text, wholeNumber } from './options';
import type { StreamOptions } from './streams/open-stream';

interface NewOptions extends StreamOptions {
  readonly from?: string;
  readonly identity?: readonly string[];
  readonly sample?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** What tests replace. */
export interface NewDependencies {
  /** Folder of the pipelines. */
  readonly root: string;
  readonly pipelines: readonly Pipeline[];
  readonly load: (root: string) => Pipeline[];
  readonly ask: Ask;
  /** Bytes of a file that are read as a whole. */
  readonly mostBytes: number;
  readonly stdin: NodeJS.ReadableStream;
  readonly now: () => number;
}

const root = join(__dirname, '../../pipelines');

export function addNew(program: Command, io: CommandIo, exit: Exit, given: Partial<NewDependencies> = {}): void {
  const dependencies: NewDependencies = {
    root,
    pipelines,
    load: loadPipelines,
    ask: terminalAsk(io.stderr),
    mostBytes,
    stdin: process.stdin,
    now: Date.now,
    ...given,
  };
  const command = program
    .command('new')
    .summary('make a pipeline from a sample of your own data')
    .description(
      'Reads a sample, decides on columns and types, and proves them: every record of the sample goes through the merge, on this machine.\n' +
        'Then it writes pipelines/<name>/ with the pipeline, a first view with its test, and a generator that repeats the sample for npm start.\n' +
        'It overwrites nothing.\n\n' +
        '  npx millrace new clicks --from clicks.ndjson\n' +
        '  npx millrace new orders --from orders.csv.gz --identity order_id --dry-run\n' +
        '  zcat logs/*.gz | npx millrace new logs --from - --sample 100000\n' +
        '  npx millrace new clicks --from kinesis:clicks --sample 50000\n\n' +
        'view, export and endpoint add one of these to a pipeline.',
    )
    .argument(
      '<name>',
      'name of the pipeline and of its schema: lower-case letters, digits and underscores',
      text('<name>'),
    )
    .option(
      '--from <source>',
      'a file of NDJSON, CSV or Parquet, also with gzip; - for stdin; or kinesis:STREAM',
      text('--from'),
    )
    .option('--identity <fields>', 'columns or paths that make two records the same event: id or user.id,at', list)
    .option('--sample <n>', 'read so many records only', wholeNumber('--sample', 1, 1_000_000_000))
    .option('--dry-run', 'report and prove, and write nothing')
    .option('--json', 'the report as one JSON object');
  addEnvironmentOptions(command).action((name: string, options: NewOptions) =>
    makePipeline(name, options, io, dependencies),
  );
  addNewQueries(command, io, exit, dependencies);
}

function list(value: string): string[] {
  const names = value.split(',').map((name) => name.trim());
  if (names.some((name) => name === '') || names.length > 10)
    throw new Failure(`--identity must be one to ten fields with commas between them, got '${value}'`, 2);
  return names;
}

/** Words after `millrace new` that are commands of their own, and folders that are no pipelines. */
const keptNames = ['view', 'export', 'endpoint', 'generator'];

function checkName(name: string, { root }: NewDependencies): void {
  if (keptNames.includes(name))
    throw new Failure(`<name> must not be one of ${keptNames.join(', ')}, got '${name}'`, 2);
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(name))
    throw new Failure(
      `<name> must be lower-case letters, digits and underscores, at most 32, beginning with a letter, got '${name}'`,
      2,
    );
  if (reservedWords.has(name)) throw new Failure(`<name> must not be a reserved word of Redshift, got '${name}'`, 2);
  assertNew(root, name);
}

async function makePipeline(
  name: string,
  options: NewOptions,
  io: CommandIo,
  dependencies: NewDependencies,
): Promise<void> {
  checkName(name, dependencies);
  if (options.from === undefined)
    throw new Failure('--from must name a sample: a file of NDJSON, CSV or Parquet, - or kinesis:STREAM', 2);
  const progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: options.json === true });
  progress.ifInterrupted('Nothing was written.');
  try {
    const report = await interruptible(
      (signal) => new Making(name, options, io, dependencies, progress, signal).run(),
      () => progress.interruption(),
    );
    if (options.json) io.stdout.write(`${JSON.stringify(jsonOf(report))}\n`);
    else io.stdout.write(`\n${tailLines(report).join('\n')}\n`);
  } finally {
    progress.stop();
  }
}

/** One run of the command. */
class Making {
  constructor(
    private readonly name: string,
    private readonly options: NewOptions,
    private readonly io: CommandIo,
    private readonly dependencies: NewDependencies,
    private readonly progress: Progress,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<Report> {
    const source = await this.open();
    try {
      const found = await this.stage('read', source.label, (stage) => this.read(source, stage));
      checkProfile(found, source);
      const { fields, candidates } = this.decide(found, source);
      if (!this.options.json) this.show(found, fields, source);
      const identity = await this.identity(found, fields, candidates);
      const plan = planPipeline(this.name, found, fields, identity);
      return await this.proveAndWrite(plan, source, candidates);
    } finally {
      source.dispose();
    }
  }

  private async open(): Promise<Source> {
    const from = this.options.from!;
    const { mostBytes, stdin } = this.dependencies;
    if (from.startsWith('kinesis:')) {
      const stream = from.slice('kinesis:'.length);
      const { lines, notes } = await readKinesis(stream, this.options, this.signal);
      return { ...(await openLines(lines, mostBytes, `the stream ${stream}`, this.signal)), notes };
    }
    if (from === '-') return openLines(stdin as import('node:stream').Readable, mostBytes, 'stdin', this.signal);
    return openFile(from, mostBytes, this.signal);
  }

  private async stage<T>(name: string, doing: string, act: (stage: Stage) => Promise<[T, string]>): Promise<T> {
    const stage = this.progress.stage(name, doing);
    try {
      const [result, said] = await act(stage);
      stage.done(said);
      return result;
    } catch (error) {
      if (!this.signal.aborted) stage.failed();
      throw error;
    }
  }

  private async read(source: Source, stage: Stage): Promise<[Profile, string]> {
    const { identity, sample } = this.options;
    const found = await profile(source.blocks(), {
      format: source.format,
      mostRecords: sample,
      signal: this.signal,
      onProgress: (records) => stage.count(records, 'records', sample),
      ...(identity && { identity }),
    });
    return [
      { ...found, notes: [...source.notes, ...found.notes] },
      `${plural(found.records, 'record')} of ${source.label}`,
    ];
  }

  private decide(found: Profile, { declared }: Source): { fields: PlannedField[]; candidates: Candidate[] } {
    const fields = this.fitting(found, declared);
    const candidates = found.candidates.flatMap((candidate) => {
      const columns = identityColumns(fields, candidate);
      return columns ? [{ columns, evidence: candidate.evidence }] : [];
    });
    return { fields, candidates };
  }

  /** As many columns as the statements of the pipeline have room for. */
  private fitting(found: Profile, declared: Source['declared']): PlannedField[] {
    let fields = planFields(found, mostColumns, declared);
    for (;;) {
      const count = fields.filter(({ column }) => column).length;
      const pipeline = pipelineOf(planPipeline(this.name, found, fields, undefined), []);
      if (count <= 1 || judgePipelines([pipeline]).errors.length === 0) return fields;
      fields = planFields(found, Math.floor(count * 0.7), declared);
    }
  }

  private show(found: Profile, fields: readonly PlannedField[], source: Source): void {
    const { stdout, env } = this.io;
    const plan = planPipeline(this.name, found, fields, undefined);
    this.progress.above(() => {
      stdout.write(`${headLines({ plan, source }).join('\n')}\n\n`);
      stdout.write(`${printFields(plan, styleFor(stdout, env))}\n`);
    });
  }

  private async identity(
    found: Profile,
    fields: readonly PlannedField[],
    candidates: readonly Candidate[],
  ): Promise<readonly string[] | undefined> {
    const { identity, json } = this.options;
    if (identity !== undefined) return this.wanted(identity, found, fields);
    if (candidates.length === 0 || json || this.dependencies.ask === undefined) return undefined;
    return askIdentity(candidates, this.dependencies.ask, this.io.stderr, this.signal);
  }

  private wanted(names: readonly string[], found: Profile, fields: readonly PlannedField[]): readonly string[] {
    const problems = names.flatMap((name) => {
      const planned = fieldNamed(fields, name);
      if (planned?.column === undefined)
        return [
          planned
            ? `--identity ${name}: the field ${planned.why}`
            : `--identity ${name}: there is no such field; there are ${fields.flatMap(({ column }) => (column ? [column.name] : [])).join(', ')}`,
        ];
      const missing = found.sound - planned.field.present;
      return ['double', 'boolean', 'super'].includes(planned.column.type)
        ? [`--identity ${name}: a ${planned.column.type} cannot be part of an identity here`]
        : missing > 0
          ? [
              `--identity ${name}: ${plural(missing, 'record')} of ${grouped(found.sound)} have no value there and would be rejects`,
            ]
          : [];
    });
    if (problems.length > 0) throw new Failure(problems.join('\n'), 2);
    return names.map((name) => fieldNamed(fields, name)!.column!.name);
  }

  private async proveAndWrite(plan: NewPipeline, source: Source, candidates: readonly Candidate[]): Promise<Report> {
    const choice = new SampleChoice(plan);
    const pipeline = this.checked(plan);
    const proof = await this.stage('prove', 'the merge on this machine', async (stage) => {
      const proven = await prove({
        pipeline,
        records: observed(recordsOf(source.blocks(), plan.profile, plan.fields), (records) => choice.take(records)),
        foreseen: plan.profile.faultyLines,
        now: this.dependencies.now(),
        signal: this.signal,
        onProgress: (records) => stage.count(records, 'records', plan.profile.records),
      });
      return [proven, `${plural(proven.events, 'event')}, ${plural(proven.rejects, 'reject')}, all foreseen`];
    });
    const files = filesOf(plan, source.label, choice.lines());
    const { name: view } = viewOf(plan);
    this.signal.throwIfAborted();
    if (!this.options.dryRun) writeFolder(this.dependencies.root, this.name, files);
    const shown = (path: string) => relative(process.cwd(), join(this.dependencies.root, this.name, path));
    const written = this.options.dryRun ? undefined : files.map(({ path }) => shown(path));
    return { plan, source, candidates, view, proof, ...(written && { files: written }) };
  }

  /** The pipeline with its view, which has to be as valid as one that a person writes. */
  private checked(plan: NewPipeline): Pipeline {
    const { name, sql } = viewOf(plan);
    const pipeline = pipelineOf(plan, [{ name, query: sql, file: `pipelines/${plan.name}/views/${name}.sql` }]);
    const problems = problemsOf(pipeline, this.dependencies.pipelines, this.dependencies.now());
    if (problems.length > 0) throw new Failure(`the pipeline would not be valid:\n${problems.join('\n')}`);
    return pipeline;
  }
}

async function* observed<Item>(source: AsyncIterable<Item>, look: (item: Item) => void): AsyncGenerator<Item> {
  for await (const item of source) {
    look(item);
    yield item;
  }
}

/** @throws Failure if nothing can be learned from the sample */
function checkProfile(found: Profile, { label }: Source): void {
  if (found.format === 'csv' && found.records === 0) {
    const names = found.header ?? [];
    throw new Failure(
      [
        `${label} has a header of ${plural(names.length, 'column')} (${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}) and no rows: types cannot be known`,
        ...found.notes,
      ].join('\n'),
    );
  }
  if (found.records === 0) throw new Failure(`${label} has no records`);
  if (found.root.isMap)
    throw new Failure(
      `the records of ${label} have more than ${grouped(mostFields)} different names: names that are data belong into one attribute`,
    );
  if (found.sound > 0 && found.root.children.size === 0)
    throw new Failure(`the records of ${label} have no fields: they are all {}`);
  if (found.sound > 0) return;
  const faults = found.faults.map(
    ({ reason, count, lines }) => `  ${reason}: ${plural(count, 'record')} (${linesText(lines, count)})`,
  );
  throw new Failure(`no record of ${label} can be an event:\n${faults.join('\n')}`);
}
