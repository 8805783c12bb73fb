import { gunzipSync } from 'node:zlib';
import type { Pipeline } from '../../../pipelines/definition';
import { buckets, type Cloud, outsider } from '../cloud';
import { difference, rows, type Value } from './query';

interface Pointer {
  readonly window: { readonly start: string };
  readonly prefix: string;
  readonly rows: number;
  readonly files: readonly string[];
}

/** Reads an export as a partner does: from its pointer to the files. */
export class ExportReader {
  private readonly root: string;
  private last = '';

  constructor(
    private readonly cloud: Cloud,
    { name, exports }: Pipeline,
  ) {
    this.root = `exports/${name}/${exports[0]!.name}/`;
  }

  /** What the pointer names must be whole now, and may not be older than what it named before. */
  async look(problems: string[]): Promise<void> {
    const text = await this.read(`${this.root}latest.json`);
    if (text === undefined || text.toString() === this.last) return;
    const before = this.last === '' ? undefined : (JSON.parse(this.last) as Pointer);
    this.last = text.toString();
    const pointer = JSON.parse(this.last) as Pointer;
    if (before && pointer.window.start < before.window.start)
      problems.push(`latest.json went back from ${before.window.start} to ${pointer.window.start}`);
    const lines = await this.linesOf(pointer.files, problems);
    if (lines.length !== pointer.rows)
      problems.push(
        `latest.json tells of ${pointer.rows} rows, the files below ${pointer.prefix} have ${lines.length}`,
      );
    if ((await this.read(`${pointer.prefix}success.json`)) === undefined)
      problems.push(`latest.json names ${pointer.prefix}, which has no success.json`);
  }

  /** The lines of CSV files without their headers. */
  async linesOf(keys: readonly string[], problems: string[]): Promise<string[]> {
    const lines: string[] = [];
    for (const key of keys) {
      const body = await this.read(key);
      if (body === undefined) problems.push(`${key} was published, but is not there`);
      else lines.push(...gunzipSync(body).toString().trimEnd().split('\n').slice(1));
    }
    return lines;
  }

  async read(key: string): Promise<Buffer | undefined> {
    try {
      return await this.cloud.s3.port.get(outsider, buckets.exports, key);
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return undefined;
      throw error;
    }
  }
}

/**
 * The ledger of exports has each window once and each has, in the files that its success file names, the events that arrived on the stream
 * within it. Those that came too late for their window, out of the archive, are in none.
 */
export async function verifyExports(cloud: Cloud, pipeline: Pipeline): Promise<string[]> {
  const problems: string[] = [];
  const reader = new ExportReader(cloud, pipeline);
  const published = await rows<Value[]>(
    cloud,
    `select window_start, window_end, location, row_count from ${pipeline.name}.exports order by 1`,
  );
  const starts = published.map(([start]) => String(start));
  problems.push(...difference('windows of the ledger of exports', new Set(starts), starts));
  const events = await rows<Value[]>(
    cloud,
    `select event_id, id, amount, arrived_at, source from ${pipeline.name}.events where arrived_at is not null`,
  );
  const open = new Set(events);
  for (const [start, end, location, count] of published) {
    const prefix = String(location).slice(`s3://${buckets.exports}/`.length);
    const success = JSON.parse(String((await reader.read(`${prefix}success.json`)) ?? '{"files":[],"rows":-1}'));
    const lines = await reader.linesOf(success.files, problems);
    if (lines.length !== success.rows || lines.length !== Number(count))
      problems.push(`${prefix}: ${lines.length} lines, success.json says ${success.rows} and the ledger ${count}`);
    if ((await reader.read(`${prefix}INCOMPLETE`)) !== undefined) problems.push(`${prefix} is still marked incomplete`);
    const within = events.filter(([, , , at]) => String(at) >= String(start) && String(at) < String(end));
    for (const event of within) open.delete(event);
    const text = ([eventId, id, amount, at]: readonly Value[]) => [eventId, id, amount, at].join(',');
    const late = new Set(within.filter(([, , , , source]) => source === 'archive').map(text));
    const without = lines.filter((line) => !late.has(line));
    const timely = within.map(text).filter((line) => !late.has(line));
    problems.push(...difference(`export of ${start}`, timely, without));
    problems.push(...difference(`late rows of the export of ${start}`, new Set(lines), lines));
  }
  for (const [, id, , at, source] of open)
    problems.push(`${id} arrived at ${at} by the ${source}, and its window was never published`);
  return problems;
}
