import type { ExportDefinition, Pipeline, ViewDefinition } from '../../pipelines/definition';
import { endpointProblems } from '../../sql/endpoints/check';
import { place, significant, TokenError, tokenize } from '../../sql/text/tokens';
import { dependencyProblems, referenceProblems } from '../../sql/views/compiled-views';
import { incrementalProblems } from '../../sql/views/incremental';
import { unknownColumns } from '../../sql/views/unknown-columns';
import { nearest, shown } from './format';

/**
 * What is wrong with the queries of views, exports and endpoints.
 * @param withRelations whether the pipeline is sound enough to ask which relations and columns they name
 */
export function queryProblems(pipeline: Pipeline, withRelations: boolean): string[] {
  const problems = [
    ...pipeline.views.flatMap((view) => statementProblems(pipeline, 'views', view)),
    ...pipeline.exports.flatMap((definition) => statementProblems(pipeline, 'exports', definition)),
  ];
  const { endpoints = [] } = pipeline;
  const ofEndpoints = (areViewsRight: boolean) =>
    endpoints.flatMap((endpoint) => endpointProblems(pipeline, endpoint, areViewsRight));
  if (problems.length > 0 || !withRelations) return [...problems, ...ofEndpoints(false)];
  const exports = pipeline.exports.filter(({ engine }) => engine !== 'materialize');
  const found = [
    ...dependencyProblems(pipeline),
    ...exports.flatMap((definition) => referenceProblems(pipeline, 'exports', definition)),
  ];
  if (found.length > 0) return [...found, ...ofEndpoints(false)];
  return [
    ...pipeline.views.flatMap((view) => columnProblems(pipeline, 'views', view)),
    ...exports.flatMap((definition) => columnProblems(pipeline, 'exports', definition)),
    ...ofEndpoints(true),
  ];
}

/** Reports names that are not columns of any relation that the query reads. */
function columnProblems(
  pipeline: Pipeline,
  kind: 'views' | 'exports',
  { name, query, file }: ViewDefinition | ExportDefinition,
): string[] {
  return unknownColumns(pipeline, query).map(({ name: column, at, known }) => {
    const names = [...new Set(known)];
    const best = nearest(column, names);
    const hint = best === undefined ? `known are ${names.join(', ')}` : `did you mean ${best}?`;
    return `pipelines.${pipeline.name}.${kind}.${name} (${file}, ${place(query, at)}) names ${column}, which is no column of what it reads; ${hint}`;
  });
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
    if (tokens[0]?.value !== 'select' && tokens[0]?.value !== 'with')
      return [`${at} must be a select, got ${shown(tokens[0]?.text ?? '')}`];
    const recomputed = 'recomputed' in definition && definition.recomputed === true;
    return kind === 'views' ? incrementalProblems(tokens, recomputed).map((problem) => `${at} ${problem}`) : [];
  } catch (error) {
    if (error instanceof TokenError) return [`${at}: ${error.message}`];
    throw error;
  }
}
