import type { Pipeline } from '../../../pipelines/definition';
import { publicTables } from '../../../sql/names';
import { grouped, type Style } from '../../terminal';
import type { DemoRuntime } from './demo-runtime';
import { failingViewLine, failingViews } from './failing-views';

/** Reports each merge, published window and failing view once, in the order of discovery. */
export class RunWatch {
  private readonly seen = new Set<string>();
  /** The message of each failing view, by `<pipeline>.<view>`. */
  private readonly failing = new Map<string, string>();

  constructor(
    private readonly runtime: Pick<DemoRuntime, 'query' | 'isDeployed'>,
    private readonly pipelines: readonly Pipeline[],
    private readonly style: Style,
  ) {}

  /** Returns a line for each that happened since the last call. */
  async news(): Promise<string[]> {
    const lines: string[] = [];
    for (const pipeline of this.pipelines) {
      if (!this.runtime.isDeployed(pipeline.name)) continue;
      try {
        lines.push(
          ...(await this.merges(pipeline)),
          ...(await this.exports(pipeline)),
          ...(await this.failures(pipeline)),
        );
      } catch (error) {
        // A deployment may drop the tables between two calls.
        if (!/does not exist/.test((error as Error).message)) throw error;
      }
    }
    return lines;
  }

  private async merges(pipeline: Pipeline): Promise<string[]> {
    const { rows } = await this.runtime.query(
      `select run_id, source, events, duplicates, rejects, merged_at from ${publicTables(pipeline).runs} where rows_read > 0 order by merged_at desc limit 50`,
    );
    return this.fresh(rows, ([runId, source]) => `${pipeline.name}/${source}/${runId}`).map(
      ([, source, events, duplicates, rejects, mergedAt]) => {
        const counts = `${String(grouped(Number(events))).padStart(7)} events  ${grouped(Number(duplicates))} duplicates  ${grouped(Number(rejects))} rejects`;
        return `${this.time(mergedAt)}  ${this.style.bold(pipeline.name.padEnd(10))} ${`merged ${source}`.padEnd(16)} ${counts}`;
      },
    );
  }

  private async exports(pipeline: Pipeline): Promise<string[]> {
    const { rows } = await this.runtime.query(
      `select export, window_start, row_count, file_count, published_at from ${publicTables(pipeline).exports} order by published_at desc limit 50`,
    );
    return this.fresh(rows, ([name, start]) => `${pipeline.name}/export/${name}/${start}`).map(
      ([name, start, count, files, publishedAt]) => {
        const window = String(start).slice(0, 16);
        return `${this.time(publishedAt)}  ${this.style.bold(pipeline.name.padEnd(10))} ${'published'.padEnd(16)} ${this.style.cyan(String(name))} ${window}  ${grouped(Number(count))} rows in ${Number(files)} file${Number(files) === 1 ? '' : 's'}`;
      },
    );
  }

  /** Reports a failing view once for each message, and once when it is refreshed again. */
  private async failures(pipeline: Pipeline): Promise<string[]> {
    const failing = await failingViews(this.runtime, pipeline);
    const now = new Map(failing.map(({ view, error, waiting }) => [`${pipeline.name}.${view}`, { error, waiting }]));
    const lines: string[] = [];
    for (const [view, { error, waiting }] of now) {
      if (this.failing.get(view) === error) continue;
      this.failing.set(view, error);
      lines.push(failingViewLine({ view, error, waiting }, this.style));
    }
    for (const view of this.failing.keys()) {
      if (!view.startsWith(`${pipeline.name}.`) || now.has(view)) continue;
      this.failing.delete(view);
      lines.push(`${this.style.green('✔')} ${view} is refreshed again`);
    }
    return lines;
  }

  private fresh(rows: readonly unknown[][], keyOf: (row: readonly unknown[]) => string): unknown[][] {
    return rows
      .filter((row) => !this.seen.has(keyOf(row)))
      .reverse()
      .map((row) => {
        this.seen.add(keyOf(row));
        return row;
      });
  }

  private time(timestamp: unknown): string {
    return this.style.dim(String(timestamp).slice(11, 19));
  }
}
