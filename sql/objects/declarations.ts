import type { EndpointParam } from '../../lambda/endpoint/contract';
import type {
  Column,
  ExportDefinition,
  HistorySource,
  Pipeline,
  Retention,
  SourceFilter,
  StreamDefinition,
} from '../../pipelines/definition';
import { endpointsPlan } from '../endpoints/plan';
import type { ResolvedPipeline } from '../resolve';
import { identityParts } from '../tables/identity';
import { hashDefinition, shortHash } from '../text/definition';
import { type ObjectOptions, object, type WarehouseObject } from './object';

/**
 * What a pipeline declares besides its warehouse objects. Queries are recorded as hashes, so that white space and
 * comments make no difference.
 */
export interface PipelineDeclaration {
  readonly stream: StreamDefinition;
  readonly identity: Pipeline['identity'];
  readonly identityParts: ReturnType<typeof identityParts>;
  readonly columns: readonly Column[];
  readonly where?: readonly SourceFilter[];
  readonly history: readonly HistorySource[];
  readonly retention?: Retention;
  readonly refreshEveryMinutes: number;
  readonly stack?: string;
  /** By name. */
  readonly exports: Readonly<Record<string, Omit<ExportDefinition, 'name' | 'file'>>>;
  /** By name. @default - none */
  readonly endpoints?: Readonly<Record<string, EndpointDeclaration>>;
}

/** What the readers of an endpoint rely on, and its query. */
export interface EndpointDeclaration {
  readonly query: string;
  /** By name. */
  readonly params: Readonly<Record<string, Omit<EndpointParam, 'name' | 'description'>>>;
  /** Types by name, in the order of the columns. */
  readonly columns: Readonly<Record<string, string>>;
  readonly maxRows: number;
  readonly timeoutSeconds: number;
  readonly tenant?: string;
  readonly allowBreaking?: true;
}

function pipelineDeclaration(pipeline: Pipeline): PipelineDeclaration {
  const { stream, identity, columns, where, history = [], retention, refreshEveryMinutes, stack } = pipeline;
  const exports = pipeline.exports.map(({ name, file: _, query, ...rest }) => [
    name,
    // Materialize has its own SQL, which `hashDefinition` cannot read.
    { query: rest.engine === 'materialize' ? shortHash(query) : hashDefinition(query), ...rest },
  ]);
  return {
    stream,
    identity,
    identityParts: identityParts(pipeline),
    columns,
    ...(where === undefined ? {} : { where }),
    history,
    ...(retention === undefined ? {} : { retention }),
    refreshEveryMinutes,
    ...(stack === undefined ? {} : { stack }),
    exports: Object.fromEntries(exports),
    ...((pipeline.endpoints ?? []).length === 0 ? {} : { endpoints: endpointDeclarations(pipeline) }),
  };
}

function endpointDeclarations(pipeline: Pipeline): Record<string, EndpointDeclaration> {
  const { endpoints = [] } = pipeline;
  const compiled = endpointsPlan([pipeline]).map(({ name, params, columns, maxRows, timeoutSeconds, tenant }) => {
    const { query, allowBreaking } = endpoints.find((endpoint) => endpoint.name === name)!;
    return [
      name,
      {
        query: hashDefinition(query),
        params: Object.fromEntries(params.map(({ name: param, description: _, ...rest }) => [param, rest])),
        columns: Object.fromEntries(columns.map((column) => [column.name, column.type])),
        maxRows,
        timeoutSeconds,
        ...(tenant === undefined ? {} : { tenant }),
        ...(allowBreaking ? { allowBreaking } : {}),
      },
    ] as const;
  });
  return Object.fromEntries(compiled);
}

/** Recorded before the pipeline's first object. Removed after its last object, unless the pipeline's data is kept. */
export function pipelineObject({ name, definition, publicTables }: ResolvedPipeline): WarehouseObject {
  return declarationObject('Pipeline', name, 'pipeline', pipelineDeclaration(definition), {
    events: `select count(*) as amount from ${publicTables.events}`,
  });
}

/** What an environment declares. It is recorded and has no object in the warehouse. */
export function environmentObject(name: string, declaration: object): WarehouseObject {
  return declarationObject('Environment', name, 'environment', declaration);
}

function declarationObject(
  id: string,
  name: string,
  kind: 'pipeline' | 'environment',
  declared: object,
  more: Pick<ObjectOptions, 'events'> = {},
): WarehouseObject {
  const declaration = JSON.stringify(declared);
  const version = shortHash(declaration);
  return object(id, name, kind, { version, create: [], delete: [], declaration, retain: kind === 'pipeline', ...more });
}
