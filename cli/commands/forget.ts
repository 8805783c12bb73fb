import type { Command } from 'commander';
import { environments } from '../../environments';
import type { Environment } from '../../environments/environment';
import { pipelines } from '../../pipelines';
import { Failure } from '../failure';
import type { Publish } from '../forget/sweep-exports';
import { plural, table } from '../terminal';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  withContext,
} from './context';
import { clockOf } from './exports/publish';
import { apply } from './forget/apply';
import { status, verify } from './forget/inspect';
import { archiveObjects, lastDayOf, type Place, placesOf, workObjects } from './forget/places';
import { addRaised, addRows, emptyFacts } from './forget/rows';
import {
  declaringPipelines,
  MOST_SUBJECTS,
  parseSubjects,
  partsOf,
  type Search,
  type SubjectOptions,
} from './forget/subjects';
import { bytes, costOf, dollars } from './history/cost';
import { text } from './options';

/** What one pipeline has of the subjects. */
interface Result {
  readonly pipeline: string;
  readonly subjects: number;
  readonly places: readonly Place[];
  /** The share of all events, 0 to 1. */
  readonly share: number;
  /** Dollars to read the objects once. */
  readonly readingDollars: number;
  readonly lastDay: number | null;
}

interface ForgetOptions extends SubjectOptions, ContextOptions {
  readonly apply?: boolean;
  readonly yesMany?: boolean;
  readonly wait: boolean;
  readonly status?: boolean;
  readonly verify?: boolean;
}

export function addForget(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('forget')
    .summary('find every place that has data of a person, and erase it')
    .description(
      'A subject is a value of a column that pipelines/<name>/pipeline.ts declares as subject. Without --apply it only reports what each place ' +
        'has of the subjects: rows, objects, bytes, and the day on which the last copy is gone by itself. The values are in the texts of the ' +
        "report's statements, which Redshift keeps for a week.\n\n" +
        '--apply marks the subjects, so that nothing brings them back, erases their rows, rewrites the objects of history and archive, deletes old ' +
        'versions, files of replaced exports and answers. It can be ended at any time: --apply without subjects continues. --status shows how far it ' +
        'is. --verify reads every place again. docs/first-year.md has the permissions.\n\n' +
        'Exit code 0: done, and nothing was found; 1: something is wrong, or --verify found something; 3: something is left to do.\n\n' +
        '  npx millrace forget customer_id=customer_7\n' +
        '  npx millrace forget customer_id=customer_7 --apply\n' +
        '  npx millrace forget --file ids.txt --apply --yes-many\n' +
        '  npx millrace forget --status --json\n' +
        '  npx millrace forget --verify',
    )
    .argument('[subject...]', 'column=value', (value: string, before: string[] | undefined) => [
      ...(before ?? []),
      text('<subject>')(value),
    ])
    .option('--file <file>', `up to ${MOST_SUBJECTS} lines, each a value or column=value`, text('--file'))
    .option('--pipeline <name>', 'one pipeline (default: all that have such subjects)', text('--pipeline'))
    .option('--apply', 'erase the subjects; without subjects: continue, and sweep again')
    .option('--yes-many', 'with --apply: although more than 1 % of the events are of these subjects')
    .option('--no-wait', 'with --apply: do not wait for the refresh of the views and for corrections')
    .option('--status', 'how far the erasing is')
    .option('--verify', 'read every place again, for these subjects or for all who were erased');
  addContextOptions(command, 3600).action(async (args: string[] | undefined, options: ForgetOptions) => {
    const searches = chosenSearches(args ?? [], options);
    let code = 0;
    await withContext(options, io, exit, async (context) => {
      code = await run(context, searches, options);
      return code === 0;
    });
    exit.code = code;
  });
}

/** @throws Failure for options that do not go together */
function chosenSearches(args: readonly string[], options: ForgetOptions): Search[] {
  const { apply: applies, status: asks, verify: verifies, yesMany, wait, file } = options;
  const modes = [applies && '--apply', asks && '--status', verifies && '--verify'].filter(Boolean);
  if (modes.length > 1) throw new Failure(`${modes.join(' and ')} cannot be given together`, 2);
  if (!applies && yesMany) throw new Failure('--yes-many is for --apply', 2);
  if (!applies && !wait) throw new Failure('--no-wait is for --apply', 2);
  const isNamed = args.length > 0 || file !== undefined;
  if (asks && isNamed) throw new Failure('--status takes no subjects: it shows all runs', 2);
  if (isNamed || modes.length === 0) return parseSubjects(args, options, pipelines);
  return declaringPipelines(pipelines, options.pipeline).map((pipeline) => ({ pipeline, subjects: [] }));
}

async function run(context: Context, searches: readonly Search[], options: ForgetOptions): Promise<number> {
  const environment = environments.find(({ name }) => name === context.cloud.names.environment);
  if (options.status)
    return status(
      context,
      searches.map(({ pipeline }) => pipeline),
      environment,
    );
  if (options.verify) return verify(context, searches);
  if (!options.apply) return (await forget(context, searches, environments)) ? 0 : 1;
  // Loaded late: the report needs no functions.
  const { exportFunction } = require('../cloud/export-function') as typeof import('../cloud/export-function');
  const publish: Publish = async ({ name }, exportName) => {
    const request = {
      kind: 'request',
      export: exportName,
      time: new Date(await clockOf(context)).toISOString(),
    } as const;
    await exportFunction(options, name)(request);
  };
  const applying = { many: options.yesMany === true, waits: options.wait, publish };
  return apply(context, searches, { pipelines, environment }, applying);
}

/** Reports where the subjects are. Returns true: a dry run has nothing left to do. */
export async function forget(
  context: Context,
  searches: readonly Search[],
  known: readonly Environment[],
): Promise<boolean> {
  const environment = known.find(({ name }) => name === context.cloud.names.environment);
  const results: Result[] = [];
  for (const search of searches) results.push(await resultOf(context, search, environment));
  if (context.json) context.stdout.write(`${JSON.stringify({ applied: false, pipelines: results.map(written) })}\n`);
  else print(context, results);
  return true;
}

async function resultOf(
  context: Context,
  { pipeline, subjects }: Search,
  environment: Environment | undefined,
): Promise<Result> {
  const stage = context.progress.stage(pipeline.name);
  const facts = await emptyFacts(context, pipeline);
  const count = subjects.reduce((sum, { values }) => sum + values.length, 0);
  let done = 0;
  for (const part of partsOf(subjects)) {
    await addRows(context, pipeline, part, facts);
    done += part.values.length;
    stage.count(done, 'subjects', count);
  }
  await addRaised(context, pipeline, subjects, facts);
  const archive = await archiveObjects(context, pipeline, facts.hours, stage);
  const work = await workObjects(context, pipeline, stage);
  const places = placesOf(pipeline, facts, archive, work, environment);
  stage.done(plural(facts.events.rows, 'event'));
  const objects = archive.objects + facts.objects.size;
  const reading = costOf({ lists: 0, objects, coldObjects: 0, coldBytes: 0 }).filter(({ how }) => how.includes('GET'));
  return {
    pipeline: pipeline.name,
    subjects: count,
    places,
    share: facts.total === 0 ? 0 : facts.events.rows / facts.total,
    readingDollars: reading.reduce((sum, line) => sum + line.dollars, 0),
    lastDay: lastDayOf(places),
  };
}

const day = (epochMs: number | null) => (epochMs === null ? null : new Date(epochMs).toISOString().slice(0, 10));

/** As JSON has it: days as texts. */
const written = ({ places, lastDay, ...rest }: Result) => ({
  ...rest,
  lastDay: day(lastDay),
  places: places.map((place) => ({ ...place, lastDay: day(place.lastDay) })),
});

function print({ stdout, style }: Context, results: readonly Result[]): void {
  const lines = results.flatMap(({ pipeline, subjects, places, share, readingDollars, lastDay }) => [
    `${style.bold(pipeline)}: ${plural(subjects, 'subject')}, ${(share * 100).toFixed(share < 0.01 ? 3 : 1)} % of all events`,
    '',
    table(
      ['place', 'rows', 'objects', 'bytes', 'gone by itself', 'note'],
      places.map(({ place, rows, objects, bytes: size, lastDay: last, note }) => [
        place,
        rows,
        objects,
        size === null ? null : bytes(size),
        day(last) ?? 'never',
        note ?? null,
      ]),
      style,
      { longest: 100 },
    ),
    '',
    lastDay === null
      ? 'Some places keep their copies for good.'
      : `By itself the last copy is gone on ${day(lastDay)}.`,
    `Reading the objects once costs ${dollars(readingDollars)}.`,
    '',
  ]);
  stdout.write(`${lines.join('\n')}\nNothing was deleted. The same command with --apply erases the subjects.\n`);
}
