import { readFileSync } from 'node:fs';
import { fullExportRoot } from '../../lambda/export/contract';
import { latestKey } from '../../lambda/export/layout';
import { parseSuccess } from '../../lambda/export/publication';
import { withForgetKeys } from '../../lambda/shared/forget-keys';
import { asNumber } from '../../lambda/shared/parse';
import { endOf, isConflict, type Outcome, StatementError, untilPassed } from '../../lambda/shared/warehouse';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import {
  type FullTableName,
  importedRun,
  importedTables,
  importTransaction,
  newestPublications,
  publicTables,
  quoteLiteral,
  type SuperForm,
} from '../../sql';
import { type Context, executeStatement, queryRows } from '../commands/context';
import { Failure } from '../failure';
import type { Stage } from '../progress';
import { plural } from '../terminal';
import type { FullFile, FullManifest, FullManifestPipeline, FullManifestTable } from './manifest';
import { bytesAt, type FolderPlace, pathIn, type S3Place, textAt } from './place';

export interface PipelineState {
  /** True if the same full export was imported before. */
  readonly already: boolean;
  /** Rows that are there, by the name of the table. Only tables with rows are in it. */
  readonly present: Readonly<Record<string, number>>;
  readonly sameStream: boolean;
}

/** What an import did. */
export interface Loaded {
  readonly events: number;
  /** Events that were there already. */
  readonly moved: number;
  /** Records that were there already by their position. */
  readonly known: number;
  /** Exports whose publications were imported. */
  readonly publications: number;
}

interface Given {
  readonly manifest: FullManifest;
  readonly given: FullManifestPipeline;
  readonly place: S3Place | FolderPlace;
  readonly sameStream: boolean;
  readonly merge: boolean;
}

const counted = ['events', 'duplicates', 'rejects', 'skipped', 'ledger', 'exports'] as const;

export async function stateOf(context: Context, id: string, given: FullManifestPipeline): Promise<PipelineState> {
  const tables = publicTables(given);
  const { streams, names } = context.cloud;
  let row: Awaited<ReturnType<typeof queryRows>>[number] | undefined;
  try {
    [row] = await queryRows(
      context,
      'import-state',
      `select ${counted.map((name) => `(select count(*) from ${tables[name]}) as ${name}`).join(', ')},
  (select count(*) from ${tables.runs} where run_id = ${quoteLiteral(importedRun(id))}) as already`,
    );
  } catch (error) {
    if (error instanceof Failure && /does not exist/i.test(error.message))
      throw new Failure(`${given.name} is not deployed in ${names.environment}: ${error.message}; deploy it first`, 1, {
        cause: error,
      });
    throw error;
  }
  return {
    present: Object.fromEntries(
      counted.map((name) => [name, asNumber(row?.[name], name)] as const).filter(([, rows]) => rows > 0),
    ),
    already: asNumber(row?.['already'], 'already') > 0,
    sameStream: (await streams.identity(names.stream(given.name))) === given.stream,
  };
}

/** Imports one pipeline, which `differencesOf` has compared: whole or not at all. */
export async function loadPipeline(context: Context, from: Given): Promise<Loaded> {
  const { given } = from;
  const pipeline = pipelines.find(({ name }) => name === given.name)!;
  const stage = context.progress.stage(given.name, 'copying');
  const forms: Partial<Record<FullTableName, SuperForm>> = {};
  const all = importedTables(pipeline);
  for (const [index, staged] of all.entries()) {
    stage.count(index, 'tables', all.length);
    const table = given.tables.find(({ name }) => name === staged.table.name)!;
    for (const statement of staged.create) await executeStatement(context, `import ${table.name}`, statement);
    if (table.files.length > 0) {
      const url = await copyManifest(context, from, table, stage);
      await executeStatement(context, `import ${table.name}`, staged.copy(url, context.cloud.names.fullExportRoleArn));
    }
    forms[table.name] = await formOf(context, given.name, table, staged.count);
  }
  stage.update('waiting for the lock of the merges');
  const publishedExports = await publishedHere(context, pipeline, from);
  const { historyBucket, archiveBucket, exportsBucket } = context.cloud.names;
  const { buckets } = from.manifest;
  const moved = [
    { from: buckets.history, to: historyBucket },
    { from: buckets.archive, to: archiveBucket },
    { from: buckets.exports, to: exportsBucket },
  ].filter(({ from, to }) => from !== to);
  const { statements, answer } = importTransaction(pipeline, {
    id: from.manifest.id,
    sameStream: from.sameStream,
    merge: from.merge,
    buckets: moved,
    publishedExports,
    forms,
  });
  const found = await runTransaction(context, given.name, statements, answer);
  const number = (name: string) => asNumber(found[name], name);
  if (number('accepted') === 0) {
    stage.failed();
    throw refusal(given.name, context.cloud.names.environment, number);
  }
  const known = ['known_events', 'known_duplicates', 'known_rejects', 'known_skipped'].reduce(
    (sum, name) => sum + number(name),
    0,
  );
  const rowsOf = (name: FullTableName) => given.tables.find((table) => table.name === name)!.rows;
  const events = rowsOf('events') - number('known_events') - number('moved');
  const duplicates = rowsOf('duplicates') - number('known_duplicates') + number('moved');
  if (number('events_now') !== events || number('duplicates_now') !== duplicates)
    throw new Failure(
      `${given.name}: ${events} events and ${duplicates} duplicates must have come, but ${number('events_now')} and ${number('duplicates_now')} did; this is a defect of Millrace, so do not use ${context.cloud.names.environment}`,
    );
  stage.done(plural(events, 'event'));
  return { events, moved: number('moved'), known, publications: publishedExports.length };
}

function refusal(pipeline: string, environment: string, number: (name: string) => number): Failure {
  if (number('already') > 0) return new Failure(`${pipeline}: another call has imported it meanwhile`);
  if (number('forgotten') > 0)
    return new Failure(
      `${pipeline}: ${number('forgotten')} rows of the full export are of subjects that were forgotten in ${environment}, and would come back. Forget them where it was exported, and export again`,
    );
  if (number('objects_twice') > 0)
    return new Failure(
      `${pipeline}: ${number('objects_twice')} history objects of the full export were loaded in ${environment} too, so their records would count twice. Import before history is loaded`,
    );
  return new Failure(
    `${pipeline}: ${number('rows_here')} rows have arrived in ${environment} meanwhile; --merge adds to them`,
  );
}

/** Compares what COPY has read with the full export. */
async function formOf(
  context: Context,
  pipeline: string,
  { name, rows, fingerprint, files }: FullManifestTable,
  count: (form: SuperForm) => string,
): Promise<SuperForm> {
  const ask = async (form: SuperForm) => (await queryRows(context, `import ${name}`, count(form)))[0] ?? {};
  const first = await ask('value');
  const read = asNumber(first['row_count'], `${name}: row_count`);
  if (read !== rows)
    throw new Failure(
      `${pipeline}.${name}: the full export has ${rows} rows, its files ${read}; a file is damaged or was replaced`,
    );
  if (files.length === 0 || String(first['fingerprint']) === fingerprint) return 'value';
  if (String((await ask('text').catch(() => ({ fingerprint: null })))['fingerprint']) === fingerprint) return 'text';
  throw new Failure(
    `${pipeline}.${name}: the rows of the files are not those of the full export (their fingerprint differs); a file is damaged or was replaced`,
  );
}

/** Writes the manifest of a COPY. Files that the warehouse cannot read where they are, are copied to its bucket first. */
async function copyManifest(context: Context, from: Given, table: FullManifestTable, stage: Stage): Promise<string> {
  const { buckets, names } = context.cloud;
  const root = `${fullExportRoot}imports/${from.manifest.id}/`;
  const entries: unknown[] = [];
  for (const file of table.files) {
    const key = await keyOf(context, from.place, root, file, stage);
    entries.push({ url: `s3://${names.exportsBucket}/${key}`, mandatory: true, meta: { content_length: file.bytes } });
  }
  const key = `${root}${from.given.name}/${table.name}.manifest`;
  await buckets.put(names.exportsBucket, key, Buffer.from(JSON.stringify({ entries })));
  return `s3://${names.exportsBucket}/${key}`;
}

async function keyOf(
  { cloud: { buckets, names } }: Context,
  place: S3Place | FolderPlace,
  root: string,
  file: FullFile,
  stage: Stage,
): Promise<string> {
  if (place.kind === 's3' && place.bucket === names.exportsBucket && place.prefix.startsWith(fullExportRoot))
    return place.prefix + file.path;
  const key = root + file.path;
  const known = await buckets.head(names.exportsBucket, key);
  if (known?.size === file.bytes) return key;
  stage.update(`copying ${file.path} to s3://${names.exportsBucket}`);
  const bytes =
    place.kind === 's3'
      ? await bytesAt(buckets, place.bucket, place.prefix + file.path)
      : fileIn(place.path, file.path);
  if (bytes.length !== file.bytes)
    throw new Failure(`${file.path} must have ${file.bytes} bytes, got ${bytes.length}; the full export is damaged`);
  await buckets.put(names.exportsBucket, key, bytes);
  return key;
}

function fileIn(folder: string, path: string): Buffer {
  try {
    return readFileSync(pathIn(folder, path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Failure(`${pathIn(folder, path)} is missing; the full export is damaged`, 1, { cause });
    throw cause;
  }
}

/** Exports whose newest publication of the full export has its files in the bucket of this environment. */
async function publishedHere(context: Context, pipeline: Pipeline, { given, manifest }: Given): Promise<string[]> {
  if (given.tables.find(({ name }) => name === 'exports')!.rows === 0) return [];
  const { buckets, names } = context.cloud;
  const newest = await queryRows(context, 'import exports', newestPublications(pipeline));
  const found: string[] = [];
  for (const { export: name, location, statement_id: statement } of newest) {
    const bucket = names.exportsBucket;
    const prefix = String(location).slice(`s3://${manifest.buckets.exports}/`.length);
    const success = await textAt(buckets, { kind: 's3', bucket, prefix }, 'success.json');
    // Buckets of two environments may have runs of the same name.
    const isHere = success !== undefined && parseSuccess(success, prefix).statementId === statement;
    if (isHere && (await buckets.head(bucket, latestKey(pipeline.name, String(name)))) !== undefined)
      found.push(String(name));
  }
  return found;
}

async function runTransaction(context: Context, pipeline: string, statements: readonly string[], answer: number) {
  const { cloud } = context;
  const warehouse = withForgetKeys(cloud.warehouse, () => cloud.forgetKeys(pipeline));
  const name = `millrace-cli/import/${pipeline}`;
  const submit = async (): Promise<Outcome> =>
    endOf(warehouse, await warehouse.submit({ name, mode: 'transaction', statements }), context.remainingMs);
  const state = await untilPassed(warehouse, submit, isConflict);
  const whole = await warehouse.describe(state.id);
  if (state.status !== 'FINISHED')
    throw new Failure(
      `${pipeline}: ${new StatementError(name, whole).message}; nothing of it was imported, unless it goes on. Run the command again`,
    );
  return (await warehouse.rows(whole.parts[answer]!.id))[0] ?? {};
}
