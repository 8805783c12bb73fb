import type { Command } from 'commander';
import { pipelines } from '../../pipelines';
import { Failure } from '../failure';
import { differencesOf } from '../full/differences';
import { type Loaded, loadPipeline, type PipelineState, stateOf } from '../full/load-pipeline';
import { type FullManifest, type FullManifestPipeline, manifestName, parseManifest } from '../full/manifest';
import { type FolderPlace, pathIn, placeOf, readText, type S3Place, textAt, urlOf } from '../full/place';
import { grouped, plural, table } from '../terminal';
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

interface ImportOptions extends ContextOptions {
  readonly from: string;
  readonly merge?: true;
  readonly apply?: true;
}

const defaultTimeoutSeconds = 6 * 3600;

export function addImport(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('import [environment]')
    .summary('bring a full export into another environment with the same pipelines')
    .description(
      'Compares a full export of `npx millrace export-all` with an environment: pipelines, columns, types, identities, and rows that are there. A dry ' +
        'run by default. With --apply it loads the rows of each pipeline in one transaction between two merges, so that records of the stream are ' +
        'neither lost nor doubled. The next refresh fills the views. Without a name: the running local environment.\n\n' +
        '  npx millrace import --from ./copy        what would be imported\n' +
        '  npx millrace import --from ./copy --apply\n' +
        '  npx millrace import staging --from s3://bucket/full-exports/prod-20261224 --apply\n' +
        '  npx millrace import staging --from … --merge\n' +
        '                                           adds to rows that are there',
    )
    .requiredOption('--from <place>', 's3://bucket/prefix or folder of a full export')
    .option('--merge', 'add to rows that are there; an event that is there already becomes a duplicate')
    .option('--apply', 'import; without it, a dry run');
  addContextOptions(command, defaultTimeoutSeconds).action((named: string | undefined, given: ImportOptions) => {
    const options = withEnvironment(named, given);
    const place = placeOf('--from', options.from);
    return withContext(options, io, exit, (context) => importAll(context, options, place));
  });
}

async function importAll(context: Context, options: ImportOptions, place: S3Place | FolderPlace): Promise<boolean> {
  const { cloud, progress } = context;
  const { environment } = cloud.names;
  const manifest = await manifestOf(context, place, options.from);
  const problems = manifest.pipelines.flatMap((given) => differencesOf(given, pipelines, environment));
  if (problems.length > 0) throw new Failure(problems.join('\n'));
  const states: State[] = [];
  for (const given of manifest.pipelines) states.push({ given, ...(await stateOf(context, manifest.id, given)) });
  const full = states.filter(({ already, present }) => !already && Object.keys(present).length > 0);
  if (full.length > 0 && !options.merge)
    throw new Failure(
      full
        .map(
          ({ given, present }) =>
            `${given.name} is not empty in ${environment}: it has ${presentText(present)}; --merge adds to them`,
        )
        .join('\n'),
    );
  progress.ifInterrupted('A pipeline is imported whole or not at all. Run the same command again to go on.');
  const loaded = new Map<string, Loaded>();
  if (options.apply)
    for (const { given, already, sameStream } of states)
      if (!already)
        loaded.set(
          given.name,
          await loadPipeline(context, { manifest, given, place, sameStream, merge: options.merge === true }),
        );
  print(context, manifest, options, states, loaded);
  return true;
}

async function manifestOf(context: Context, place: S3Place | FolderPlace, from: string): Promise<FullManifest> {
  const where = place.kind === 's3' ? urlOf(place, manifestName) : pathIn(place.path, manifestName);
  const text = place.kind === 's3' ? await textAt(context.cloud.buckets, place, manifestName) : readText(where);
  if (text === undefined)
    throw new Failure(
      `--from ${from} has no ${manifestName}; an unfinished full export has none until export-all is run again with --to ${from}`,
      2,
    );
  return parseManifest(text, where);
}

type State = PipelineState & { readonly given: FullManifestPipeline };

const presentText = (present: State['present']) =>
  Object.entries(present)
    .map(([name, rows]) => `${plural(rows, 'row')} in ${name}`)
    .join(', ');

function print(
  context: Context,
  manifest: FullManifest,
  { from, apply }: ImportOptions,
  states: readonly State[],
  loaded: ReadonlyMap<string, Loaded>,
): void {
  const { stdout, json, cloud, style } = context;
  const of = states.map(({ given, already, present, sameStream }) => ({
    name: given.name,
    takenAt: given.snapshot.takenAt,
    rows: Object.fromEntries(given.tables.map((each) => [each.name, each.rows])),
    bytes: given.tables.reduce((sum, each) => sum + each.bytes, 0),
    rowsBefore: present,
    importedBefore: already,
    sameStream,
    imported: loaded.get(given.name) ?? null,
  }));
  if (json) {
    stdout.write(
      `${JSON.stringify({ environment: cloud.names.environment, from, id: manifest.id, applied: apply === true, pipelines: of })}\n`,
    );
    return;
  }
  stdout.write(
    `full export of ${manifest.environment}, begun ${manifest.begunAt}, into ${cloud.names.environment}\n\n`,
  );
  stdout.write(
    `${table(
      ['pipeline', 'as of (UTC)', 'events', 'duplicates', 'rejects', 'skipped', 'objects', 'size'],
      of.map(({ name, takenAt, rows, bytes }) => [
        name,
        takenAt,
        ...[
          rows['events'],
          rows['duplicates'],
          (rows['rejects'] ?? 0) + (rows['rejects_large'] ?? 0),
          rows['skipped'],
          rows['ledger'],
        ].map((n) => n ?? 0),
        sizeText(bytes),
      ]),
      style,
    )}\n\n`,
  );
  for (const { name, importedBefore, sameStream, imported } of of) {
    if (importedBefore) stdout.write(`${name}: was imported before, nothing to do\n`);
    else if (imported) stdout.write(`${style.green('✔')} ${name}: ${lineOf(imported)}\n`);
    if (!sameStream)
      stdout.write(
        `${name}: another stream; positions of imported rows get shards named foreign-…, so that they are no positions of this one\n`,
      );
  }
  if (!apply) stdout.write('dry run: --apply imports\n');
  else if (loaded.size > 0) stdout.write('the next refresh fills the views\n');
}

function lineOf({ events, moved, known, publications }: Loaded): string {
  return [
    `imported ${plural(events, 'event')}`,
    ...(moved > 0 ? [`${grouped(moved)} were there already and became duplicates`] : []),
    ...(known > 0 ? [`${grouped(known)} records were there already by their position`] : []),
    publications === 0
      ? 'no publications of exports, which this environment publishes itself'
      : `${plural(publications, 'export')} with publications`,
  ].join(', ');
}
