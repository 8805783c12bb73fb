import { createHash } from 'node:crypto';
import type { EndpointColumn, EndpointItem, EndpointStatement } from '../../lambda/endpoint/contract';
import type { EndpointDefinition, Pipeline } from '../../pipelines/definition';
import { type CompiledView, compileViews, withViewsBehind } from '../views/compiled-views';
import { outputColumns } from '../views/output-columns';
import { relationReferences } from '../views/relations';
import { overStored } from '../views/stored-names';
import { defaultMaxRows, paramsOf } from './check';
import { combinations, includedIn } from './combinations';
import { boundParam, paramItem, sampleParam } from './params';
import { boundedQuery } from './row-limit';
import { paramSets, plainText, readTemplate, type Template, textWith } from './template';
import { paramNames, withParams } from './with-params';

const defaultTimeoutSeconds = 20;

/** The endpoints of pipelines, compiled. The pipelines must be valid. */
export function endpointsPlan(pipelines: readonly Pipeline[]): EndpointItem[] {
  return pipelines.flatMap((pipeline) => {
    const { endpoints = [] } = pipeline;
    const views = endpoints.length > 0 ? compileViews(pipeline) : [];
    return endpoints.map((endpoint) => endpointItem(pipeline, endpoint, views));
  });
}

function endpointItem(pipeline: Pipeline, endpoint: EndpointDefinition, views: readonly CompiledView[]): EndpointItem {
  const { name, description, maxRows = defaultMaxRows, timeoutSeconds = defaultTimeoutSeconds, tenant } = endpoint;
  const template = readTemplate(endpoint.query);
  const declared = Object.entries(paramsOf(endpoint));
  const isRequired = (param: string) => template.uses.some((use) => use.name === param && use.clause === undefined);
  const columns = columnsOf(pipeline, endpoint, template);
  const answer = {
    params: declared.map(([param, definition]) => paramItem(param, definition, isRequired(param))),
    clauses: paramSets(template),
    statements: statementsOf(pipeline, endpoint, template, views),
    columns,
    maxRows,
    timeoutSeconds,
    ...(tenant === undefined ? {} : { tenant }),
  };
  return {
    pipeline: pipeline.name,
    name,
    ...(description === undefined ? {} : { description }),
    version: createHash('sha256').update(JSON.stringify(answer)).digest('hex').slice(0, 16),
    ...answer,
    views: withViewsBehind(views, viewsRead(pipeline, template)),
  };
}

const viewsRead = (pipeline: Pipeline, template: Template): string[] => [
  ...new Set(
    relationReferences(plainText(template)).flatMap(({ schema, name }) => (schema === pipeline.name ? [name] : [])),
  ),
];

const withNames = (name: string) => `:${name}`;

function columnsOf(pipeline: Pipeline, endpoint: EndpointDefinition, template: Template): EndpointColumn[] {
  const params = paramsOf(endpoint);
  const sql = withParams(
    textWith(template, () => true, withNames),
    (name) => boundParam(name, params[name]!),
  );
  return outputColumns(pipeline, sql).map(({ name, type }) => ({ name: name!, type: type! }));
}

/** The bounded statements over physical names, by combination, with `:name` for each parameter. */
function boundedStatements(
  pipeline: Pipeline,
  endpoint: EndpointDefinition,
  template: Template,
  views: readonly CompiledView[],
): [number, string][] {
  const physicalNames = new Map(views.map(({ name, physicalName }) => [name, physicalName]));
  const columns = columnsOf(pipeline, endpoint, template);
  const { maxRows = defaultMaxRows } = endpoint;
  return combinations(template).map((bits) => {
    const text = textWith(template, includedIn(template, bits), withNames);
    const { sql } = overStored(pipeline, text, physicalNames);
    return [bits, boundedQuery(sql, columns, paramsOf(endpoint), maxRows).sql];
  });
}

function statementsOf(
  pipeline: Pipeline,
  endpoint: EndpointDefinition,
  template: Template,
  views: readonly CompiledView[],
): Record<string, EndpointStatement> {
  const params = paramsOf(endpoint);
  const names = Object.keys(params);
  return Object.fromEntries(
    boundedStatements(pipeline, endpoint, template, views).map(([bits, text]) => {
      const used = paramNames(text);
      const sql = withParams(text, (name) => boundParam(name, params[name]!));
      return [String(bits), { sql, params: names.filter((name) => used.includes(name)) }];
    }),
  );
}

/** The statements of an endpoint with a sample in place of each parameter, one for each combination. */
export function sampleStatements(pipeline: Pipeline, endpoint: EndpointDefinition): string[] {
  const params = paramsOf(endpoint);
  const template = readTemplate(endpoint.query);
  return boundedStatements(pipeline, endpoint, template, compileViews(pipeline)).map(([, text]) =>
    withParams(text, (name) => sampleParam(params[name]!)),
  );
}

/** Names of the views that an endpoint names in its query. */
export const endpointReads = (pipeline: Pipeline, { query }: Pick<EndpointDefinition, 'query'>): string[] =>
  viewsRead(pipeline, readTemplate(query));

/** Physical names of the views that the pipeline's endpoints read. */
export function endpointViews(pipeline: Pipeline): string[] {
  const read = new Set((pipeline.endpoints ?? []).flatMap((endpoint) => endpointReads(pipeline, endpoint)));
  return compileViews(pipeline)
    .filter(({ name }) => read.has(name))
    .map(({ physicalName }) => physicalName);
}
