import { fullExportRoot } from '../../lambda/export/contract';
import { parseManifest } from '../../lambda/export/redshift';
import { asNumber } from '../../lambda/shared/parse';
import { clientToken } from '../../lambda/shared/statement';
import {
  isPassing,
  isTerminal,
  maxAttempts,
  pauseAfter,
  type Row,
  type StatementState,
} from '../../lambda/shared/warehouse';
import type { Column, Pipeline } from '../../pipelines/definition';
import { type FullTable, fullExportStatements } from '../../sql';
import type { ListedObject } from '../cloud/ports';
import type { Context } from '../commands/context';
import { Failure } from '../failure';
import type { Stage } from '../progress';
import { plural } from '../terminal';
import type { FullFile, FullManifestPipeline, FullManifestTable } from './manifest';
import { bytesAt, type S3Place, urlOf } from './place';
import { refusedBucket } from './policy';

/** The Data API lists statements by the beginning of their names. */
const nameOf = (id: string, pipeline: string) => `millrace-cli/export-all/${id}/${pipeline}/`;
const attemptFolder = (pipeline: string, attempt: number) => `${pipeline}/attempt-${attempt}/`;

interface Attempt {
  readonly number: number;
  /** Id of the statement, if an earlier call has submitted it. */
  readonly statementId?: string;
}

/**
 * Unloads a pipeline, or goes on with an unload that an earlier call began.
 * @param to what `--to` says
 */
export async function unloadPipeline(
  context: Context,
  place: S3Place,
  { id, to }: { readonly id: string; readonly to: string },
  pipeline: Pipeline,
): Promise<FullManifestPipeline> {
  const stage = context.progress.stage(pipeline.name, 'looking for an earlier attempt');
  let attempt = await nextAttempt(context, place, id, pipeline.name);
  for (let tries = 1; ; tries += 1) {
    const folder = attemptFolder(pipeline.name, attempt.number);
    const { tables, statements } = fullExportStatements(pipeline, {
      urlOf: ({ name }) => urlOf(place, `${folder}${name}/`),
      roleArn: context.cloud.names.fullExportRoleArn,
      // Another bucket may have no key of its own.
      encrypted: place.bucket === context.cloud.names.exportsBucket,
    });
    const statementId = attempt.statementId ?? (await submit(context, id, pipeline.name, attempt.number, statements));
    const state = await waitForEnd(context, statementId, { stage, tables: tables.length, to });
    if (state.status === 'FINISHED') {
      const made = await describe(context, place, pipeline, { tables, folder, state });
      const rows = made.tables.reduce((sum, table) => sum + table.rows, 0);
      stage.done(plural(rows, 'row'));
      return made;
    }
    if (!isPassing(state) || tries === maxAttempts) throw failure(context, place, pipeline.name, state);
    await pauseAfter(context.cloud.warehouse, tries);
    attempt = { number: attempt.number + 1 };
  }
}

async function nextAttempt(
  { cloud }: Context,
  { bucket, prefix }: S3Place,
  id: string,
  pipeline: string,
): Promise<Attempt> {
  const name = nameOf(id, pipeline);
  const known = (await cloud.warehouse.list(name)).map((statement) => ({
    ...statement,
    number: Number(statement.name.slice(name.length)),
  }));
  let written = 0;
  for await (const page of cloud.buckets.pages(bucket, `${prefix}${pipeline}/attempt-`))
    for (const { key } of page)
      written = Math.max(written, Number.parseInt(key.slice(`${prefix}${pipeline}/attempt-`.length), 10));
  const latest = known.sort((one, other) => other.number - one.number)[0];
  if (latest && latest.number >= written && latest.status !== 'FAILED' && latest.status !== 'ABORTED')
    return { number: latest.number, statementId: latest.id };
  return { number: Math.max(written, latest?.number ?? 0) + 1 };
}

/** Two calls at once submit the same statement, because of its token. */
async function submit(
  { cloud }: Context,
  id: string,
  pipeline: string,
  attempt: number,
  statements: readonly string[],
): Promise<string> {
  const name = `${nameOf(id, pipeline)}${attempt}`;
  return (await cloud.warehouse.submit({ name, mode: 'transaction', statements, token: clientToken(name) })).id;
}

const waitSeconds = 5;

async function waitForEnd(
  context: Context,
  id: string,
  { stage, tables, to }: { readonly stage: Stage; readonly tables: number; readonly to: string },
): Promise<StatementState> {
  for (;;) {
    const left = Math.floor(context.remainingMs() / 1000);
    const state = await context.cloud.warehouse.describe(id, ...(left >= 1 ? [Math.min(waitSeconds, left)] : []));
    if (isTerminal(state.status)) return state;
    // The first statement is not about a table, and each table has two.
    const finished = state.parts.filter(({ status }) => status === 'FINISHED').length;
    stage.count(Math.max(0, Math.floor((finished - 1) / 2)), 'tables', tables);
    if (left < 1) {
      stage.failed();
      throw new Failure(
        `the time is up; statement ${id} goes on in the warehouse. To continue, run the command again with --to ${to}`,
      );
    }
  }
}

function failure(
  context: Context,
  place: S3Place,
  pipeline: string,
  { status, error = 'it gave no reason' }: StatementState,
): Failure {
  const { names } = context.cloud;
  if (
    /access ?denied|not authorized|\b403\b|forbidden|NoSuchBucket|does not exist.*bucket|bucket.*does not exist/i.test(
      error,
    )
  )
    return place.bucket === names.exportsBucket
      ? new Failure(
          `${pipeline}: the warehouse may not write below s3://${place.bucket}/${fullExportRoot}: ${error}; deploy ${names.environment} again`,
        )
      : refusedBucket(names, place, error);
  if (/(relation|column|schema).*(does not exist|not found)|does not exist/i.test(error))
    return new Failure(
      `${pipeline} is not deployed in ${names.environment} as this tree declares it: ${error}. Run this from the tree that was deployed, or deploy this one first`,
    );
  return new Failure(`${pipeline}: the warehouse ${status.toLowerCase()} the unload: ${error}`);
}

interface Unloaded {
  readonly tables: readonly FullTable[];
  readonly folder: string;
  readonly state: StatementState;
}

/** Compares what UNLOAD wrote with the counts of the same transaction. */
async function describe(
  context: Context,
  place: S3Place,
  pipeline: Pipeline,
  { tables, folder, state }: Unloaded,
): Promise<FullManifestPipeline> {
  const { warehouse, streams, names } = context.cloud;
  const rowOf = async (index: number) => (await warehouse.rows(state.parts[index]!.id))[0] ?? {};
  const point = await rowOf(0);
  const written = await objectsBelow(context, place, folder);
  const described: FullManifestTable[] = [];
  for (const [index, table] of tables.entries())
    described.push(
      await describeTable(context, place, { table, folder, written, counted: await rowOf(1 + index * 2) }),
    );
  const rows = (name: string) => described.find((table) => table.name === name)!.rows;
  const text = (value: Row[string] | undefined) => (value === null || value === undefined ? null : String(value));
  const waiting = asNumber(point['waiting'], 'waiting');
  const counts = {
    events: rows('events'),
    duplicates: rows('duplicates'),
    rejects: rows('rejects') + rows('rejects_large') - waiting,
    skipped: rows('skipped'),
  };
  const reported = (['events', 'duplicates', 'rejects', 'skipped'] as const).map((term) => asNumber(point[term], term));
  const records = reported.reduce((sum, value) => sum + value, 0);
  return {
    name: pipeline.name,
    identity: {
      by: pipeline.identity.by,
      columns: pipeline.identity.by === 'columns' ? [...pipeline.identity.columns] : [],
    },
    columns: pipeline.columns.map((column) => declared(column, tables)),
    stream: await streams.identity(names.stream(pipeline.name)),
    snapshot: {
      takenAt: String(point['taken_at']),
      lastRun: text(point['run_id']),
      mergedAt: text(point['merged_at']),
      mergedUntil: text(point['merged_until']),
      completeUntil: text(point['complete_until']),
    },
    equation: {
      records,
      ...counts,
      waiting,
      balanced: records === Object.values(counts).reduce((sum, value) => sum + value, 0),
    },
    tables: described,
  };
}

const declared = ({ name, path }: Column, tables: readonly FullTable[]) => ({
  name,
  type: tables[0]!.columns.find((column) => column.name === name)!.type,
  path: [...path],
});

async function objectsBelow({ cloud }: Context, { bucket, prefix }: S3Place, folder: string) {
  const found = new Map<string, ListedObject>();
  for await (const page of cloud.buckets.pages(bucket, prefix + folder))
    for (const object of page) found.set(object.key, object);
  return found;
}

interface WrittenTable {
  readonly table: FullTable;
  readonly folder: string;
  readonly written: ReadonlyMap<string, ListedObject>;
  readonly counted: Row;
}

async function describeTable(
  { cloud }: Context,
  { bucket, prefix }: S3Place,
  { table, folder, written, counted }: WrittenTable,
): Promise<FullManifestTable> {
  const base = `${prefix}${folder}${table.name}/`;
  const key = `${base}manifest`;
  // UNLOAD of no rows may write no manifest.
  const listed = written.has(key)
    ? parseManifest((await bytesAt(cloud.buckets, bucket, key)).toString('utf8'), bucket, base)
    : [];
  const files = listed.map((file): FullFile => {
    const object = written.get(file.key);
    if (object?.size !== file.bytes)
      throw new Failure(
        `s3://${bucket}/${file.key} must have ${file.bytes} bytes, got ${object?.size ?? 'no object'}; run the command again with another --to`,
      );
    return { path: file.key.slice(prefix.length), rows: file.rows, bytes: file.bytes, etag: object.etag };
  });
  const rows = asNumber(counted['row_count'], `${table.name}: row_count`);
  const inFiles = files.reduce((sum, file) => sum + file.rows, 0);
  if (inFiles !== rows)
    throw new Failure(
      `${table.table} has ${rows} rows, but UNLOAD wrote ${inFiles} to ${base}; run the command again with another --to`,
    );
  return {
    name: table.name,
    rows,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    fingerprint: String(counted['fingerprint']),
    format: table.format,
    columns: table.columns.map(({ name, type, fileType }) => ({
      name,
      type,
      file: fileType === 'super' ? 'JSON text' : fileType,
    })),
    files,
  };
}
