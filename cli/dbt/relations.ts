import type { Pipeline } from '../../pipelines/definition';
import { tableShapes } from '../../sql/names';
import { eventsViewColumns } from '../../sql/tables/columns';
import { outputColumns } from '../../sql/views/output-columns';

/** What readers of a relation rely on. */
export interface ReadRelation {
  /** Types by name, undefined where they are not known. Undefined if the columns are not known. */
  readonly columns?: ReadonlyMap<string, string | undefined>;
}

/** The relations of pipelines that people may read, by name: `estore.events`. */
export function readRelations(pipelines: readonly Pipeline[]): Map<string, ReadRelation> {
  const typed = (columns: readonly { readonly name?: string; readonly type?: string }[]) => ({
    columns: new Map(columns.map(({ name, type }) => [name!, type])),
  });
  return new Map(
    pipelines.flatMap((pipeline) => [
      ...Object.entries(tableShapes(pipeline)).map(([table, columns]): [string, ReadRelation] => [
        `${pipeline.name}.${table}`,
        typed(table === 'events' ? eventsViewColumns(pipeline) : columns),
      ]),
      ...pipeline.views.map(({ name, query }): [string, ReadRelation] => [
        `${pipeline.name}.${name}`,
        typed(outputColumns(pipeline, query)),
      ]),
    ]),
  );
}
