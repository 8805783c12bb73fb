import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { exportPrefix } from '../../../lambda/export/contract';
import { latestKey, removedKey, runOfKey, sentinelKey } from '../../../lambda/export/layout';
import { parseSuccess, type Success } from '../../../lambda/export/publication';
import type { Pipeline } from '../../../pipelines/definition';
import { buckets, type Cloud, outsider } from '../cloud';
import { difference, rows, type Value } from './query';

/** A partner's copy of a window. */
interface Held {
  readonly success: Success;
  /** The lines of all files that are there, without headers. */
  readonly lines: readonly string[];
}

/** Reads an export like a partner who polls it: from the pointer back along the chain to the last publication read. */
export class ExportReader {
  /** The windows by start. */
  readonly windows = new Map<string, Held>();
  /** The publications in sequence. */
  readonly publications: Success[] = [];

  constructor(
    private readonly cloud: Cloud,
    private readonly pipeline: Pipeline,
  ) {}

  /** Reads what was published since the last call. It must be complete and in order. A correction replaces a window. */
  async look(problems: string[]): Promise<void> {
    const key = latestKey(this.pipeline.name, this.pipeline.exports[0]!.name);
    const text = await this.read(key);
    const last = this.publications.at(-1);
    if (text === undefined) {
      if (last) problems.push(`${key} is gone`);
      return;
    }
    let at: Success['previous'] = JSON.parse(text.toString());
    const found: Success[] = [];
    while (at !== null && at.sequence > (last?.sequence ?? 0)) {
      const body = await this.read(at.success);
      if (body === undefined) return void problems.push(`publication ${at.sequence}: ${at.success} is not there`);
      const success = parseSuccess(body.toString(), at.success);
      if (success.sequence !== at.sequence)
        problems.push(`${at.success} must be publication ${at.sequence}, is ${success.sequence}`);
      found.unshift(success);
      at = success.previous;
    }
    if (at?.sequence !== last?.sequence || (at && at.success !== `${last!.prefix}success.json`))
      problems.push(`the chain leads to ${at?.success}, and publication ${last?.sequence} was below ${last?.prefix}`);
    for (const success of found) await this.take(success, problems);
  }

  private async take(success: Success, problems: string[]): Promise<void> {
    const { sequence, kind, revision, window, prefix, files } = success;
    const expected = this.publications.length + 1;
    if (sequence !== expected) problems.push(`publication ${sequence} of ${prefix} follows ${expected - 1}`);
    const before = this.windows.get(window.start)?.success;
    if (kind !== (before ? 'correction' : 'window') || revision !== (before ? before.revision + 1 : 0))
      problems.push(`${prefix} is ${kind} ${revision} of its window, after revision ${before?.revision ?? 'none'}`);
    const isRemoved = await this.isRemoved(success);
    const lines: string[] = [];
    for (const file of files) lines.push(...(await this.linesOf(file, isRemoved, problems)));
    if (lines.length !== success.rows && !isRemoved)
      problems.push(`${prefix}: ${lines.length} lines, its success file says ${success.rows}`);
    this.publications.push(success);
    this.windows.set(window.start, { success, lines });
  }

  /**
   * Returns the lines of a CSV file without its header.
   * @param mayBeGone true if the publication says that its files were deleted when a subject was forgotten
   */
  private async linesOf(file: Success['files'][number], mayBeGone: boolean, problems: string[]): Promise<string[]> {
    const body = await this.read(file.key);
    if (body === undefined) {
      if (mayBeGone) return [];
      problems.push(`${file.key} was published, but is not there`);
      return [];
    }
    const sha256 = createHash('sha256').update(body).digest('hex');
    if (body.length !== file.bytes || sha256 !== file.sha256)
      problems.push(`${file.key} is not what its success file says`);
    const lines = gunzipSync(body).toString().trimEnd().split('\n').slice(1);
    if (lines.length !== file.rows)
      problems.push(`${file.key}: ${lines.length} lines, its success file says ${file.rows}`);
    return lines;
  }

  /** True if a note says that the files were deleted when a subject was forgotten. */
  async isRemoved({ prefix }: Success): Promise<boolean> {
    return (await this.read(removedKey(prefix))) !== undefined;
  }

  private async read(key: string): Promise<Buffer | undefined> {
    try {
      return await this.cloud.s3.port.get(outsider, buckets.exports, key);
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return undefined;
      throw error;
    }
  }
}

/**
 * Checks the exports. The newest revision of each window has the events that arrived on the stream within it, each
 * once, even if they came by the archive. The ledger has each publication once, and the bucket has nothing else.
 */
export async function verifyExports(cloud: Cloud, pipeline: Pipeline): Promise<string[]> {
  const problems: string[] = [];
  const reader = new ExportReader(cloud, pipeline);
  await reader.look(problems);
  const recorded = await rows<Value[]>(cloud, `select sequence, location, row_count from ${pipeline.name}.exports`);
  const published = reader.publications.map(({ sequence, prefix, rows: count }) => [
    sequence,
    `s3://${buckets.exports}/${prefix}`,
    count,
  ]);
  const text = (row: readonly unknown[]) => row.join(' ');
  problems.push(...difference('ledger of exports', published.map(text), recorded.map(text)));
  problems.push(...(await leftovers(cloud, pipeline, reader)));
  const events = await rows<Value[]>(
    cloud,
    `select event_id, id, amount, arrived_at from ${pipeline.name}.events where arrived_at is not null`,
  );
  const open = new Set(events);
  const timeOf = ([, , , at]: readonly Value[]) => new Date(`${at}Z`).toISOString();
  for (const [start, { success, lines }] of reader.windows) {
    if (await reader.isRemoved(success))
      problems.push(`${success.prefix} is the newest of its window, and was removed`);
    const within = events.filter((event) => timeOf(event) >= start && timeOf(event) < success.window.end);
    for (const event of within) open.delete(event);
    const expected = within.map((event) => event.join(','));
    problems.push(...difference(`export of ${start}, revision ${success.revision}`, expected, lines));
  }
  for (const [, id, , at] of open) problems.push(`${id} arrived at ${at}, and its window was never published`);
  return problems;
}

/** Finds keys that belong to no publication, and sentinels of unfinished ones. */
async function leftovers(cloud: Cloud, { name, exports }: Pipeline, reader: ExportReader): Promise<string[]> {
  const exported = exports[0]!.name;
  const prefixes = new Set(reader.publications.map(({ prefix }) => prefix));
  const objects = await cloud.s3.port.list(outsider, buckets.exports, exportPrefix(name, exported));
  return objects.flatMap(({ key }) => {
    const run = runOfKey(name, exported, key);
    const isPublished = run !== undefined && prefixes.has(run) && key !== sentinelKey(run);
    return isPublished || key === latestKey(name, exported) ? [] : [`${key} was left in the bucket`];
  });
}
