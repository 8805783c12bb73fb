import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { ResolvedPipeline } from '../resolve';
import { expiredRows } from './expired';
import { isFinalSkip, skipStatements, skipTarget } from './source-filter';

/** Writes records of other pipelines and expired records to `skipped`, in one statement. */
export function placeSkippedStatements(
  pipeline: ResolvedPipeline,
  more: Readonly<Record<string, string>> = {},
): StatementTemplate[] {
  const skips = skipStatements(pipeline, more);
  const expired = expiredRows(pipeline, Object.values(more));
  if (expired === undefined) return skips;
  if (skips.length > 0) return [`${skips[0]}\nunion all\n${expired}`];
  return [`${skipTarget(pipeline, more)}\n${expired}`];
}

/**
 * SQL condition on `skipped`: the outcome is final, because it came from the current `where` or the current retention.
 * Undefined if the pipeline skips nothing.
 */
export function finalSkip(pipeline: ResolvedPipeline): string | undefined {
  const { where, retention } = pipeline;
  const conditions = [
    ...(where === undefined ? [] : [isFinalSkip(pipeline)]),
    ...(retention === undefined ? [] : [`filter = ${quoteLiteral(retention.version)}`]),
  ];
  if (conditions.length < 2) return conditions[0];
  return `(${conditions.join(' or ')})`;
}
