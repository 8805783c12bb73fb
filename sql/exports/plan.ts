import {
  type ExportItem,
  type ExportPlan,
  type ItemColumn,
  type ItemContent,
  type ItemFormat,
  windowStart,
} from '../../lambda/export/contract';
import { defaultFullPassHour } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { ExportContent, ExportDefinition, ExportFormat, Pipeline } from '../../pipelines/definition';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';
import { identifier } from '../text/identifier';
import { indent } from '../text/indent';
import { withoutComments } from '../text/tokens';
import { withViewsBehind } from '../views/compiled-views';
import { outputColumns } from '../views/output-columns';
import { relationReferences } from '../views/relations';
import { completeUntil } from './complete-until';
import { eventsTime } from './events-time';
import { fingerprint } from './fingerprint';
import { materializeColumns, materializeStatements } from './materialize';
import { sinceTime, windowOf, windowStartOf } from './windows';

const defaultMaxFileMb = 256;
const defaultWindowsPerTick = 1000;
/** Most rows of a survey: more windows than a batch publishes, and they fit one page of the Data API. */
const surveyLimit = 500;
/** The publications of an export; `newest` is 1 for the newest one of each window. */
const newestOf = (pipeline: ResolvedPipeline, definition: ExportDefinition) => `select
    window_start, row_count, fingerprint, coalesce(revision, 0) as revision,
    row_number() over (partition by window_start order by coalesce(revision, 0) desc) as newest
  from ${pipeline.tables.exports}
  where ${ofExport(definition)}`;

/** The start of the one window that represents all windows before `since`. */
const beforeSince = '0001-01-01 00:00:00';
type Incremental = Extract<ExportContent, { kind: 'incremental' }>;

/** Makes the plan of the export function. The pipeline must be valid. */
export function exportPlan(definition: Pipeline, fullPassHour = defaultFullPassHour): ExportPlan {
  const pipeline = resolvePipeline(definition);
  return {
    pipeline: pipeline.name,
    fullPassHour,
    everyMinutes: exportEveryMinutes(definition),
    exports: definition.exports.map((each) => exportItem(pipeline, each)),
  };
}

/** One schedule serves all exports of a pipeline, so the most frequent export decides. */
function exportEveryMinutes({ exports }: Pick<Pipeline, 'exports'>): number {
  return Math.min(...exports.map(everyMinutes));
}

/** Checking an open window costs one cheap query, and 15 minutes bound the delay of a closed one. */
function everyMinutes({ everyMinutes: given, content }: ExportDefinition): number {
  const window = windowOf(content);
  return given ?? (typeof window === 'string' ? 15 : Math.min(window.minutes, 15));
}

function exportItem(pipeline: ResolvedPipeline, definition: ExportDefinition): ExportItem {
  const { name, content, engine = 'redshift' } = definition;
  const { exports } = pipeline.tables;
  return {
    name,
    engine,
    content: itemContent(content),
    format: itemFormat(definition.format),
    windowsPerTick: definition.windowsPerTick ?? defaultWindowsPerTick,
    state: stateQuery(pipeline, definition),
    revisions: `select coalesce(revision, 0) as revision\nfrom ${exports}\nwhere ${ofExport(definition)} and window_start = {{window_start}}::timestamp`,
    locations: `select location\nfrom ${exports}\nwhere ${ofExport(definition)}`,
    record: recordStatements(pipeline, definition),
    ...(engine === 'materialize'
      ? {
          columns: materializeColumns(definition),
          ...materializeStatements(definition),
          published: `select window_start, row_count, fingerprint, revision\nfrom (\n  ${newestOf(pipeline, definition)}\n) as numbered\nwhere newest = 1`,
        }
      : redshiftStatements(pipeline, definition)),
  };
}

function redshiftStatements(pipeline: ResolvedPipeline, definition: ExportDefinition) {
  const columns = outputColumns(pipeline.definition, definition.query).map(({ name, type }) => ({
    name: name!,
    type: type!,
  }));
  const source = sourceOf(definition, columns);
  return {
    columns,
    ...(definition.content.kind === 'incremental' ? surveyQueries(pipeline, definition, source) : {}),
    count: `select count(*) as row_count, ${fingerprint(columns)} as fingerprint\n${source.from}${source.where('{{window_start}}', '{{window_end}}')}`,
    unload: unloadStatement(definition, source),
  };
}

function itemContent(content: ExportContent): ItemContent {
  if (content.kind === 'snapshot') return { kind: 'snapshot', window: content.every };
  const { window, latenessMinutes = 0, corrections = false, since } = content;
  const common = { kind: 'incremental', window, latenessMinutes, corrections } as const;
  return since === undefined ? common : { ...common, since: windowStart(window, sinceTime(since)) };
}

function itemFormat(format: ExportFormat): ItemFormat {
  const { kind, partitionBy = [] } = format;
  if (kind === 'parquet') return { kind, compression: 'snappy', partitionBy };
  const compression = (format.gzip ?? true) ? 'gzip' : 'none';
  if (kind === 'json') return { kind, compression, partitionBy };
  return { kind, compression, partitionBy, header: format.header ?? true, delimiter: format.delimiter ?? ',' };
}

/** The exported rows, and the rows of one window. */
interface Source {
  readonly names: string;
  readonly from: string;
  where(start: string, end: string): string;
}

function sourceOf({ query, content }: ExportDefinition, columns: readonly ItemColumn[]): Source {
  return {
    names: columns.map(({ name }) => `exported.${identifier(name)}`).join(', '),
    from: `from (\n${indent(withoutComments(query))}\n) as exported`,
    where(start, end) {
      if (content.kind === 'snapshot') return '';
      const time = timeOf(content);
      return `\nwhere ${time} >= ${start}::timestamp and ${time} < ${end}::timestamp`;
    },
  };
}

const timeOf = ({ timeColumn }: { readonly timeColumn: string }) => `exported.${identifier(timeColumn)}`;
const ofExport = ({ name }: ExportDefinition) => `export = ${quoteLiteral(name)}`;

function stateQuery(pipeline: ResolvedPipeline, definition: ExportDefinition): string {
  const { exports, checkpoints, view_failures: failures } = pipeline.tables;
  const read = viewsBehind(pipeline, definition);
  const ofViews = `view_name in (${read.map(quoteLiteral).join(', ')})`;
  const failure =
    read.length === 0
      ? 'null::varchar(2048)'
      : `(select min(view_name || ': ' || error) from ${failures} where ${ofViews} and error is not null)`;
  // Data in Materialize is as old as its sources. The windows' lateness allows for that.
  const until = definition.engine === 'materialize' ? 'getdate()' : `(${completeUntil(checkpoints)})`;
  const of = (what: string) => `(select ${what} from ${exports} where ${ofExport(definition)})`;
  return `select
  ${of('max(sequence)')} as sequence,
  ${of('max(window_end)')} as last_end,
  ${of('min(published_at)')} as born,
  ${until} as complete_until,
  ${failure} as failure`;
}

/** Returns the views that an export reads, directly or through other views. */
function viewsBehind({ name: pipeline, views }: ResolvedPipeline, { query, engine }: ExportDefinition): string[] {
  // An export from Materialize reads Materialize's own views.
  if (engine === 'materialize') return [];
  const named = new Set(relationReferences(query).flatMap(({ schema, name }) => (schema === pipeline ? [name] : [])));
  return withViewsBehind(views, named);
}

/**
 * Queries of windows: all that differ from what was published, those within a span of time, and those that recent
 * merges may have changed.
 */
function surveyQueries(pipeline: ResolvedPipeline, definition: ExportDefinition, source: Source) {
  const { content } = definition;
  if (content.kind === 'snapshot') throw new Error(`export ${definition.name} has no windows to survey`);
  const stretch = source.where('{{window_start}}', '{{window_end}}');
  const merged = eventsTime(pipeline.definition, definition.query, content.timeColumn);
  return {
    survey: surveyQuery(pipeline, definition, source),
    surveyWithin: surveyQuery(pipeline, definition, source, {
      rows: indent(stretch),
      windows: ' and p.window_start >= {{window_start}}::timestamp and p.window_start < {{window_end}}::timestamp',
    }),
    ...(merged === undefined
      ? {}
      : { touched: touchedQuery(pipeline, definition, windowStartOf(merged, content.window)) }),
  };
}

/**
 * SQL for the window that the survey lists. Windows before `since` that are not published count as one, which never
 * is. One that is published keeps its rows, if `since` was moved.
 */
function surveyedStart({ window, since }: Incremental): string | undefined {
  if (since === undefined) return undefined;
  const beginning = `${quoteLiteral(timestampText(windowStart(window, sinceTime(since))))}::timestamp`;
  return `case when w.window_start < ${beginning} and p.window_start is null then '${beforeSince}'::timestamp else w.window_start end`;
}

/**
 * Windows in which events were merged since the placeholder `since`: published windows, and windows before the first
 * run, which are published once they have rows.
 */
function touchedQuery(pipeline: ResolvedPipeline, definition: ExportDefinition, start: string): string {
  return `with merged as (
  select distinct ${start} as window_start
  from ${pipeline.publicTables.events} e
  where e.merged_at >= {{since}}::timestamp
)
select distinct m.window_start
from merged m
left join ${pipeline.tables.exports} p on p.window_start = m.window_start and p.${ofExport(definition)}
where p.window_start is not null or m.window_start < (select min(published_at) from ${pipeline.tables.exports} where ${ofExport(definition)})
order by 1`;
}

/**
 * SQL for the time before which published windows stay as they are: the retention has deleted events of them, or is about
 * to. A day is added, because the clocks of producers differ and an export may cut windows by another time.
 */
const frozenUntil = ({ retention }: ResolvedPipeline) =>
  retention?.events && `dateadd(day, -${Math.max(retention.events.days - 1, 0)}, getdate())`;

/** @param within conditions on the rows and on the published windows. Without them all are compared */
function surveyQuery(
  pipeline: ResolvedPipeline,
  definition: ExportDefinition,
  { from }: Source,
  within = { rows: '', windows: '' },
): string {
  const { content } = definition;
  if (content.kind === 'snapshot') throw new Error(`export ${definition.name} has no windows to survey`);
  const time = timeOf(content);
  const columns = outputColumns(pipeline.definition, definition.query).map(({ name, type }) => ({
    name: name!,
    type: type!,
  }));
  const beginning = surveyedStart(content);
  const differs = 'p.row_count <> w.row_count or p.fingerprint <> w.fingerprint';
  const frozen = frozenUntil(pipeline);
  const changed = `p.window_start is null or ${frozen ? `((${differs}) and w.window_start >= ${frozen})` : differs}`;
  // All rows of a published window may be gone, if people were forgotten or if the query was changed.
  const emptied = `select p.window_start, 0::bigint as row_count, p.row_count as published_rows, p.revision
  from numbered p
  left join windows w on w.window_start = p.window_start
  where p.newest = 1 and p.row_count > 0 and w.window_start is null${within.windows}${frozen ? ` and p.window_start >= ${frozen}` : ''}`;
  const found =
    beginning === undefined
      ? 'w.window_start, w.row_count'
      : `${beginning} as window_start, sum(w.row_count)::bigint as row_count`;
  return `with windows as (
  select ${windowStartOf(time, content.window)} as window_start, count(*) as row_count, ${fingerprint(columns)} as fingerprint
  ${indent(from).trimStart()}${within.rows}
  group by 1
),
numbered as (
  ${newestOf(pipeline, definition)}
),
changed as (
  select ${found}, p.row_count as published_rows, p.revision
  from windows w
  left join numbered p on p.window_start = w.window_start and p.newest = 1
  where ${changed}${beginning === undefined ? '' : '\n  group by 1, 3, 4'}
  union all
  ${emptied}
)
select window_start, row_count, published_rows, revision
from changed
order by
  case
    when window_start is null then 0
    when revision is null and window_start < getdate() then 1
    when revision is not null then 2
    else 3
  end,
  window_start
limit ${surveyLimit}`;
}

const timestampText = (epochMs: number) => new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');

function unloadStatement(definition: ExportDefinition, { names, from, where }: Source): string {
  const query = `select ${names}\n${from}${where('{{window_start:nested}}', '{{window_end:nested}}')}`;
  const { format } = definition;
  const options = [
    ...formatOptions(format),
    ...(format.partitionBy?.length ? [`partition by (${format.partitionBy.map(identifier).join(', ')})`] : []),
    `manifest verbose encrypted auto maxfilesize ${format.maxFileMb ?? defaultMaxFileMb} mb`,
  ];
  return `unload (${quoteLiteral(query)})\nto {{target}} iam_role {{unload_role}}\n${options.join(' ')}`;
}

function formatOptions(format: ExportFormat): string[] {
  if (format.kind === 'parquet')
    return ['format parquet', ...(format.rowGroupMb === undefined ? [] : [`rowgroupsize ${format.rowGroupMb} mb`])];
  const gzip = (format.gzip ?? true) ? ['gzip'] : [];
  if (format.kind === 'json') return ['format json', ...gzip];
  return [
    'format csv',
    ...(format.delimiter === undefined ? [] : [`delimiter ${quoteLiteral(format.delimiter)}`]),
    ...((format.header ?? true) ? ['header'] : []),
    ...gzip,
  ];
}

/**
 * Records publications. A location belongs to one run, so each run is recorded once. The lock keeps two functions
 * from checking at the same time.
 */
function recordStatements(pipeline: ResolvedPipeline, definition: ExportDefinition): string[] {
  const { exports } = pipeline.tables;
  return [
    `lock ${exports}`,
    `insert into ${exports} (
  export, window_start, window_end, run_id, row_count, file_count, location, published_at, revision, sequence, byte_count, fingerprint,
  statement_id
)
with given as (
  select
    o."start"::varchar(32) as window_start, o."end"::varchar(32) as window_end, o."runId"::varchar(128) as run_id,
    o."rows"::bigint as row_count, o."files"::bigint as file_count, o."location"::varchar(2048) as location,
    o."revision"::bigint as revision, o."sequence"::bigint as sequence, o."bytes"::bigint as byte_count,
    o."fingerprint"::varchar(64) as fingerprint, o."statementId"::varchar(128) as statement_id
  from (select json_parse({{publications}}) as list) as batch, batch.list as o
)
select
  ${quoteLiteral(definition.name)}, g.window_start::timestamp, g.window_end::timestamp, g.run_id, g.row_count, g.file_count, g.location,
  getdate(), g.revision, g.sequence, g.byte_count, g.fingerprint, g.statement_id
from given g
left join ${exports} p on p.${ofExport(definition)} and p.location = g.location
where p.location is null`,
  ];
}
