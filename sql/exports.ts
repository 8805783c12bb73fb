import type { ExportItem, ExportPlan } from '../lambda/export/contract';
import { quoteLiteral } from '../lambda/shared/quote';
import type { ExportDefinition, Pipeline } from '../pipelines/definition';
import { identifier } from './identifier';
import { pipelineTables } from './names';
import { indent } from './record';
import { withoutComments } from './tokens';

/** What the export function carries. */
export function exportPlan(pipeline: Pipeline): ExportPlan {
  return { pipeline: pipeline.name, exports: pipeline.exports.map((definition) => exportItem(pipeline, definition)) };
}

function exportItem(pipeline: Pipeline, definition: ExportDefinition): ExportItem {
  const { name, format, windowMinutes, latenessMinutes = 0 } = definition;
  return {
    name,
    format,
    windowMinutes,
    latenessMinutes,
    next: nextQuery(pipeline, definition),
    unload: unloadStatement(definition),
    count: `select count(*) as "rows"\nfrom ${exported(definition)}\nwhere ${inWindow(definition, '{{window_start}}', '{{window_end}}')}`,
    record: recordStatement(pipeline, name),
  };
}

function exported({ query }: ExportDefinition): string {
  return `(\n${indent(withoutComments(query))}\n) as exported`;
}

function inWindow({ timeColumn }: ExportDefinition, start: string, end: string): string {
  const time = `exported.${identifier(timeColumn)}`;
  return `${time} >= ${start}::timestamp and ${time} < ${end}::timestamp`;
}

/** The start of a time's window: windows are aligned to midnight UTC. */
function windowStart({ timeColumn, windowMinutes }: ExportDefinition): string {
  const time = `exported.${identifier(timeColumn)}`;
  if (windowMinutes === 60) return `date_trunc('hour', ${time})`;
  if (windowMinutes === 1440) return `date_trunc('day', ${time})`;
  const day = `date_trunc('day', ${time})`;
  const minutes = `datediff(minute, ${day}, ${time})`;
  return `dateadd(minute, ${minutes} - mod(${minutes}, ${windowMinutes}), ${day})`;
}

/**
 * The earliest window that has rows and was never published, so that history which arrives after the stream's first export still gets
 * its windows; with none left, where the last published window ends.
 */
function nextQuery(pipeline: Pipeline, definition: ExportDefinition): string {
  const { exports, checkpoints } = pipelineTables(pipeline);
  const ours = `export = ${quoteLiteral(definition.name)}`;
  return `with windows as (
  select distinct ${windowStart(definition)} as window_start
  from ${indent(exported(definition)).trimStart()}
),
published as (
  select window_start, window_end
  from ${exports}
  where ${ours}
)
select
  coalesce(
    (
      select min(w.window_start)
      from windows w
      left join published p on p.window_start = w.window_start
      where p.window_start is null
    ),
    (select max(window_end) from published)
  ) as next_start,
  (select max(complete_until) from ${checkpoints}) as merged_until`;
}

function unloadStatement(definition: ExportDefinition): string {
  const query = `select *\nfrom ${exported(definition)}\nwhere ${inWindow(definition, '{{window_start:nested}}', '{{window_end:nested}}')}`;
  const format = definition.format === 'csv' ? 'format csv header gzip' : 'format parquet';
  return `unload (${quoteLiteral(query)})
to {{target}} iam_role {{unload_role}}
${format} manifest verbose encrypted auto maxfilesize 256 mb`;
}

function recordStatement(pipeline: Pipeline, name: string): string {
  const { exports } = pipelineTables(pipeline);
  return `insert into ${exports} (export, window_start, window_end, run_id, row_count, file_count, location, published_at)
select ${quoteLiteral(name)}, {{window_start}}::timestamp, {{window_end}}::timestamp, {{run_id}}, {{rows}}::bigint, {{files}}::bigint, {{location}}, getdate()
where not exists (
  select 1 from ${exports} where export = ${quoteLiteral(name)} and window_start = {{window_start}}::timestamp
)`;
}
