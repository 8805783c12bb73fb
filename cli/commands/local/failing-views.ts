import type { Pipeline } from '../../../pipelines/definition';
import { publicTables } from '../../../sql/names';
import type { Style } from '../../terminal';
import type { DemoRuntime } from './demo-runtime';

/** A view that the last run could not refresh. */
export interface FailingView {
  readonly view: string;
  /** Redshift's message. */
  readonly error: string;
  /** The views that read the failing view. They wait, and so do their exports. */
  readonly waiting: readonly string[];
}

/** Returns the failing views of a pipeline. */
export async function failingViews(runtime: Pick<DemoRuntime, 'query'>, pipeline: Pipeline): Promise<FailingView[]> {
  const { rows } = await runtime.query(
    `select view_name, waits_for, error from ${publicTables(pipeline).view_failures} order by 1`,
  );
  return rows
    .filter(([, waitsFor]) => waitsFor === null)
    .map(([view, , error]) => ({
      view: String(view),
      error: String(error),
      waiting: rows.filter(([, waitsFor]) => waitsFor === view).map(([name]) => String(name)),
    }));
}

export function failingViewLine({ view, error, waiting }: FailingView, style: Style): string {
  const others = waiting.length === 0 ? 'its exports wait' : `${waiting.join(', ')} and all their exports wait`;
  return `${style.red('✘')} ${view} could not be refreshed: ${error}; ${others}`;
}
