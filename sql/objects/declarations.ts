import type {
  Column,
  ExportDefinition,
  HistorySource,
  Pipeline,
  SourceFilter,
  StreamDefinition,
} from '../../pipelines/definition';
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
  readonly refreshEveryMinutes: number;
  readonly stack?: string;
  /** By name. */
  readonly exports: Readonly<Record<string, Omit<ExportDefinition, 'name' | 'file'>>>;
}

function pipelineDeclaration(pipeline: Pipeline): PipelineDeclaration {
  const { stream, identity, columns, where, history = [], refreshEveryMinutes, stack } = pipeline;
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
    refreshEveryMinutes,
    ...(stack === undefined ? {} : { stack }),
    exports: Object.fromEntries(exports),
  };
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
