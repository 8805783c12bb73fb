import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Command } from 'commander';
import { fullExportRoot } from '../../lambda/export/contract';
import { compactTime } from '../../lambda/shared/statement-name';
import { pipelines } from '../../pipelines';
import { Failure } from '../failure';
import { downloadAll } from '../full/download';
import {
  about,
  beginningName,
  type FullManifest,
  type FullManifestPipeline,
  manifestFormat,
  manifestName,
  manifestVersion,
  parsePipeline,
  pipelineName,
} from '../full/manifest';
import {
  entriesOf,
  type FolderPlace,
  pathIn,
  placeOf,
  readText,
  type S3Place,
  textAt,
  urlOf,
  writeNew,
} from '../full/place';
import { unloadPipeline } from '../full/unload-pipeline';
import { grouped } from '../terminal';
import { clockNow } from './clock';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  withContext,
} from './context';
import { bytes as sizeText } from './history/cost';
import { withEnvironment } from './named-environment';

interface ExportAllOptions extends ContextOptions {
  readonly to?: string;
}

const defaultTimeoutSeconds = 6 * 3600;

export function addExportAll(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('export-all [environment]')
    .summary('write everything of every pipeline as Parquet, with a manifest')
    .description(
      'Unloads events, rejects, duplicates, the ledgers of loads and exports, and the counts of runs, each pipeline from one snapshot while refreshes ' +
        'go on, and writes manifest.json last. A call that was interrupted goes on when it is repeated with the same --to. ' +
        '`npx millrace import` brings it into another environment. Without a name: the running local environment.\n\n' +
        '  npx millrace export-all                  the running npm start, into its bucket\n' +
        '  npx millrace export-all --to ./copy      the same, and then into a folder\n' +
        `  npx millrace export-all prod --to s3://exports-bucket/${fullExportRoot}2026-12-24\n` +
        '  npx millrace export-all prod --to s3://another-bucket/x\n' +
        '                                           needs a policy: the refusal prints it',
    )
    .option(
      '--to <place>',
      `s3://bucket/prefix or a folder (default: ${fullExportRoot}<environment>-<time>/ in the export bucket)`,
    );
  addContextOptions(command, defaultTimeoutSeconds).action((named: string | undefined, given: ExportAllOptions) => {
    const options = withEnvironment(named, given);
    const place = options.to === undefined ? undefined : placeOf('--to', options.to);
    return withContext(options, io, exit, (context) => exportAll(context, options, place));
  });
}

async function exportAll(
  context: Context,
  options: ContextOptions,
  given: S3Place | FolderPlace | undefined,
): Promise<boolean> {
  const now = await clockNow(options);
  const folder = given?.kind === 'folder' ? given : undefined;
  const place = given?.kind === 's3' ? given : s3PlaceOf(context, folder, now);
  checkPrefix(context, place);
  const to = folder === undefined ? urlOf(place) : folder.path;
  context.progress.ifInterrupted(`What is written stays. \`npx millrace export-all … --to ${to}\` goes on.`);
  const done = folder === undefined ? undefined : await textAt(context.cloud.buckets, place, manifestName);
  const manifest = done === undefined ? await unloadAll(context, place, now, to) : (JSON.parse(done) as FullManifest);
  const written = folder === undefined ? manifest : await downloadAll(context, place, folder.path, manifest);
  print(context, written, to, place);
  return written.pipelines.every(({ equation }) => equation.balanced);
}

/** Where a full export for a folder is in S3. The folder remembers it, so that a repeated call goes on. */
function s3PlaceOf({ cloud: { names } }: Context, folder: FolderPlace | undefined, now: number): S3Place {
  const prefix = `${fullExportRoot}${names.environment}-${compactTime(now)}-${randomBytes(3).toString('hex')}/`;
  if (folder === undefined) return { kind: 's3', bucket: names.exportsBucket, prefix };
  const entries = entriesOf('--to', folder.path);
  if (entries.includes(manifestName))
    throw new Failure(`--to ${folder.path} has a full export already; name another folder`, 2);
  const beginning = pathIn(folder.path, beginningName);
  const begun = readText(beginning);
  if (begun !== undefined) return { kind: 's3', bucket: names.exportsBucket, prefix: prefixIn(begun, beginning) };
  if (entries.length > 0) throw new Failure(`--to ${folder.path} is not empty; name an empty or a new folder`, 2);
  mkdirSync(folder.path, { recursive: true });
  writeNew(beginning, `${JSON.stringify({ prefix })}\n`);
  return { kind: 's3', bucket: names.exportsBucket, prefix };
}

function prefixIn(text: string, where: string): string {
  let prefix: unknown;
  try {
    ({ prefix } = JSON.parse(text) as { prefix?: unknown });
  } catch {
    // Falls through to the message.
  }
  if (typeof prefix === 'string' && prefix.startsWith(fullExportRoot)) return prefix;
  throw new Failure(`${where} is damaged; name another folder`);
}

function checkPrefix({ cloud: { names } }: Context, { bucket, prefix }: S3Place): void {
  if (bucket === names.exportsBucket && !prefix.startsWith(fullExportRoot))
    throw new Failure(
      `--to must be below s3://${bucket}/${fullExportRoot} in the export bucket of ${names.environment}, got s3://${bucket}/${prefix}; partners read what is below exports/`,
      2,
    );
}

async function unloadAll(context: Context, place: S3Place, now: number, to: string): Promise<FullManifest> {
  const { buckets, names } = context.cloud;
  const { id, begunAt } = await begin(context, place, now, to);
  const parts: FullManifestPipeline[] = [];
  for (const pipeline of pipelines) {
    const path = pipelineName(pipeline.name);
    const known = await textAt(buckets, place, path);
    if (known !== undefined) {
      context.progress.stage(pipeline.name).done('was unloaded by an earlier call');
      parts.push(parsePipeline(known, urlOf(place, path)));
      continue;
    }
    const part = await unloadPipeline(context, place, { id, to }, pipeline);
    await buckets.putNew(place.bucket, place.prefix + path, JSON.stringify(part, null, 2));
    parts.push(part);
  }
  const manifest: FullManifest = {
    format: manifestFormat,
    version: manifestVersion,
    about,
    id,
    environment: names.environment,
    begunAt,
    finishedAt: new Date(now).toISOString(),
    buckets: { history: names.historyBucket, archive: names.archiveBucket, exports: names.exportsBucket },
    pipelines: parts,
  };
  if (!(await buckets.putNew(place.bucket, place.prefix + manifestName, `${JSON.stringify(manifest, null, 2)}\n`)))
    throw new Failure(`--to ${to}: another call has written ${manifestName} meanwhile; it is left as it is`);
  return manifest;
}

/** Begins a full export, or finds the one that an earlier call began. */
async function begin(
  { cloud: { buckets, names } }: Context,
  place: S3Place,
  now: number,
  to: string,
): Promise<{ readonly id: string; readonly begunAt: string }> {
  if ((await buckets.head(place.bucket, place.prefix + manifestName)) !== undefined)
    throw new Failure(
      `--to ${to} has a full export already, and a manifest is never overwritten; choose another prefix`,
      2,
    );
  const begun = await textAt(buckets, place, beginningName);
  if (begun === undefined) {
    for await (const [object] of buckets.pages(place.bucket, place.prefix))
      if (object !== undefined)
        throw new Failure(`--to ${to} is not empty, it has ${object.key}; choose another prefix`, 2);
    const beginning = {
      id: randomBytes(8).toString('hex'),
      environment: names.environment,
      begunAt: new Date(now).toISOString(),
    };
    if (await buckets.putNew(place.bucket, place.prefix + beginningName, JSON.stringify(beginning))) return beginning;
    return begin({ cloud: { buckets, names } } as Context, place, now, to);
  }
  const { id, environment, begunAt } = JSON.parse(begun) as { id: string; environment: string; begunAt: string };
  if (environment !== names.environment)
    throw new Failure(
      `--to ${to} has an unfinished full export of ${environment}, not of ${names.environment}; choose another prefix`,
      2,
    );
  return { id, begunAt };
}

function print({ stdout, json, style }: Context, manifest: FullManifest, to: string, place: S3Place): void {
  const result = {
    environment: manifest.environment,
    id: manifest.id,
    to,
    s3: urlOf(place),
    pipelines: manifest.pipelines.map(({ name, snapshot, equation, tables }) => ({
      name,
      takenAt: snapshot.takenAt,
      equation,
      rows: Object.fromEntries(tables.map((table) => [table.name, table.rows])),
      files: tables.reduce((sum, { files }) => sum + files.length, 0),
      bytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
    })),
  };
  if (json) {
    stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const { name, takenAt, equation: e, files, bytes } of result.pipelines) {
    const terms = (['events', 'duplicates', 'rejects', 'skipped'] as const)
      .map((term) => `${grouped(e[term])} ${term}`)
      .join(' + ');
    stdout.write(`${style.bold(name)}  as of ${takenAt} UTC, ${grouped(files)} files, ${sizeText(bytes)}\n`);
    stdout.write(
      e.balanced
        ? `  ${style.green('✔')} ${grouped(e.records)} records = ${terms}\n`
        : `  ${style.red('✘')} the runs counted ${grouped(e.records)} records, but the tables have ${terms}\n`,
    );
  }
  stdout.write(`written: ${to}${to.endsWith('/') ? '' : '/'}${manifestName}\n`);
  if (to !== urlOf(place)) stdout.write(`also in S3, where it costs until it is deleted: ${urlOf(place)}\n`);
}
