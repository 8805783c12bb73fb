import type { ColumnSpec } from '../../lambda/warehouse-object/contract';
import type { Column, Pipeline } from '../../pipelines/definition';
import { identifier } from '../text/identifier';
import { redshiftType } from './column-type';
import type { TableName } from './names';

/** Columns of `events` that Millrace fills itself. A pipeline cannot declare a column with one of these names. */
export const ownColumns: ReadonlySet<string> = new Set([
  'event_id',
  'source',
  'shard_id',
  'sequence_number',
  'partition_key',
  'arrived_at',
  'run_id',
  'merged_at',
  'payload',
]);

/** Largest VARBYTE. A stream record that is not JSON has to fit, whatever the stream's record limit is. */
const unparsedBytes = 16_777_216;

/** A column of a table, for DDL and for the comparison with the catalog. */
export interface TableColumn {
  readonly name: string;
  /** As in `create table`: `varchar(64)`. */
  readonly type: string;
  readonly notNull?: boolean;
}

/** A DDL type as `svv_columns` spells it: `varchar(64)` is `character varying(64)`. */
export function catalogType(type: string): string {
  const [, name, rest = ''] = /^([a-z ]+)(\(.*\))?$/.exec(type) ?? [];
  const spelling: Record<string, string> = {
    varchar: 'character varying',
    char: 'character',
    decimal: 'numeric',
    timestamp: 'timestamp without time zone',
    timestamptz: 'timestamp with time zone',
    time: 'time without time zone',
    varbyte: 'binary varying',
  };
  if (name === undefined) throw new Error(`not a Redshift type: ${type}`);
  return `${spelling[name] ?? name}${rest}`;
}

/** Columns as the custom resource compares them with the catalog, each with the statement that adds it to a table. */
export function columnSpecs(table: string, columns: readonly TableColumn[]): ColumnSpec[] {
  return columns.map(({ name, type }) => ({
    name,
    type: catalogType(type),
    add: `alter table ${table} add column ${identifier(name)} ${type}`,
  }));
}

const position: readonly TableColumn[] = [
  { name: 'source', type: 'varchar(16)', notNull: true },
  { name: 'shard_id', type: 'varchar(20)' },
  { name: 'sequence_number', type: 'varchar(128)' },
  { name: 'partition_key', type: 'varchar(256)' },
  { name: 'arrived_at', type: 'timestamp' },
];
const merged: readonly TableColumn[] = [
  { name: 'run_id', type: 'varchar(128)', notNull: true },
  { name: 'merged_at', type: 'timestamp', notNull: true },
];
const eventId: TableColumn = { name: 'event_id', type: 'varchar(64)', notNull: true };

/** The name of a column in the table of events. */
export const storedName = ({ name, stored = name }: Pick<Column, 'name' | 'stored'>) => stored;

/**
 * The table of events. The merge checks required columns, not the table: a column added later is null in older
 * events.
 */
const eventColumns = (typed: readonly TableColumn[]): TableColumn[] => [
  eventId,
  ...typed,
  ...position,
  ...merged,
  { name: 'payload', type: 'super' },
];

/** The columns of the view `events`, in order: the declared columns only. The table may still hold others. */
export const eventsViewColumns = ({
  columns,
}: Pick<Pipeline, 'columns'>): (TableColumn & { readonly stored?: string })[] =>
  eventColumns(
    columns.map((column) => ({ name: column.name, stored: storedName(column), type: redshiftType(column) })),
  );

export const duplicateColumns: readonly TableColumn[] = [eventId, ...position, ...merged];

export const rejectColumns: readonly TableColumn[] = [
  ...position,
  { name: 'object_key', type: 'varchar(1024)' },
  { name: 'line', type: 'bigint' },
  { name: 'reason', type: 'varchar(512)', notNull: true },
  { name: 'payload', type: 'super' },
  { name: 'unparsed', type: `varbyte(${unparsedBytes})` },
  ...merged,
  // All reasons of a record, separated by `; `. `reason` is the first one. Null in rows older than this column.
  { name: 'reasons', type: 'varchar(65535)' },
  // Time from which the record is to be unloaded for decoding. Null unless the record waits for that.
  { name: 'decode_after', type: 'timestamp' },
];

export const stagedColumns: readonly TableColumn[] = [{ name: 'payload', type: 'super' }];

/** Format of an arrival time in a text that an archived line may have: see `archivedTime`. */
export const arrivalFormat = 'YYYY-MM-DD HH24:MI:SS.US';

/** A line of the archive. The merge converts the time, and the base64 text of records that are not JSON. */
export const stagedArchiveColumns: readonly TableColumn[] = [
  { name: 'shard_id', type: 'varchar(20)' },
  { name: 'sequence_number', type: 'varchar(128)' },
  { name: 'partition_key', type: 'varchar(256)' },
  { name: 'approximate_arrival_timestamp', type: 'varchar(32)' },
  { name: 'payload', type: 'super' },
  { name: 'unparsed', type: 'super' },
];

/** Identifies an object: bucket, key, and the etag for its bytes. */
const objectIdentity: readonly TableColumn[] = [
  { name: 'bucket', type: 'varchar(63)', notNull: true },
  { name: 'object_key', type: 'varchar(1024)', notNull: true },
  { name: 'etag', type: 'varchar(128)', notNull: true },
];

export const ledgerColumns: readonly TableColumn[] = [
  ...objectIdentity,
  { name: 'version_id', type: 'varchar(1024)' },
  { name: 'source', type: 'varchar(32)', notNull: true },
  { name: 'size', type: 'bigint' },
  // Lines that COPY scanned. Null where Redshift does not report them.
  { name: 'row_count', type: 'bigint' },
  { name: 'run_id', type: 'varchar(128)', notNull: true },
  { name: 'loaded_at', type: 'timestamp', notNull: true },
];

/** Objects that the load function gave up on. A redrive removes them. */
const parkedColumns: readonly TableColumn[] = [
  ...objectIdentity,
  { name: 'reason', type: 'varchar(2048)', notNull: true },
  { name: 'parked_at', type: 'timestamp', notNull: true },
];

/** The content of the history bucket at the last listing. */
const listingColumns: readonly TableColumn[] = [
  { name: 'object_key', type: 'varchar(1024)' },
  { name: 'etag', type: 'varchar(128)' },
  { name: 'size', type: 'bigint' },
  { name: 'last_modified', type: 'timestamp' },
];

/**
 * Arrival times whose records the stream may have dropped unread. One row a shard, or one row without a shard for the
 * whole stream.
 */
export const gapColumns: readonly TableColumn[] = [
  { name: 'shard_id', type: 'varchar(20)' },
  { name: 'after_sequence', type: 'varchar(128)' },
  { name: 'from_time', type: 'timestamp', notNull: true },
  { name: 'to_time', type: 'timestamp', notNull: true },
  { name: 'detected_at', type: 'timestamp', notNull: true },
];

const runColumns: readonly TableColumn[] = [
  { name: 'run_id', type: 'varchar(128)', notNull: true },
  { name: 'source', type: 'varchar(16)', notNull: true },
  { name: 'rows_read', type: 'bigint', notNull: true },
  { name: 'events', type: 'bigint', notNull: true },
  { name: 'duplicates', type: 'bigint', notNull: true },
  { name: 'rejects', type: 'bigint', notNull: true },
  { name: 'merged_at', type: 'timestamp', notNull: true },
  // Typing version of the run: see versions.ts. Null in runs older than this column.
  { name: 'definition', type: 'varchar(16)' },
  // Null in runs older than this column.
  { name: 'skipped', type: 'bigint' },
];

const checkpointColumns: readonly TableColumn[] = [
  { name: 'landing', type: 'varchar(256)', notNull: true },
  // See identity.ts.
  { name: 'identity_version', type: 'varchar(16)', notNull: true },
  { name: 'refresh_time', type: 'timestamp' },
  { name: 'merged_at', type: 'timestamp', notNull: true },
  // Records that arrived before `merged_until` are merged; those before `complete_until` are in the views too. See
  // merge.ts.
  { name: 'merged_until', type: 'timestamp' },
  { name: 'complete_until', type: 'timestamp' },
  // Refreshes that were logged before this time have been compared with their logged errors: see skips.ts.
  { name: 'skips_until', type: 'timestamp' },
  // A refresh that is merged began at this time. It read what the stream held then. Null in rows older than this column.
  { name: 'read_until', type: 'timestamp' },
  // The run that merged last. Only its end moves `complete_until`. Null if no run may.
  { name: 'run_id', type: 'varchar(128)' },
];

const exportColumns: readonly TableColumn[] = [
  { name: 'export', type: 'varchar(128)', notNull: true },
  { name: 'window_start', type: 'timestamp', notNull: true },
  { name: 'window_end', type: 'timestamp', notNull: true },
  { name: 'run_id', type: 'varchar(128)', notNull: true },
  { name: 'row_count', type: 'bigint', notNull: true },
  { name: 'file_count', type: 'bigint', notNull: true },
  { name: 'location', type: 'varchar(2048)', notNull: true },
  { name: 'published_at', type: 'timestamp', notNull: true },
  // One row for each publication: a correction is another row of its window. Null in rows older than these columns.
  { name: 'revision', type: 'bigint' },
  { name: 'sequence', type: 'bigint' },
  { name: 'byte_count', type: 'bigint' },
  { name: 'fingerprint', type: 'varchar(64)' },
  { name: 'statement_id', type: 'varchar(128)' },
];

/** The number of values per run that a column option made: `convert`, `trim`, `emptyAsNull` or `default`. */
const conversionColumns: readonly TableColumn[] = [
  { name: 'run_id', type: 'varchar(128)', notNull: true },
  { name: 'column_name', type: 'varchar(64)', notNull: true },
  { name: 'how', type: 'varchar(16)', notNull: true },
  { name: 'records', type: 'bigint', notNull: true },
  { name: 'merged_at', type: 'timestamp', notNull: true },
];

/** Records that are meant for another pipeline, according to `where`. They do not depend on the identity. */
const skippedColumns: readonly TableColumn[] = [
  ...position,
  { name: 'object_key', type: 'varchar(1024)' },
  // The record's value of what `where` checks, such as `type=track`.
  { name: 'name', type: 'varchar(512)', notNull: true },
  // The version of the `where` that skipped the record.
  { name: 'filter', type: 'varchar(16)', notNull: true },
  ...merged,
];

/** The marks of subjects that were forgotten: see merge/forgotten.ts. No column names a subject. */
const forgottenColumns: readonly TableColumn[] = [
  { name: 'mark', type: 'varchar(64)', notNull: true },
  // Tells keys apart: marks that another secret made match nobody.
  { name: 'key_id', type: 'varchar(16)', notNull: true },
  { name: 'run_id', type: 'varchar(128)', notNull: true },
  { name: 'forgotten_at', type: 'timestamp', notNull: true },
];

/** Objects that `npx millrace forget` is about to replace: see forget/rewrites.ts. `etag` is of the bytes before. */
const rewriteColumns: readonly TableColumn[] = [
  ...objectIdentity,
  { name: 'rewrite_id', type: 'varchar(64)', notNull: true },
  { name: 'claimed_at', type: 'timestamp', notNull: true },
];

/** The result of a fill's batch for the events between two merge times, one row for each column. */
const fillColumns: readonly TableColumn[] = [
  { name: 'definition', type: 'varchar(16)', notNull: true },
  // Typing version of the functions that the fill prepares for, as in `runs`.
  { name: 'typing', type: 'varchar(16)', notNull: true },
  { name: 'column_name', type: 'varchar(64)', notNull: true },
  { name: 'filled_from', type: 'timestamp', notNull: true },
  { name: 'filled_until', type: 'timestamp', notNull: true },
  { name: 'row_count', type: 'bigint', notNull: true },
  { name: 'filled', type: 'bigint', notNull: true },
  { name: 'missing', type: 'bigint', notNull: true },
  { name: 'misfits', type: 'bigint', notNull: true },
  { name: 'misfit_id', type: 'varchar(64)' },
  { name: 'lost', type: 'bigint', notNull: true },
  { name: 'lost_id', type: 'varchar(64)' },
  { name: 'filled_at', type: 'timestamp', notNull: true },
];

/** Views that the last complete run could not refresh, and views that wait for them. Empty in a healthy pipeline. */
const viewFailureColumns: readonly TableColumn[] = [
  { name: 'view_name', type: 'varchar(128)', notNull: true },
  // The failed view that this view reads, directly or through others. Null for a view that failed itself.
  { name: 'waits_for', type: 'varchar(128)' },
  // Redshift's message. Null for a view that waits.
  { name: 'error', type: 'varchar(2048)' },
  { name: 'failing_since', type: 'timestamp', notNull: true },
  { name: 'run_id', type: 'varchar(128)', notNull: true },
];

/** The columns of every table of a pipeline. */
export function tableShapes(pipeline: Pick<Pipeline, 'columns'>): Record<TableName, readonly TableColumn[]> {
  return {
    staged: stagedColumns,
    staged_archive: stagedArchiveColumns,
    parked: parkedColumns,
    listing: listingColumns,
    runs: runColumns,
    checkpoints: checkpointColumns,
    exports: exportColumns,
    fills: fillColumns,
    view_failures: viewFailureColumns,
    conversions: conversionColumns,
    skipped: skippedColumns,
    forgotten: forgottenColumns,
    rewrites: rewriteColumns,
    duplicates: duplicateColumns,
    rejects: rejectColumns,
    ledger: ledgerColumns,
    gaps: gapColumns,
    events: eventColumns(pipeline.columns.map((column) => ({ name: storedName(column), type: redshiftType(column) }))),
  };
}

/** Position of a record on the stream, in every table that keeps it. */
export const placeColumns = ['shard_id', 'sequence_number', 'partition_key', 'arrived_at'];
