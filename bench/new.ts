/**
 * `npx millrace new` as a newcomer meets it. How fast samples are read, beside DuckDB's readers of the same files in the same
 * run: with their own guess from 20,480 rows, and with one that looks at all rows as Millrace does. Then the time from
 * `npm ci` to the first query over own data, in a copy of the tree. Then the table of nasty files. Wanted: 50 MB/s, two
 * minutes.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, createReadStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { blocksOf, type Format, profile } from '../cli/profile';
import { createRandom, randomText } from '../pipelines/generator/random';
import { leastOf, line, ratio, secondsSince, withDuckdb } from './environment';
import { nastyTable } from './nasty-files';
import { print } from './print';

const root = join(__dirname, '..');
const sampleRows = 20_000;

export async function newPipeline(events: number, repeats: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-new-'));
  try {
    for (const format of ['ndjson', 'csv'] as const)
      await throughput(folder, format, Math.min(events, 500_000), repeats);
    await clock(folder);
    await nastyTable();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function throughput(folder: string, format: Format, rows: number, repeats: number): Promise<void> {
  const file = join(folder, `sample.${format}`);
  writeSample(file, format, rows);
  const bytes = statSync(file).size;
  const reader = format === 'csv' ? 'read_csv_auto' : 'read_json_auto';
  await withDuckdb([], async (duckdb) => {
    const read = (all: string) => () =>
      duckdb(
        `select * from (describe select * from ${reader}('${file}'${all})), (select count(*) from (select hash(t) from ${reader}('${file}'${all}) t))`,
      );
    const least = await leastOf(repeats, {
      ours: async () => {
        const began = performance.now();
        await profile(
          blocksOf(createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>, () => {}),
          { format },
        );
        return secondsSince(began);
      },
      guessed: read(''),
      all: read(', sample_size = -1'),
    });
    const megabytes = bytes / 1e6;
    line(`${format}: millrace, types of all values and identity`, least.ours.seconds, megabytes, 'MB');
    print(`  ${(megabytes / least.ours.processorSeconds).toFixed(0)} MB for each second of processor time; wanted: 50`);
    line(`${format}: DuckDB, types of the first rows, values read`, least.guessed.seconds, megabytes, 'MB');
    ratio(least.ours, least.guessed, 'none: it looks at other rows');
    line(`${format}: DuckDB, types of all rows, values read`, least.all.seconds, megabytes, 'MB');
    ratio(least.ours, least.all, '0.5');
  });
}

/** Records of 14 fields, as an application logs them. */
function writeSample(file: string, format: Format, rows: number): void {
  const random = createRandom(file.split('/').at(-1)!);
  const start = Date.UTC(2026, 9, 1);
  const names = [
    'request_id',
    'user_id',
    'kind',
    'path',
    'status',
    'bytes',
    'seconds',
    'amount',
    'is_new',
    'at',
    'agent',
    'note',
    'referrer',
    'code',
  ];
  const parts: string[] = format === 'csv' ? [`${names.join(',')}\n`] : [];
  for (let row = 0; row < rows; row += 1) {
    const values = [
      `r-${row}-${randomText(random, 12)}`,
      `user_${random.below(50_000)}`,
      random.pick(['view', 'cart', 'purchase']),
      `/products/${random.below(9000)}`,
      random.pick([200, 200, 200, 404, 500]),
      random.below(1_000_000),
      random.below(10_000) / 1000,
      random.below(100_000) / 100,
      random.chance(0.2),
      new Date(start + row * 1500).toISOString(),
      'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
      random.chance(0.5) ? null : randomText(random, 40),
      `https://example.com/${randomText(random, 10)}`,
      `0${random.below(9999)}`,
    ];
    parts.push(
      format === 'csv'
        ? `${values.map((value) => value ?? '').join(',')}\n`
        : `${JSON.stringify(Object.fromEntries(names.map((name, index) => [name, values[index]])))}\n`,
    );
  }
  writeFileSync(file, parts.join(''));
}

const deadlineMs = 240_000;

/** From `npm ci` in a fresh tree to the first rows that a query gives of own data. The clock includes all starts. */
async function clock(folder: string): Promise<void> {
  const tree = join(folder, 'tree');
  const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
  for (const file of files) cpSync(join(root, file), join(tree, file), { recursive: true });
  const sample = join(folder, 'own.ndjson');
  writeSample(sample, 'ndjson', sampleRows);
  const began = performance.now();
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: tree, stdio: 'ignore' });
  line('npm ci', secondsSince(began));
  const millrace = (...args: string[]) =>
    execFileSync(process.execPath, ['bin/millrace.js', ...args], {
      cwd: tree,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  millrace('new', 'own', '--from', sample, '--identity', 'request_id', '--json');
  line(`and millrace new, ${sampleRows} records`, secondsSince(began));
  const data = join(folder, 'data');
  const child = spawn(process.execPath, ['bin/millrace.js', 'local', '--data', data], { cwd: tree, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    for (;;) {
      if (performance.now() - began > deadlineMs)
        throw new Error('no query over own data gave rows within four minutes of npm ci');
      const rows = rowsOf(() =>
        millrace('sql', '--json', '--data', data, 'select sum(events) as events from own.hourly_events'),
      );
      if (rows > 0) break;
      await wait(1000);
    }
    line('and the first query over own data; wanted: 120', secondsSince(began));
  } finally {
    child.kill('SIGINT');
    await ended;
  }
}

/** The number that a query gives. Zero while the environment starts. */
function rowsOf(query: () => string): number {
  try {
    return Number(/\d+/.exec(query().replace(/"[a-z]+"/g, ''))?.[0] ?? 0);
  } catch {
    return 0;
  }
}
