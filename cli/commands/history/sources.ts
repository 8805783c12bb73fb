import { type LoadPlan, type LoadSource, literalPrefixes } from '../../../lambda/load/contract';
import { globMatcher } from '../../../lambda/load/glob';
import { pipelines as all } from '../../../pipelines';
import type { Pipeline } from '../../../pipelines/definition';
import { loadPlan } from '../../../sql/history/load';
import { Failure } from '../../failure';
import { assertTimeLeft, type Context } from '../context';

export const hasHistory = ({ history }: Pipeline) => history !== undefined;
/** Accepts every pipeline: each has an archive that can be loaded. */
export const any = () => true;

/** Returns the named pipeline, or all that are `able`. @throws Failure that lists the possible ones */
export function chosenPipelines(name: string | undefined, able: (pipeline: Pipeline) => boolean): Pipeline[] {
  const possible = all.filter(able);
  const chosen = possible.filter((pipeline) => name === undefined || pipeline.name === name);
  if (chosen.length > 0 || name === undefined) return chosen;
  throw new Failure(
    `--pipeline must be one of ${possible.map((pipeline) => pipeline.name).join(', ')}, got '${name}'`,
    2,
  );
}

/**
 * Runs a command for each pipeline. Returns true if each run returned true.
 * @throws Failure if the time is up before the last pipeline; after Ctrl-C no time is left
 */
export async function forEach(
  context: Context,
  pipelines: readonly Pipeline[],
  act: (pipeline: Pipeline) => Promise<boolean>,
) {
  let good = true;
  for (const pipeline of pipelines) {
    assertTimeLeft(context, pipeline.name);
    good = (await act(pipeline)) && good;
  }
  return good;
}

/** Knows which objects belong to a pipeline, and how the load function would treat them. */
export class Sources {
  readonly plan: LoadPlan;
  private readonly matchers: readonly { source: LoadSource; matches: (key: string) => boolean }[];

  constructor(readonly pipeline: Pipeline) {
    this.plan = loadPlan(pipeline);
    this.matchers = this.plan.sources.flatMap((source) =>
      source.globs.map((glob) => ({ source, matches: globMatcher(glob) })),
    );
  }

  /** Returns the source that a key of that bucket belongs to. */
  of(bucket: LoadSource['bucket'], key: string): LoadSource | undefined {
    return this.matchers.find(({ source, matches }) => source.bucket === bucket && matches(key))?.source;
  }

  globs(bucket: LoadSource['bucket']): string[] {
    return this.plan.sources.filter((source) => source.bucket === bucket).flatMap(({ globs }) => globs);
  }

  /** Returns the prefixes to list, so that each key of the sources comes once. No prefix contains another. */
  prefixes(bucket: LoadSource['bucket']): string[] {
    return literalPrefixes(this.globs(bucket));
  }
}
