import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { sameObject } from '../history/ledger';
import { markExpression, payloadText } from '../merge/forgotten';
import { lockStatement } from '../merge/merge';
import { isWaiting } from '../merge/waiting';
import { type ResolvedColumn, type ResolvedPipeline, resolvePipeline } from '../resolve';
import { foreignShard } from '../tables/foreign';
import { identifier } from '../text/identifier';
import {
  csvNull,
  type FullColumn,
  type FullTable,
  type FullTableName,
  fullCount,
  fullTables,
  type SuperForm,
  superOf,
} from './tables';

/** Ids of runs of a full export begin with this in the environment that imported it, so that they differ from its own. */
export const importedRun = (id: string) => `imported-${id}`;

const ownShard = 'shardId-';

export interface ImportedBucket {
  readonly from: string;
  readonly to: string;
}

export interface FullImport {
  /** Id of the full export. */
  readonly id: string;
  /** True if both environments read the same stream. */
  readonly sameStream: boolean;
  /** True adds to rows that are there. */
  readonly merge: boolean;
  /** Buckets of the exporting environment, and what takes their place. */
  readonly buckets: readonly ImportedBucket[];
  /** Exports whose published files are in the bucket of this environment. Publications of others are left out. */
  readonly publishedExports: readonly string[];
  readonly forms: Readonly<Partial<Record<FullTableName, SuperForm>>>;
}

/** Tables of a full export that an import does not read: the checkpoints of another environment say nothing about this one. */
const unread: readonly FullTableName[] = ['checkpoints'];

export interface ImportedTable {
  readonly table: FullTable;
  /** Creates the table that COPY fills. */
  readonly create: readonly string[];
  copy(manifestUrl: string, roleArn: string): string;
  /** SELECT of `row_count` and `fingerprint`. */
  count(form: SuperForm): string;
}

const stagingOf = ({ name }: Pick<ResolvedPipeline, 'name'>, table: FullTableName) =>
  `${name}.millrace_import_${table}`;

/** The tables that an import fills before its transaction. */
export function importedTables(definition: Pipeline): ImportedTable[] {
  const pipeline = resolvePipeline(definition);
  return readTables(pipeline).map((table) => {
    const staging = stagingOf(pipeline, table.name);
    const columns = table.columns.map(({ name, fileType }) => `  ${identifier(name)} ${fileType}`);
    const hasSuper = table.columns.some(({ type }) => type === 'super');
    const format =
      table.format === 'parquet'
        ? `format parquet${hasSuper ? ' serializetojson' : ''} statupdate off`
        : `format csv gzip null as ${quoteLiteral(csvNull)} compupdate off statupdate off`;
    return {
      table,
      create: [`drop table if exists ${staging}`, `create table ${staging} (\n${columns.join(',\n')}\n)`],
      copy: (url, roleArn) =>
        `copy ${staging} from ${quoteLiteral(url)} iam_role ${quoteLiteral(roleArn)} manifest\n${format}`,
      count: (form) => fullCount(table, staging, form),
    };
  });
}

const readTables = (pipeline: ResolvedPipeline) => fullTables(pipeline).filter(({ name }) => !unread.includes(name));

/** One transaction, and the number of the statement whose one row says what happened: see `found`. */
export interface ImportTransaction {
  readonly statements: readonly string[];
  readonly answer: number;
}

/**
 * Moves the rows from the staging tables to the pipeline's tables. It takes the lock of the merges, so that no record of
 * the stream is merged meanwhile. An event that is there already becomes a duplicate. A row whose position is there
 * already is the same record, and is left out. Where it is not accepted, nothing changes.
 */
export function importTransaction(definition: Pipeline, options: FullImport): ImportTransaction {
  const pipeline = resolvePipeline(definition);
  const { known, found } = temporary(pipeline);
  const rows = rowsOf(pipeline, options);
  const statements = [
    lockStatement(pipeline),
    knownStatement(pipeline),
    foundStatement(pipeline, options),
    // First, because afterwards every event is there.
    movedStatement(pipeline, options),
    rows('events', {
      join: `left join ${pipeline.tables.events} e on e.event_id = ${idOf(pipeline, options)}`,
      where: 'e.event_id is null',
    }),
    ...(['duplicates', 'rejects', 'rejects_large', 'skipped'] as const).map((name) => rows(name)),
    rows('ledger'),
    rows('runs'),
    rows('conversions'),
    rows('parked', {
      join: `left join ${pipeline.tables.parked} p on ${sameParked(options)}`,
      where: 'p.etag is null',
    }),
    ...(options.sameStream ? [rows('gaps')] : []),
    ...(options.publishedExports.length > 0 ? [publishedRows(pipeline, options, rows)] : []),
    runStatement(pipeline, options),
    answerStatement(pipeline, options),
  ];
  const dropped = [known, found, ...readTables(pipeline).map(({ name }) => stagingOf(pipeline, name))];
  return { statements: [...statements, `drop table ${dropped.join(', ')}`], answer: statements.length - 1 };
}

const temporary = ({ name }: Pick<ResolvedPipeline, 'name'>) => ({
  known: `${name}_import_known`,
  found: `${name}_import_found`,
});

const positioned = ['events', 'duplicates', 'rejects', 'skipped'] as const;

/** The positions of all records that are there. */
function knownStatement(pipeline: ResolvedPipeline): string {
  const positions = positioned.map(
    (table) => `select shard_id, sequence_number from ${pipeline.tables[table]} where shard_id is not null`,
  );
  return `create temp table ${temporary(pipeline).known} as
select distinct shard_id, sequence_number
from (
  ${positions.join('\n  union all\n  ')}
) as positions`;
}

/** SQL for the shard of a staged row. */
const shardOf = ({ sameStream }: FullImport) =>
  sameStream
    ? 's.shard_id'
    : `case when s.shard_id like '${ownShard}%' then '${foreignShard}' || substring(s.shard_id, ${ownShard.length + 1}) else s.shard_id end`;

/**
 * SQL for the id of a staged event. An id that is made of a position belongs to its stream, and so is made again. The
 * position of another stream would otherwise be the id of a record of this one.
 */
const idOf = ({ identity }: ResolvedPipeline, options: FullImport) =>
  identity.by === 'columns' || options.sameStream
    ? 's.event_id'
    : `case when s.shard_id is null then s.event_id else sha2(${shardOf(options)} || ':' || s.sequence_number, 256) end`;

const onKnown = (pipeline: ResolvedPipeline, options: FullImport) =>
  `left join ${temporary(pipeline).known} k on k.shard_id = ${shardOf(options)} and k.sequence_number = s.sequence_number`;

/**
 * SQL for the number of staged events and rejects of subjects that this environment has forgotten. Without a mark no digest
 * is computed. Its keys are parameters, as those of the merge.
 */
function forgottenRows(pipeline: ResolvedPipeline): string {
  const { subject, tables } = pipeline;
  if (subject.length === 0) return '0';
  const isMarked = (value: (column: ResolvedColumn) => string) =>
    subject
      .map((column) => `${markExpression(column, value(column))} in (select mark from ${tables.forgotten})`)
      .join(' or ');
  const count = (table: FullTableName, value: (column: ResolvedColumn) => string) =>
    `(select count(*) from ${stagingOf(pipeline, table)} where (select count(*) from ${tables.forgotten}) > 0 and (${isMarked(value)}))`;
  const inPayload = payloadText;
  return `${count('events', (column) => `coalesce(${column.sql.name}::varchar(65535), ${inPayload(column)})`)} + ${count('rejects', inPayload)}`;
}

/** One row: whether the import is accepted, and what of it is there already. */
function foundStatement(pipeline: ResolvedPipeline, options: FullImport): string {
  const { tables } = pipeline;
  const { found } = temporary(pipeline);
  const staged = (table: FullTableName) => stagingOf(pipeline, table);
  const count = (relation: string) => `(select count(*) from ${relation})`;
  const here = (['events', 'duplicates', 'rejects', 'skipped', 'ledger', 'exports'] as const).map((table) =>
    count(tables[table]),
  );
  const known = (table: FullTableName, where = '') =>
    count(`${staged(table)} s ${onKnown(pipeline, options)} where k.sequence_number is not null${where}`);
  const notWaiting = ` and not (${isWaiting('s.')})`;
  return `create temp table ${found} as
with counts as (
  select
    ${count(`${tables.runs} where run_id = ${quoteLiteral(importedRun(options.id))}`)} as already,
    ${here.join(' + ')} as rows_here,
    ${count(`${staged('ledger')} s inner join ${tables.ledger} l on ${sameLedger(options)}`)} as objects_twice,
    ${known('events')} as known_events, ${known('duplicates')} as known_duplicates,
    ${known('rejects', notWaiting)} + ${known('rejects_large', notWaiting)} as known_rejects, ${known('skipped')} as known_skipped,
    ${count(`${staged('events')} s inner join ${tables.events} e on e.event_id = ${idOf(pipeline, options)} ${onKnown(pipeline, options)} where k.sequence_number is null`)} as moved,
    ${forgottenRows(pipeline)} as forgotten
)
select *, case when already = 0 and objects_twice = 0 and forgotten = 0${options.merge ? '' : ' and rows_here = 0'} then 1 else 0 end as accepted
from counts`;
}

/** One row: `found`, and the rows of events and duplicates that are there now. */
function answerStatement(pipeline: ResolvedPipeline, { id }: FullImport): string {
  const { tables } = pipeline;
  const now = (table: 'events' | 'duplicates') =>
    `(select count(*) from ${tables[table]} where run_id like '${importedRun(id)}:%') as ${table}_now`;
  return `select *, ${now('events')}, ${now('duplicates')}
from ${temporary(pipeline).found}`;
}

/** SQL for a bucket in the place of another environment's. */
const bucketOf = ({ buckets }: FullImport, value: string) =>
  buckets.length === 0
    ? value
    : `case ${buckets.map(({ from, to }) => `when ${value} = ${quoteLiteral(from)} then ${quoteLiteral(to)}`).join(' ')} else ${value} end`;

const sameLedger = (options: FullImport) => sameObject('l', 's').replace('s.bucket', bucketOf(options, 's.bucket'));
const sameParked = (options: FullImport) => sameObject('p', 's').replace('s.bucket', bucketOf(options, 's.bucket'));

/** SQL for what an import makes of a staged column. */
function importedValue(
  pipeline: ResolvedPipeline,
  table: FullTable,
  { name, type, fromFile }: FullColumn,
  options: FullImport,
): string {
  const staged = `s.${identifier(name)}`;
  if (name === 'event_id') return idOf(pipeline, options);
  if (name === 'shard_id') return shardOf(options);
  if (name === 'run_id' && table.name !== 'exports') return runOf(options);
  if (name === 'bucket') return bucketOf(options, staged);
  if (name === 'location') return locationOf(options);
  return fromFile(type === 'super' ? superOf(options.forms[table.name] ?? 'value', staged) : staged);
}

const runOf = ({ id }: FullImport) => `${quoteLiteral(`${importedRun(id)}:`)} || s.run_id`;

interface More {
  readonly join: string;
  readonly where: string;
}

type Rows = (name: FullTableName, more?: More) => string;

/** Makes statements that insert the staged rows of a table. */
function rowsOf(pipeline: ResolvedPipeline, options: FullImport): Rows {
  const tables = new Map(readTables(pipeline).map((table) => [table.name, table]));
  return (name, more) => {
    const table = tables.get(name)!;
    const hasPositions = (positioned as readonly string[]).includes(table.table);
    const joins = [...(hasPositions ? [onKnown(pipeline, options)] : []), ...(more ? [more.join] : [])];
    const wheres = [...(hasPositions ? ['k.sequence_number is null'] : []), ...(more ? [more.where] : [])];
    return `insert into ${pipeline.tables[table.table]} (${table.columns.map(({ stored }) => identifier(stored)).join(', ')})
select ${table.columns.map((column) => importedValue(pipeline, table, column, options)).join(', ')}
from ${stagingOf(pipeline, name)} s
cross join ${temporary(pipeline).found} f${joins.map((join) => `\n${join}`).join('')}
where ${['f.accepted = 1', ...wheres].join(' and ')}`;
  };
}

/** Events that are there already under another position. */
function movedStatement(pipeline: ResolvedPipeline, options: FullImport): string {
  const { duplicates, events } = pipeline.tables;
  return `insert into ${duplicates} (event_id, source, shard_id, sequence_number, partition_key, arrived_at, run_id, merged_at)
select e.event_id, s.source, ${shardOf(options)}, s.sequence_number, s.partition_key, s.arrived_at, ${runOf(options)}, s.merged_at
from ${stagingOf(pipeline, 'events')} s
cross join ${temporary(pipeline).found} f
inner join ${events} e on e.event_id = ${idOf(pipeline, options)}
${onKnown(pipeline, options)}
where f.accepted = 1 and k.sequence_number is null`;
}

/** The newest publication of each export, of a full export whose rows COPY has read: `export`, `location`, `statement_id`. */
export const newestPublications = (definition: Pipeline) => `select export, location, statement_id
from (
  select export, location, statement_id, row_number() over (partition by export order by coalesce(sequence, 0) desc) as newest
  from ${stagingOf(definition, 'exports')}
) as numbered
where newest = 1`;

/** SQL for the location of a publication, in the bucket that has its files now. */
const locationOf = ({ buckets }: FullImport) =>
  buckets.reduce(
    (location, { from, to }) =>
      `replace(${location}, ${quoteLiteral(`s3://${from}/`)}, ${quoteLiteral(`s3://${to}/`)})`,
    's.location',
  );

function publishedRows(pipeline: ResolvedPipeline, options: FullImport, rows: Rows): string {
  const names = options.publishedExports.map(quoteLiteral).join(', ');
  return rows('exports', {
    join: `left join ${pipeline.tables.exports} p on p.export = s.export and p.location = ${locationOf(options)}`,
    where: `p.location is null and s.export in (${names})`,
  });
}

/**
 * The run of the import. The runs of the full export count its rows; this one takes off what was there already. It makes
 * the next refresh a complete one, because another function has merged.
 */
function runStatement(pipeline: ResolvedPipeline, { id }: FullImport): string {
  return `insert into ${pipeline.tables.runs} (run_id, source, rows_read, events, duplicates, rejects, skipped, merged_at, definition)
select
  ${quoteLiteral(importedRun(id))}, 'import', 0, -f.known_events - f.moved, f.moved - f.known_duplicates, -f.known_rejects, -f.known_skipped,
  getdate(), ${quoteLiteral(pipeline.typingVersion)}
from ${temporary(pipeline).found} f
where f.accepted = 1`;
}
