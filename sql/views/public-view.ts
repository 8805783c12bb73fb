import type { Step } from '../../lambda/shared/plan';
import type { Pipeline } from '../../pipelines/definition';
import { identifier, reservedProblems } from '../text/identifier';
import { outputColumns } from './output-columns';

/** A column under its public name, with its name in the source. */
interface PublicColumn {
  readonly name: string;
  /** @default - the same name */
  readonly stored?: string;
}

/**
 * The statements of a plain view under a public name over its current source. Every column is named: `*` would keep
 * the columns of the day of creation, and CREATE OR REPLACE requires that the columns stay the same.
 * @param name schema-qualified, as `estore.hourly_views`
 * @param source schema-qualified
 */
export function publicView(
  name: string,
  source: string,
  columns: readonly PublicColumn[],
): { readonly create: readonly Step[]; readonly delete: readonly Step[] } {
  const list = columns.map(({ name: column, stored = column }) =>
    stored === column ? `  ${identifier(column)}` : `  ${identifier(stored)} as ${identifier(column)}`,
  );
  const create = `create or replace view ${name} as\nselect\n${list.join(',\n')}\nfrom ${source}`;
  return {
    create: [{ name: 'switch', mode: 'single', statements: [create] }],
    delete: [{ name: 'drop', mode: 'single', statements: [`drop view if exists ${name}`] }],
  };
}

/** The columns of one of the pipeline's views, as its public view shows them. */
export const viewColumns = (pipeline: Pipeline, view: string): PublicColumn[] =>
  outputColumns(pipeline, `select * from ${pipeline.name}.${view}`).map(({ name }) => ({ name: name! }));

/** Problems of the views' columns, one line each: no name, a name used twice, a reserved word. */
export function viewColumnProblems(pipeline: Pipeline): string[] {
  return pipeline.views.flatMap(({ name: view, query, file }) => {
    const at = `pipelines.${pipeline.name}.views.${view} (${file})`;
    const columns = outputColumns(pipeline, query);
    const names = columns.map(({ name }) => name);
    return [
      ...columns
        .filter(({ name }) => name === undefined)
        .map(({ text }) => `${at} has a column without a name, ${text}: give it one with as`),
      ...[...new Set(names.filter((name, index) => name !== undefined && names.indexOf(name) !== index))].map(
        (name) => `${at} has more than one column ${name}: give them different names with as`,
      ),
      ...names.flatMap((name) => reservedProblems(`${at}: the name of a column`, name ?? '')),
    ];
  });
}
