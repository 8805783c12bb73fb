import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { exportExposure, relationsRead } from './exposures';
import { yamlText } from './yaml';

/** Materialize's default schema. */
const defaultSchema = 'public';

/**
 * What the exports of the engine `materialize` read there, and these exports as exposures: `src_materialize.yml`.
 * Millrace does not deploy these relations, so it knows no columns of them. Undefined if there is no such export.
 */
export function materializeFile(environment: Environment, pipelines: readonly Pipeline[]): string | undefined {
  const exports = pipelines.flatMap((pipeline) =>
    pipeline.exports
      .filter(({ engine }) => engine === 'materialize')
      .map((definition) => ({
        pipeline: pipeline.name,
        definition,
        reads: relationsRead(definition.query).map(({ schema = defaultSchema, name }) => ({ schema, name })),
      })),
  );
  if (exports.length === 0) return undefined;
  const schemas = [...new Set(exports.flatMap(({ reads }) => reads.map(({ schema }) => schema)))].sort();
  return yamlText({
    version: 2,
    sources: schemas.map((schema) => ({
      name: sourceName(schema),
      description: `The schema ${schema} of Materialize.`,
      schema,
      tables: tablesOf(schema, exports),
    })),
    exposures: exports.map(({ pipeline, definition, reads }) =>
      exportExposure(environment, pipeline, definition, [
        ...new Set(reads.map(({ schema, name }) => `source('${sourceName(schema)}', '${name}')`)),
      ]),
    ),
  });
}

/** A schema of Materialize may have the name of a pipeline, which is a source of Redshift. */
const sourceName = (schema: string) => `materialize_${schema}`;

interface Read {
  readonly pipeline: string;
  readonly definition: Pipeline['exports'][number];
  readonly reads: readonly { readonly schema: string; readonly name: string }[];
}

function tablesOf(schema: string, exports: readonly Read[]) {
  const readers = new Map<string, Set<string>>();
  for (const { pipeline, definition, reads } of exports)
    for (const read of reads.filter((each) => each.schema === schema))
      readers.set(read.name, (readers.get(read.name) ?? new Set()).add(`${pipeline}.${definition.name}`));
  return [...readers].sort().map(([name, names]) => ({
    name,
    description: `Read by ${[...names].map((each) => `the export ${each}`).join(' and ')}.`,
  }));
}
