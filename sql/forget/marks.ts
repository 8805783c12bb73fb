import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Pipeline } from '../../pipelines/definition';
import { lockStatement } from '../merge/merge';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';

/**
 * One transaction that marks subjects. Marks that exist stay as they are, so it can be repeated. It waits for merges that
 * have not seen the marks: what they bring is there when the rows are erased. Placeholders: `marks` (JSON text: a list of
 * at most 500), `key_id`, `run_id`.
 */
export function markStatements(definition: Pipeline): StatementTemplate[] {
  const pipeline = resolvePipeline(definition);
  const { forgotten } = pipeline.tables;
  return [
    lockStatement(pipeline),
    `insert into ${forgotten} (mark, key_id, run_id, forgotten_at)
with given as (
  select distinct m::varchar(64) as mark
  from (select json_parse({{marks}}) as list) as batch, batch.list as m
)
select g.mark, {{key_id}}, {{run_id}}, getdate()
from given g
left join ${forgotten} f on f.mark = g.mark
where f.mark is null`,
  ];
}

/** SQL for the id of the run that says that a run of marks has nothing left to do. */
export const sweptRun = (run: string) => `${run} || '-swept'`;

/**
 * Makes the row of `runs` that says so, or renews its time. What was merged at that time or later is not swept. It can be
 * repeated. Placeholders: `run_id`, the run of the marks, and `swept_at`.
 */
export function sweptStatements(definition: Pipeline): StatementTemplate[] {
  const pipeline = resolvePipeline(definition);
  const { runs } = pipeline.tables;
  const swept = sweptRun('{{run_id}}');
  return [
    lockStatement(pipeline),
    `update ${runs} set merged_at = {{swept_at}}::timestamp where run_id = ${swept}`,
    `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, skipped, merged_at)
select ${swept}, '${erasureSource}', 0, 0, 0, 0, 0, {{swept_at}}::timestamp
from (select count(*) as amount from ${runs} where run_id = ${swept}) as done
where amount = 0`,
  ];
}

/** The `source` of runs that erase. */
export const erasureSource = 'forgotten';

/**
 * Rows `run_id, key_id, forgotten_at, amount, erased, swept_at`, the oldest first: the runs that made marks, each with the
 * number of its marks, the number of rows that it erased, and the time at which it had nothing left to do, or null.
 */
export function marksQuery(definition: Pipeline): StatementTemplate {
  const { publicTables } = resolvePipeline(definition);
  return marksOf(publicTables);
}

const marksOf = ({ forgotten, runs }: ResolvedPipeline['publicTables']): StatementTemplate => `select
  f.run_id, f.key_id, f.forgotten_at, f.amount, coalesce(e.erased, 0) as erased, s.swept_at
from (
  select run_id, key_id, min(forgotten_at) as forgotten_at, count(*) as amount
  from ${forgotten}
  group by run_id, key_id
) f
left join (
  select run_id, sum(skipped) as erased
  from ${runs}
  where source = '${erasureSource}'
  group by run_id
) e on e.run_id = f.run_id
left join (
  select run_id, max(merged_at) as swept_at
  from ${runs}
  where source = '${erasureSource}'
  group by run_id
) s on s.run_id = ${sweptRun('f.run_id')}
order by f.forgotten_at, f.run_id`;
