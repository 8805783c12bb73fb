import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline as pipe } from 'node:stream/promises';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import type { Command } from 'commander';
import { clientSettings } from '../../lambda/shared/client-settings';
import type { GeneratedRecord, Generation } from '../../pipelines/generator/generator';
import { Failure, Interrupted } from '../failure';
import { interruptible } from '../interrupt';
import { Progress } from '../progress';
import { grouped, type Output, plural, styleFor } from '../terminal';
import { feedStream } from './feed';
import { generatorOf } from './generators';
import { MOST_EVENTS, share, text, wholeNumber } from './options';

interface GenerateOptions {
  readonly pipeline: string;
  readonly events: number;
  readonly seed: string;
  readonly start?: number;
  readonly duplicates?: number;
  readonly late?: number;
  readonly malformed?: number;
  readonly oversized?: number;
  readonly refused?: number;
  readonly historyDays?: number;
  readonly out?: string;
  readonly history?: string;
  readonly oracle?: string;
  readonly stream?: string;
  readonly endpoint?: string;
}

/** Bounds that leave a year for history before, and for late events after. */
const firstYear = 1971;
const lastYear = 9998;
const isoTime = /^(\d{4})-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

function instant(flag: string): (value: string) => number {
  return (value) => {
    const [, year] = isoTime.exec(value) ?? [];
    const time = Date.parse(value);
    if (!(Number(year) >= firstYear && Number(year) <= lastYear) || Number.isNaN(time))
      throw new Failure(
        `${flag} must be an ISO 8601 time of the years ${firstYear} to ${lastYear}, such as 2026-01-31T12:00:00Z, got '${value}'`,
        2,
      );
    return time;
  };
}

interface GenerateIo {
  readonly stdout: Writable & Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
}

export function addGenerate(program: Command, io: GenerateIo): void {
  const { stdout, stderr } = io;
  program
    .command('generate')
    .summary('generate sample events into a file or onto a stream')
    .description(
      'Generates sample events of a pipeline: newline-delimited JSON on stdout or in a file, or records on a Kinesis stream, local or in AWS.\n' +
        'The same seed and start give the same bytes.\n\n' +
        '  npx millrace generate --events 1000 > events.ndjson\n' +
        '  eval "$(npx millrace endpoints)" && npx millrace generate --stream millrace-dev-estore --events 1000 --seed 2',
    )
    .option('--pipeline <name>', 'whose events', 'estore')
    .option('--events <n>', 'distinct valid events', wholeNumber('--events', 0, MOST_EVENTS), 20_000)
    .option('--seed <text>', 'random seed', text('--seed'), '1')
    .option('--start <time>', 'time of the last event (default: now)', instant('--start'))
    .option('--duplicates <share>', 'share of the events that are sent twice (default: 0.02)', share('--duplicates'))
    .option('--late <share>', 'share of the events that are hours old (default: 0.01)', share('--late'))
    .option('--malformed <share>', 'malformed records per event (default: 0.005)', share('--malformed'))
    .option('--oversized <share>', 'records with an oversized field per event (default: 0.0005)', share('--oversized'))
    .option(
      '--refused <n>',
      'records over 1 MiB, which a stream refuses (default: 0)',
      wholeNumber('--refused', 0, 1000),
    )
    .option('--out <file>', 'write the stream’s records here instead of stdout', text('--out'))
    .option('--history <dir>', 'put a fifth of the events into history objects below this folder', text('--history'))
    .option('--history-days <n>', 'days of the history (default: 2)', wholeNumber('--history-days', 1, 366))
    .option('--oracle <file>', 'write the expected counts of the warehouse, as JSON', text('--oracle'))
    .option('--stream <name>', 'put the records onto this Kinesis stream instead', text('--stream'))
    .option('--endpoint <url>', 'endpoint of Kinesis (default: AWS_ENDPOINT_URL, else AWS)', text('--endpoint'))
    .action(async (options: GenerateOptions) => {
      if (options.stream !== undefined && options.out !== undefined)
        throw new Failure('--out and --stream exclude each other', 2);
      if (options.endpoint !== undefined && options.stream === undefined)
        throw new Failure('--endpoint needs --stream', 2);
      const { oracle: _oracle, history, ...knobs } = options;
      const start = options.start ?? Date.now();
      const generation = generatorOf(options.pipeline).generate({
        ...knobs,
        start,
        ...(history === undefined ? { historyShare: 0, overlap: 0 } : {}),
      });
      if (history !== undefined) writeHistory(generation, history, stderr);
      if (options.stream !== undefined) await toStream(generation, { ...options, start, stream: options.stream }, io);
      else await toFile(generation.stream(), options.out, stdout);
      if (options.oracle !== undefined)
        writeFileSync(options.oracle, `${JSON.stringify(generation.oracle, null, 2)}\n`);
    });
}

function writeHistory(generation: Generation, dir: string, stderr: Output): void {
  let objects = 0;
  let rows = 0;
  for (const object of generation.history()) {
    const path = join(dir, object.key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, object.body);
    objects++;
    rows += object.rows;
  }
  stderr.write(`wrote ${plural(rows, 'row')} in ${plural(objects, 'history object')} below ${dir}\n`);
}

async function toFile(records: Iterable<GeneratedRecord>, path: string | undefined, stdout: Writable): Promise<void> {
  const source = Readable.from(chunks(records), { objectMode: false });
  await pipe(source, path === undefined ? stdout : createWriteStream(path), { end: path !== undefined });
}

/** Joins lines into pieces of about 64 KiB, because one write per line is slow. */
function* chunks(records: Iterable<GeneratedRecord>): Generator<string> {
  let chunk = '';
  for (const { data } of records) {
    chunk += `${data}\n`;
    if (chunk.length < 65_536) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}

async function toStream(
  generation: Generation,
  { stream, endpoint, events, start, seed }: GenerateOptions & { readonly stream: string; readonly start: number },
  { stderr, env }: GenerateIo,
): Promise<void> {
  const client = new KinesisClient({ ...clientSettings(), ...(endpoint === undefined ? {} : { endpoint }) });
  const progress = new Progress(stderr, styleFor(stderr, env));
  const time = new Date(start).toISOString();
  progress.ifInterrupted(
    `Records that the stream accepted stay there. With --seed ${seed} --start ${time} the same records are sent, and those become duplicates.`,
  );
  const stage = progress.stage('send', `to ${stream}`);
  try {
    const result = await interruptible(
      (signal) =>
        feedStream(client, stream, generation.stream(), {
          signal,
          onProgress: (accepted) => stage.count(accepted, 'records', Math.max(accepted, events)),
        }),
      () => progress.interruption(),
    );
    const extras = [
      result.refused > 0 ? `${grouped(result.refused)} refused` : '',
      result.resent > 0 ? `${grouped(result.resent)} sent again` : '',
    ].filter(Boolean);
    stage.done(
      `${plural(result.accepted, 'record')} onto ${stream}${extras.length > 0 ? ` (${extras.join(', ')})` : ''}`,
    );
  } catch (error) {
    if (!(error instanceof Interrupted)) stage.failed();
    throw error;
  } finally {
    progress.stop();
    client.destroy();
  }
}
