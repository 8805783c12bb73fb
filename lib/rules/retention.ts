import type { Pipeline } from '../../pipelines/definition';
import { daysOf } from '../../sql/tables/retention';
import { declaredTwice, must, problem } from './format';

/** Problems of how long a pipeline keeps its data. */
export function retentionProblems({ retention, ...pipeline }: Pipeline, at: string): string[] {
  if (!retention) return [];
  if (Object.keys(retention).length === 0) return [problem(at, 'name what is deleted, or be left out', retention)];
  return [...timeProblems(retention, pipeline, at), ...archiveProblems(retention, pipeline, at)];
}

function timeProblems(
  { events, eventTime }: NonNullable<Pipeline['retention']>,
  { columns, history }: Pick<Pipeline, 'columns' | 'history'>,
  at: string,
): string[] {
  const field = `${at}.eventTime`;
  const times = columns.filter(({ type, required }) => type === 'timestamp' && required).map(({ name }) => name);
  const choice = times.length > 0 ? `one of ${times.join(', ')}` : 'a required timestamp column';
  if (eventTime === undefined)
    return must(
      events === undefined || history === undefined,
      field,
      `name ${choice}, because files of history have no arrival times`,
      eventTime,
    );
  if (events === undefined) return [problem(field, 'be left out, because no event is deleted', eventTime)];
  return must(times.includes(eventTime), field, `name ${choice}`, eventTime);
}

function archiveProblems(
  { archive }: NonNullable<Pipeline['retention']>,
  { stream: { retentionHours } }: Pick<Pipeline, 'stream'>,
  at: string,
): string[] {
  const least = Math.ceil(retentionHours / 24) + 1;
  if (archive === undefined || daysOf(archive) >= least) return [];
  return [problem(`${at}.archive`, `be at least ${least} days, a day more than the stream keeps a record`, archive)];
}

const subjectTypes: readonly string[] = ['varchar', 'integer', 'bigint'];

/** Problems of the columns that name persons. */
export function subjectProblems(
  { subject = [], columns }: Pick<Pipeline, 'subject' | 'columns'>,
  at: string,
): string[] {
  const possible = columns.filter(({ type }) => subjectTypes.includes(type)).map(({ name }) => name);
  return [
    ...subject.flatMap((name) =>
      must(
        possible.includes(name),
        at,
        `name columns of type varchar, integer or bigint (${possible.join(', ')})`,
        name,
      ),
    ),
    ...declaredTwice(at, subject),
  ];
}
