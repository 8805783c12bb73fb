import type { Command } from 'commander';
import { environments } from '../../environments';
import type { Environment } from '../../environments/environment';
import { pipelines } from '../../pipelines';
import { plural, table } from '../terminal';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  withContext,
} from './context';
import { archiveObjects, lastDayOf, type Place, placesOf, workObjects } from './forget/places';
import { addRows, emptyFacts } from './forget/rows';
import { MOST_SUBJECTS, parseSubjects, partsOf, type Search, type SubjectOptions } from './forget/subjects';
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

export function addForget(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('forget')
    .summary('find every place that has data of a person; deletes nothing yet')
    .description(
      'Reports what each place has of the subjects: rows, objects, bytes, and the day on which the last copy is gone by ' +
        'itself. A subject is a value of a column that pipelines/<name>/pipeline.ts declares as subject. It reads the tables and ' +
        'lists the archive and the work bucket; it deletes nothing, and there is no --apply yet. The values are in the texts of its statements, ' +
        'which Redshift keeps for a week.\n\n' +
        '  npx millrace forget customer_id=customer_7\n' +
        '  npx millrace forget --file ids.txt --json',
    )
    .argument('[subject...]', 'column=value', (value: string, before: string[] | undefined) => [
      ...(before ?? []),
      text('<subject>')(value),
    ])
    .option('--file <file>', `up to ${MOST_SUBJECTS} lines, each a value or column=value`, text('--file'))
    .option('--pipeline <name>', 'one pipeline (default: all that have such subjects)', text('--pipeline'));
  addContextOptions(command, 3600).action(
    async (args: string[] | undefined, options: SubjectOptions & ContextOptions) => {
      const searches = parseSubjects(args ?? [], options, pipelines);
      await withContext(options, io, exit, (context) => forget(context, searches, environments));
    },
  );
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
    ),
    '',
    lastDay === null
      ? 'Some places keep their copies for good.'
      : `By itself the last copy is gone on ${day(lastDay)}.`,
    `Reading the objects once costs ${dollars(readingDollars)}.`,
    '',
  ]);
  stdout.write(`${lines.join('\n')}\nNothing was deleted: this command cannot do that yet.\n`);
}
