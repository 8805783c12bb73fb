import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { ResolvedPipeline } from '../resolve';
import { isForgotten } from '../tables/forgotten';
import { droppedRows } from './expired';
import { isFinalSkip, skipStatements, skipTarget } from './source-filter';

/** Writes records of other pipelines, expired and forgotten records to `skipped`, in one statement. */
export function placeSkippedStatements(
  pipeline: ResolvedPipeline,
  more: Readonly<Record<string, string>> = {},
): StatementTemplate[] {
  const skips = skipStatements(pipeline, more);
  const dropped = droppedRows(pipeline, Object.values(more));
  if (dropped === undefined) return skips;
  if (skips.length > 0) return [`${skips[0]}\nunion all\n${dropped}`];
  return [`${skipTarget(pipeline, more)}\n${dropped}`];
}

/**
 * SQL condition on `skipped`: the outcome is final, because it came from the current `where` or the current retention, or
 * because the subject was forgotten. Undefined if the pipeline skips nothing.
 */
export function finalSkip(pipeline: ResolvedPipeline): string | undefined {
  const { where, retention, subject } = pipeline;
  const conditions = [
    ...(where === undefined ? [] : [isFinalSkip(pipeline)]),
    ...(retention === undefined ? [] : [`filter = ${quoteLiteral(retention.version)}`]),
    ...(subject.length === 0 ? [] : [isForgotten]),
  ];
  if (conditions.length < 2) return conditions[0];
  return `(${conditions.join(' or ')})`;
}
