import type { Pipeline } from '../../../pipelines/definition';
import { windowStartOf } from '../../../sql/exports/windows';
import { raisedKey, unlessRaised } from '../../../sql/forget/raised';
import { isRaised } from '../../../sql/merge/raised';
import { isUnmerged, landedHours, landingName, publicTables, quoteIdentifier, quoteLiteral } from '../../../sql/names';
import { withoutComments } from '../../../sql/text/tokens';
import { payloadPath } from '../../../sql/typing/column';
import { outputColumns } from '../../../sql/views/output-columns';
import { viewColumns } from '../../../sql/views/public-view';
import { keysOfSubjects, readRaised } from '../../forget/raised';
import { type Context, queryRows, warehouseTime } from '../context';
import type { Subjects } from './subjects';

/** Rows of a place, with their bytes where they have a payload. Times are epoch milliseconds. */
export interface RowsFound {
  rows: number;
  bytes: number;
  /** The newest time from which the retention counts. */
  newest?: number;
}

/** A history object that holds records of a subject, or was loaded together with one that does. */
export interface ObjectFound {
  readonly bucket: string;
  readonly key: string;
  readonly bytes: number;
}

/** What the warehouse knows about subjects. */
export interface WarehouseFacts {
  /** The warehouse's time. */
  now: number;
  /** All events of the pipeline. */
  total: number;
  events: RowsFound;
  duplicates: RowsFound;
  rejects: RowsFound;
  staged: RowsFound;
  landing: RowsFound;
  /** Records that the stream still holds, as far as they are merged. */
  stream: RowsFound;
  /** Rows of views that have a column of the same name. */
  views: RowsFound;
  /** Rows of exports that have a column of the same name, and by location the publications of the windows. */
  exports: { rows: number; publications: Map<string, { readonly objects: number; readonly bytes: number }> };
  /** Hours of arrival, as epoch milliseconds. */
  hours: Set<number>;
  /** By bucket and key. */
  objects: Map<string, ObjectFound>;
  /** Events of history whose object is not known, because they were rejects before. */
  withoutObject: number;
  /**
   * Records that nothing can search: rejects without a payload, those that made a statement fail and cannot be read, and
   * records that are not merged.
   */
  unsearched: { rejects: number; raised: number; landing: number };
}

const none = (): RowsFound => ({ rows: 0, bytes: 0 });

/** Makes the facts of a pipeline without subjects. */
export async function emptyFacts(context: Context, pipeline: Pipeline): Promise<WarehouseFacts> {
  const { events, rejects } = publicTables(pipeline);
  const [row] = await queryRows(
    context,
    'forget-totals',
    `select
  getdate() as now, (select count(*) from ${events}) as total, (select count(*) from ${rejects} where payload is null and not (${isRaised})) as rejects,
  (select count(*) from ${landingName(pipeline)} where ${isUnmerged(pipeline)}) as landing`,
  );
  return {
    now: warehouseTime(row!['now']),
    total: Number(row!['total']),
    events: none(),
    duplicates: none(),
    rejects: none(),
    staged: none(),
    landing: none(),
    stream: none(),
    views: none(),
    exports: { rows: 0, publications: new Map() },
    hours: new Set(),
    objects: new Map(),
    withoutObject: 0,
    unsearched: { rejects: Number(row!['rejects']), raised: 0, landing: Number(row!['landing']) },
  };
}

/** Adds what the warehouse has about a part of the subjects. */
export async function addRows(
  context: Context,
  pipeline: Pipeline,
  part: Subjects,
  facts: WarehouseFacts,
): Promise<void> {
  const search = searchOf(pipeline, part);
  await addTables(context, pipeline, search, facts);
  await addOrigins(context, search, facts);
  for (const { name } of pipeline.views)
    if (viewColumns(pipeline, name).some((column) => column.name === part.column.name))
      await addViewRows(context, pipeline, name, search, facts);
  for (const definition of pipeline.exports) await addPublications(context, pipeline, definition, search, facts);
}

const items = 'source, shard_id, sequence_number, arrived_at, run_id';

/** SQL that finds the rows of a part. */
interface SubjectSearch {
  /** Condition on events, views and results of exports. */
  readonly ofColumn: (of?: string) => string;
  /** Condition on a relation with a payload. */
  readonly ofPayload: string;
  /** Query of all rows of the tables: was, event_id, source, shard_id, sequence_number, arrived_at, run_id, bytes, kept_from. */
  readonly all: string;
  readonly ledger: string;
  readonly values: Record<string, string>;
}

function searchOf(pipeline: Pipeline, { column, values }: Subjects): SubjectSearch {
  const { events, duplicates, rejects, ledger } = publicTables(pipeline);
  const named = Object.fromEntries(values.map((value, n) => [`v${n}`, value]));
  const list = values.map((_, n) => `{{v${n}}}`).join(', ');
  const ofColumn = (of = '') => `${of}${quoteIdentifier(column.name)}::varchar(65535) in (${list})`;
  const ofPayload = `${payloadPath(column.path)}::varchar(65535) in (${list})`;
  const { eventTime = 'arrived_at' } = pipeline.retention ?? {};
  const all = `found as (
  select event_id, ${items}, json_size(payload)::bigint as bytes, ${quoteIdentifier(eventTime)} as kept_from
  from ${events}
  where ${ofColumn()}
),
all_rows as (
  select 'events' as was, ${items}, bytes, kept_from from found
  union all
  select 'duplicates' as was, ${items.replace(/\b(?=[a-z])/g, 'd.')}, 0 as bytes, f.kept_from
  from ${duplicates} d
  inner join (select event_id, max(kept_from) as kept_from from found group by event_id) f on f.event_id = d.event_id
  union all
  select 'rejects' as was, ${items}, ${unlessRaised('json_size(payload)::bigint')} as bytes, merged_at as kept_from
  from ${rejects}
  where ${unlessRaised(ofPayload)}
)`;
  return { ofColumn, ofPayload, all, ledger, values: named };
}

/** Most keys of one statement. */
const mostKeys = 200;

/** Adds the rejects of records that made a statement fail, which no other statement looks into. */
export async function addRaised(
  context: Context,
  pipeline: Pipeline,
  subjects: readonly Subjects[],
  facts: WarehouseFacts,
): Promise<void> {
  const raised = await readRaised(context, pipeline);
  facts.unsearched.raised += raised.unsearched.length;
  const values = new Set(subjects.flatMap((of) => of.values.map((value) => `${of.column.name}=${value}`)));
  const keys = new Set(keysOfSubjects(pipeline, raised, { has: (column, value) => values.has(`${column}=${value}`) }));
  const { rejects, ledger } = publicTables(pipeline);
  for (let at = 0; at < keys.size; at += mostKeys) {
    const list = [...keys].slice(at, at + mostKeys).map(quoteLiteral);
    const all = `all_rows as (
  select 'rejects' as was, ${items}, 0::bigint as bytes, merged_at as kept_from
  from ${rejects}
  where ${raisedKey} in (${list.join(', ')})
)`;
    const search = { all, ofPayload: 'false', ledger, values: {} };
    await addTables(context, pipeline, search, facts);
    await addOrigins(context, search, facts);
  }
}

type TableSearch = Pick<SubjectSearch, 'all' | 'ofPayload' | 'ledger' | 'values'>;

async function addTables(
  context: Context,
  pipeline: Pipeline,
  { all, ofPayload, values }: TableSearch,
  facts: WarehouseFacts,
): Promise<void> {
  const { staged, staged_archive } = publicTables(pipeline);
  const record = "split_part(translate(sequence_number, '/.', '::'), ':', 1)";
  const rows = await queryRows(
    context,
    'forget-rows',
    `with ${all},
positions as (
  select distinct shard_id, ${record} as sequence_number, arrived_at
  from all_rows
  where shard_id is not null
)
select was, count(*) as amount, coalesce(sum(bytes), 0) as bytes, max(kept_from) as newest from all_rows group by was
union all
select 'stream' as was, count(*) as amount, 0 as bytes, max(arrived_at) as newest
from positions
where arrived_at > dateadd(hour, -${pipeline.stream.retentionHours}, getdate())
union all
select 'landing' as was, count(*) as amount, 0 as bytes, max(l.approximate_arrival_timestamp) as newest
from ${landingName(pipeline)} l
inner join positions p on p.shard_id = l.shard_id and p.sequence_number = l.sequence_number
union all
select 'staged' as was, count(*) as amount, 0 as bytes, null::timestamp as newest from ${staged} where ${ofPayload}
union all
select 'staged' as was, count(*) as amount, 0 as bytes, null::timestamp as newest from ${staged_archive} where ${ofPayload}`,
    values,
  );
  for (const row of rows) {
    const found =
      facts[String(row['was']).trim() as 'events' | 'duplicates' | 'rejects' | 'staged' | 'landing' | 'stream'];
    found.rows += Number(row['amount']);
    found.bytes += Number(row['bytes']);
    if (typeof row['newest'] === 'string') found.newest = Math.max(found.newest ?? 0, warehouseTime(row['newest']));
  }
}

/** Where the records came from: hours of the archive, and objects of history. */
async function addOrigins(
  context: Context,
  { all, ledger, values }: TableSearch,
  facts: WarehouseFacts,
): Promise<void> {
  const hours = await queryRows(
    context,
    'forget-hours',
    `with ${all}\nselect distinct date_trunc('hour', arrived_at) as hour from all_rows where source in ('stream', 'archive') and arrived_at is not null`,
    values,
  );
  for (const { hour } of hours) facts.hours.add(warehouseTime(hour));
  const objects = await queryRows(
    context,
    'forget-objects',
    `with ${all}
select l.bucket, l.object_key, max(l.size) as size, sum(case when l.object_key is null then r.amount end) as lost
from (select run_id, count(*) as amount from all_rows where source = 'history' group by run_id) r
left join ${ledger} l on l.run_id = r.run_id and l.source <> 'archive'
group by l.bucket, l.object_key`,
    values,
  );
  for (const row of objects) {
    if (row['object_key'] === null) facts.withoutObject += Number(row['lost']);
    else {
      const [bucket, key] = [String(row['bucket']), String(row['object_key'])];
      facts.objects.set(`${bucket}/${key}`, { bucket, key, bytes: Number(row['size'] ?? 0) });
    }
  }
}

async function addViewRows(
  context: Context,
  pipeline: Pipeline,
  view: string,
  { ofColumn, values }: SubjectSearch,
  facts: WarehouseFacts,
): Promise<void> {
  const relation = `${quoteIdentifier(pipeline.name)}.${quoteIdentifier(view)}`;
  const [row] = await queryRows(
    context,
    'forget-view',
    `select count(*) as amount from ${relation} where ${ofColumn()}`,
    values,
  );
  facts.views.rows += Number(row!['amount']);
}

/** Windows whose rows have the subject today, with all their publications. Of a snapshot, every publication. */
async function addPublications(
  context: Context,
  pipeline: Pipeline,
  { name, query, content, engine = 'redshift' }: Pipeline['exports'][number],
  { ofColumn, values }: SubjectSearch,
  facts: WarehouseFacts,
): Promise<void> {
  if (engine !== 'redshift') return;
  const [column] = ofColumn().split('::');
  if (!outputColumns(pipeline, query).some((output) => quoteIdentifier(output.name!) === column)) return;
  const { exports } = publicTables(pipeline);
  const isWindow = content.kind === 'incremental';
  const start = isWindow
    ? windowStartOf(`exported.${quoteIdentifier(content.timeColumn)}`, content.window)
    : 'null::timestamp';
  const rows = await queryRows(
    context,
    'forget-export',
    `with matching as (
  select ${start} as window_start, count(*) as amount
  from (
${withoutComments(query).trim().replace(/;$/, '')}
  ) as exported
  where ${ofColumn('exported.')}
  group by 1
)
select null::varchar(2048) as location, coalesce(sum(amount), 0)::bigint as amount, null::bigint as files, null::bigint as bytes
from matching
union all
select p.location, 0::bigint as amount, p.file_count::bigint as files, p.byte_count::bigint as bytes
from ${exports} p
where p.export = ${quoteLiteral(name)} and ${isWindow ? 'p.window_start in (select window_start from matching)' : '(select count(*) from matching) > 0'}`,
    values,
  );
  for (const { location, amount, files, bytes } of rows) {
    facts.exports.rows += Number(amount);
    // Subjects of several statements may be in one publication.
    if (location !== null)
      facts.exports.publications.set(String(location), { objects: Number(files), bytes: Number(bytes) });
  }
}

/** Milliseconds for which the landing view keeps a record after its arrival, an hour of which may be the trim's. */
export const landedMs = (pipeline: Pipeline) => (landedHours(pipeline) + 1) * 3_600_000;
