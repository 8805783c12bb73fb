import type { Command } from 'commander';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import { Failure } from '../failure';
import { printable, type Style } from '../terminal';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  checkOrder,
  type Exit,
  moment,
  withContext,
} from './context';
import { text, wholeNumber } from './options';
import { Investigation } from './why/investigation';
import { parseQuestion, type Question } from './why/question';
import type { Bounds, Sighting } from './why/sighting';

interface WhyOptions {
  readonly pipeline?: string;
  readonly since?: number;
  readonly until?: number;
  readonly records: number;
  readonly megabytes: number;
  readonly everywhere?: boolean;
  readonly look?: boolean;
}

export interface Answer {
  readonly pipeline: string;
  readonly eventId: string | null;
  readonly verdict: string;
  /** True if the table `events` has it. */
  readonly inEvents: boolean;
  readonly sightings: readonly Sighting[];
}

export function addWhy(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('why')
    .summary('find one event, or say why it is missing')
    .description(
      'Searches every place for one event: stream, landing view, archive, history, queue, staged table, rejects, duplicates, events, ' +
        'views and exports. Name it by its event id, or by values of its columns. Known positions are looked up. The stream and ' +
        'the buckets are read within the given bounds. Exit code 1 if it is not in events.\n\n' +
        '  npx millrace why customer_id=customer_7 action=cart\n' +
        '  npx millrace why 3f0c9b0e… --since 2026-11-21',
    )
    .argument('<event...>', 'an event id, or column=value …', (value: string, before: string[] | undefined) => [
      ...(before ?? []),
      text('<event>')(value),
    ])
    .option('--pipeline <name>', 'whose event (default: the first pipeline that has the columns)', text('--pipeline'))
    .option('--since <time>', 'ignore older records', moment('--since'))
    .option('--until <time>', 'ignore younger records', moment('--until'))
    .option('--records <n>', 'most stream records to read', wholeNumber('--records', 1, 1_000_000_000), 200_000)
    .option('--everywhere', 'search the history even if the event came from another source')
    .option('--look', 'also search the queues of the load function; in AWS this counts as a delivery of each message')
    .option(
      '--megabytes <n>',
      'most megabytes of archive and history to read',
      wholeNumber('--megabytes', 1, 1_000_000),
      256,
    );
  addContextOptions(command, 300).action(async (args: string[], options: WhyOptions & ContextOptions) => {
    checkOrder(options);
    const question = parseQuestion(pipelineOf(options.pipeline, args), args);
    await withContext(options, io, exit, (context) => why(context, question, boundsOf(options)));
  });
}

const boundsOf = ({ since, until, records, megabytes, everywhere, look }: WhyOptions): Bounds => ({
  ...(since === undefined ? {} : { since }),
  ...(until === undefined ? {} : { until }),
  records,
  bytes: megabytes * 1e6,
  everywhere: everywhere === true,
  look: look === true,
});

/** Returns the named pipeline, or the first one that has the given columns. */
export function pipelineOf(name: string | undefined, args: readonly string[]): Pipeline {
  const columns = args.filter((arg) => arg.includes('=')).map((arg) => arg.split('=')[0]!);
  const found =
    name === undefined
      ? pipelines.find((pipeline) => columns.every((column) => pipeline.columns.some((known) => known.name === column)))
      : pipelines.find((pipeline) => pipeline.name === name);
  if (found) return found;
  if (name === undefined) return pipelines[0]!;
  throw new Failure(
    `--pipeline must be one of ${pipelines.map((pipeline) => pipeline.name).join(', ')}, got '${name}'`,
    2,
  );
}

/** Prints the answer. Returns true if the event is in events. */
export async function why(context: Context, question: Question, bounds: Bounds): Promise<boolean> {
  const investigation = new Investigation(context, question, bounds);
  const sightings = await investigation.run();
  const answer: Answer = {
    pipeline: question.pipeline.name,
    eventId: investigation.eventId ?? null,
    verdict: investigation.verdict(),
    inEvents: investigation.inEvents,
    sightings,
  };
  context.stdout.write(context.json ? `${JSON.stringify(answer)}\n` : chain(answer, context.style));
  return answer.inEvents;
}

function chain({ pipeline, eventId, verdict, sightings, inEvents }: Answer, style: Style): string {
  const marks = { yes: style.green('✔'), no: style.dim('–'), unknown: style.yellow('?') };
  const lines = sightings.map(
    ({ place, found, what }, n) =>
      `${marks[found]} ${style.bold((sightings[n - 1]?.place === place ? '' : place).padEnd(10))} ${found === 'no' ? style.dim(printable(what)) : printable(what)}`,
  );
  const id = eventId === null ? '' : ` ${eventId}`;
  return [
    `${style.bold(pipeline)}${id}`,
    '',
    ...lines,
    '',
    inEvents ? style.green(verdict) : style.yellow(verdict),
    '',
  ].join('\n');
}
