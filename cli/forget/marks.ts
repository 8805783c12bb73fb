import { randomBytes } from 'node:crypto';
import { type ForgetKeys, keyId, markOf } from '../../lambda/shared/forget-keys';
import type { Pipeline } from '../../pipelines/definition';
import { erasureSource, markStatements, marksQuery } from '../../sql';
import { markExpression, subjectText } from '../../sql/merge/forgotten';
import { isRaised } from '../../sql/merge/raised';
import { isForgotten, publicTables } from '../../sql/names';
import { resolvePipeline } from '../../sql/resolve';
import { warehouseTime } from '../commands/context';
import { partsOf, type Subjects } from '../commands/forget/subjects';
import { ask, transact, type Work } from './statements';
import { Marked } from './subject-finder';

/** A call that made marks. Times are epoch milliseconds. */
export interface MarkRun {
  readonly runId: string;
  readonly keyId: string;
  readonly markedAt: number;
  /** Number of its marks. */
  readonly marks: number;
  /** Rows that were erased from events, duplicates and rejects. */
  readonly rowsErased: number;
  /** When it had nothing left to do. */
  readonly sweptAt?: number;
}

export async function markRuns(work: Work, pipeline: Pipeline): Promise<MarkRun[]> {
  const rows = await ask(work, pipeline, 'forget-marks', marksQuery(pipeline));
  return rows.map((row) => ({
    runId: String(row['run_id']),
    keyId: String(row['key_id']),
    markedAt: warehouseTime(row['forgotten_at']),
    marks: Number(row['amount']),
    rowsErased: Number(row['erased']),
    ...(row['swept_at'] !== null && { sweptAt: warehouseTime(row['swept_at']) }),
  }));
}

export const newRunId = () =>
  `forget-${new Date().toISOString().replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;

/** The marks of subjects, in lists that a statement takes. */
export function* markLists(keys: ForgetKeys, subjects: readonly Subjects[]): Generator<string[]> {
  for (const { column, values } of partsOf(subjects)) yield values.map((value) => markOf(keys, column.name, value));
}

/** Marks subjects. From then on no way into `events` brings them back. */
export async function mark(work: Work, pipeline: Pipeline, subjects: readonly Subjects[], runId: string) {
  const keys = await work.cloud.forgetKeys(pipeline.name);
  for (const marks of markLists(keys, subjects)) {
    const values = { marks: JSON.stringify(marks), key_id: keyId(keys), run_id: runId };
    await transact(work, pipeline, 'forget-mark', markStatements(pipeline), values);
  }
}

/** Reads the marks, for objects that only this command can read. */
export async function readMarked(work: Work, pipeline: Pipeline): Promise<Marked> {
  const { forgotten } = publicTables(pipeline);
  const rows = await ask(work, pipeline, 'forget-marks', `select mark from ${forgotten}`);
  return new Marked(await work.cloud.forgetKeys(pipeline.name), new Set(rows.map((row) => String(row['mark']))));
}

/** Counts the events of subjects, and all events. The subjects are compared by their marks, so their values are in no text. */
export async function shareOf(work: Work, pipeline: Pipeline, subjects: readonly Subjects[]) {
  const keys = await work.cloud.forgetKeys(pipeline.name);
  const { events } = publicTables(pipeline);
  const { subject } = resolvePipeline(pipeline);
  const isOf = subject.map(
    (column) => `${markExpression(column, subjectText(column, column.sql.stored))} in (select mark from given)`,
  );
  let found = 0;
  let total = 0;
  for (const marks of markLists(keys, subjects)) {
    const [row] = await ask(
      work,
      pipeline,
      'forget-share',
      `with given as (
  select distinct m::varchar(64) as mark
  from (select json_parse({{marks}}) as list) as batch, batch.list as m
)
select count(*) as total, count(case when ${isOf.join(' or ')} then 1 end) as found
from ${events}`,
      { marks: JSON.stringify(marks) },
    );
    found += Number(row!['found']);
    total = Number(row!['total']);
  }
  return { found, total };
}

/** When rows were last erased. Undefined if none were. */
export async function lastErasure(work: Work, pipeline: Pipeline): Promise<number | undefined> {
  const [row] = await ask(
    work,
    pipeline,
    'forget-runs',
    `select max(merged_at) as at from ${publicTables(pipeline).runs} where source = '${erasureSource}' and skipped > 0`,
  );
  return row === undefined || row['at'] === null ? undefined : warehouseTime(row['at']);
}

/**
 * Forgotten records that were merged at or after a time, records that made a statement fail since then, and the newest
 * arrival of all that the archive may get.
 */
export async function arrivals(work: Work, pipeline: Pipeline, since: string) {
  const { skipped, rejects } = publicTables(pipeline);
  const [row] = await ask(
    work,
    pipeline,
    'forget-arrivals',
    `select
  count(case when merged_at >= {{since}}::timestamp and name = 'forgotten' then 1 end) as amount,
  max(case when source in ('stream', 'archive') then arrived_at end) as newest, getdate() as now,
  (select count(*) from ${rejects} where ${isRaised} and merged_at >= {{since}}::timestamp) as raised
from ${skipped}
where ${isForgotten}`,
    { since },
  );
  const newest = row!['newest'];
  return {
    amount: Number(row!['amount']),
    raised: Number(row!['raised']),
    now: warehouseTime(row!['now']),
    ...(newest !== null && { newest: warehouseTime(newest) }),
  };
}
