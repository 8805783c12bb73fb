import type { Environment } from '../../../environments/environment';
import type { Pipeline } from '../../../pipelines/definition';
import { type ForgetStatus, statusOf } from '../../forget/status-pipeline';
import { type Verified, verifyPipeline } from '../../forget/verify-pipeline';
import { plural, table } from '../../terminal';
import type { Context } from '../context';
import { done, failed, left } from './apply';
import type { Search } from './subjects';

const iso = (epochMs: number) => new Date(epochMs).toISOString();
const minute = (epochMs: number) => `${iso(epochMs).slice(0, 16).replace('T', ' ')} UTC`;

/** Shows how far the erasing is. Returns the exit code. */
export async function status(
  context: Context,
  pipelines: readonly Pipeline[],
  environment: Environment | undefined,
): Promise<number> {
  const found: ForgetStatus[] = [];
  for (const pipeline of pipelines) found.push(await statusOf(context, pipeline, environment));
  if (context.json) context.stdout.write(`${JSON.stringify({ pipelines: found.map(writtenStatus) })}\n`);
  else for (const one of found) printStatus(context, one);
  return found.every(({ isFinished }) => isFinished) ? done : left;
}

const writtenStatus = ({ runs, byItself, ...rest }: ForgetStatus) => ({
  ...rest,
  runs: runs.map(({ runId, markedAt, marks, rowsErased, sweptAt }) => ({
    runId,
    markedAt: iso(markedAt),
    subjects: marks,
    rowsErased,
    finishedAt: sweptAt === undefined ? null : iso(sweptAt),
  })),
  byItself: byItself.map(({ place, until }) => ({ place, until: until === null ? null : iso(until) })),
});

function printStatus(
  { stdout, style }: Context,
  { pipeline, runs, cameSince, raisedSince, byItself, isFinished }: ForgetStatus,
): void {
  if (runs.length === 0) {
    stdout.write(`${style.bold(pipeline)}: nobody was forgotten yet\n\n`);
    return;
  }
  const lines = [
    style.bold(pipeline),
    '',
    table(
      ['run', 'marked', 'subjects', 'rows erased', 'finished'],
      runs.map(({ runId, markedAt, marks, rowsErased, sweptAt }) => [
        runId,
        minute(markedAt),
        marks,
        rowsErased,
        sweptAt === undefined ? 'not yet' : minute(sweptAt),
      ]),
      style,
    ),
    '',
    ...(cameSince > 0
      ? [`${plural(cameSince, 'record')} of the forgotten came since, and may be in the archive or the history.`]
      : []),
    ...(raisedSince > 0
      ? [`${plural(raisedSince, 'record')} that made a statement fail became rejects since, and were not searched.`]
      : []),
    ...(isFinished ? ['The command has nothing left to do.'] : ['`npx millrace forget --apply` continues.']),
    ...byItself.map(({ place, until }) =>
      until === null
        ? `${place}: how long they are kept is not known.`
        : `${place}: gone by itself by ${minute(until)}.`,
    ),
    '',
  ];
  stdout.write(`${lines.join('\n')}\n`);
}

/** Reads every place again. Returns the exit code. */
export async function verify(context: Context, searches: readonly Search[]): Promise<number> {
  context.progress.ifInterrupted('Nothing was changed.');
  const found: Verified[] = [];
  for (const { pipeline, subjects } of searches) found.push(await verifyPipeline(context, pipeline, subjects));
  const isClean = found.every(({ finds }) => finds.length === 0);
  if (context.json)
    context.stdout.write(
      `${JSON.stringify({
        clean: isClean,
        pipelines: found.map(({ waiting, ...rest }) => ({
          ...rest,
          waiting: waiting.map(({ until, ...item }) => ({ ...item, until: iso(until) })),
        })),
      })}\n`,
    );
  else
    for (const [index, one] of found.entries())
      printVerified(
        context,
        one,
        searches[index]!.subjects.length > 0 ? 'with these subjects erases them' : 'sweeps again',
      );
  return isClean ? done : failed;
}

/** Most finds that are printed. `--json` has all. */
const mostPrinted = 50;

/** @param remedy what `forget --apply` does about finds */
function printVerified(
  { stdout, style }: Context,
  { pipeline, read, finds, waiting, unsearched }: Verified,
  remedy: string,
): void {
  const amounts = read.map(
    ({ place, amount }) => `${amount} ${place === 'relations' ? 'relations' : `objects of ${place}`}`,
  );
  const lines = [
    `${style.bold(pipeline)}: read ${amounts.join(', ')}`,
    '',
    ...(finds.length === 0
      ? ['Nothing was found that should be gone.']
      : [
          // Not a table, which cuts long texts: a person needs the whole URL.
          ...finds
            .slice(0, mostPrinted)
            .map(({ place, where, records, note }) =>
              [
                `${place}: ${where}`,
                ...(records === undefined ? [] : [plural(records, 'record')]),
                ...(note ? [note] : []),
              ].join(', '),
            ),
          ...(finds.length > mostPrinted ? [`and ${finds.length - mostPrinted} more; --json has all`] : []),
          '',
          `\`npx millrace forget --apply\` ${remedy}.`,
        ]),
    ...waiting.map(
      ({ place, records, until }) =>
        `${place}: ${plural(records, place === 'work files' ? 'file' : 'row')}, gone by itself by ${minute(until)}.`,
    ),
    ...unsearched.slice(0, mostPrinted).map((text) => `Not searched: ${text}.`),
    '',
  ];
  stdout.write(`${lines.join('\n')}\n`);
}
