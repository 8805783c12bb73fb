import type { ExportDefinition, Pipeline, ViewDefinition } from '../../pipelines/definition';
import { significant, TokenError, tokenize } from '../../sql/text/tokens';
import { dependencyProblems, referenceProblems } from '../../sql/views/compiled-views';
import { incrementalProblems } from '../../sql/views/incremental';
import { shown } from './format';

/**
 * What is wrong with the queries of views and exports.
 * @param withRelations whether the pipeline is sound enough to ask which relations and columns they name
 */
export function queryProblems(pipeline: Pipeline, withRelations: boolean): string[] {
  const problems = [
    ...pipeline.views.flatMap((view) => statementProblems(pipeline, 'views', view)),
    ...pipeline.exports.flatMap((definition) => statementProblems(pipeline, 'exports', definition)),
  ];
  if (problems.length > 0 || !withRelations) return problems;
  return [
    ...dependencyProblems(pipeline),
    ...pipeline.exports
      .filter(({ engine }) => engine !== 'materialize')
      .flatMap((definition) => referenceProblems(pipeline, 'exports', definition)),
  ];
}

/** What is wrong with a query by itself. */
function statementProblems(
  pipeline: Pipeline,
  kind: 'views' | 'exports',
  definition: ViewDefinition | ExportDefinition,
): string[] {
  const { name, query, file } = definition;
  const at = `pipelines.${pipeline.name}.${kind}.${name} (${file})`;
  try {
    const tokens = significant(tokenize(query));
    if (query.includes('{{')) return [`${at} cannot hold {{, which marks a placeholder`];
    const end = tokens.findIndex((token) => token.text === ';');
    if (end >= 0 && end < tokens.length - 1) return [`${at} must be one statement`];
    if (tokens[0]?.value !== 'select' && !(kind === 'exports' && tokens[0]?.value === 'with'))
      return [`${at} must be a select, got ${shown(tokens[0]?.text ?? '')}`];
    const recomputed = 'recomputed' in definition && definition.recomputed === true;
    return kind === 'views' ? incrementalProblems(tokens, recomputed).map((problem) => `${at} ${problem}`) : [];
  } catch (error) {
    if (error instanceof TokenError) return [`${at}: ${error.message}`];
    throw error;
  }
}
