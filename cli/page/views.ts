import type { Pipeline } from '../../pipelines/definition';
import { compileViews, exportPlan, publicTables, tableShapes } from '../../sql';
import { outputColumns } from '../../sql/views/output-columns';
import { relationReferences } from '../../sql/views/relations';
import type { ViewNode } from '../../ui/api';
import type { Calls } from '../../ui/server';
import { warehouseTime } from '../commands/context';
import type { PagePorts } from './ports';

/** Answers the page's call for the graph of tables, views and exports, whose edges are reads. */
export function viewCalls(ports: PagePorts, pipelines: readonly Pipeline[]): Pick<Calls, '/api/views'> {
  return {
    async '/api/views'() {
      const deployed = pipelines.filter(({ name }) => ports.isDeployed(name));
      const nodes: ViewNode[] = [];
      for (const pipeline of deployed) nodes.push(...(await nodesOf(ports, pipeline)));
      return { nodes };
    },
  };
}

async function nodesOf(ports: PagePorts, pipeline: Pipeline): Promise<ViewNode[]> {
  const compiled = compileViews(pipeline);
  const declared = (name: string) => pipeline.views.find((view) => view.name === name)!;
  const readsOf = (query: string) => [
    ...new Set(
      relationReferences(query)
        .filter(({ schema }) => schema === pipeline.name)
        .map(({ name }) => `${pipeline.name}.${name}`),
    ),
  ];
  const states = await statesOf(ports, pipeline);
  const columnsOf = (query: string) =>
    outputColumns(pipeline, query).map(({ name, type, text }) => ({ name: name ?? text, type: type ?? '' }));
  const views = compiled.map(({ name, publicName, physicalName, file }): Omit<ViewNode, 'rows'> => {
    const { query } = declared(name);
    const state = states.get(physicalName.split('.')[1]!);
    return {
      name: publicName,
      kind: 'view',
      reads: readsOf(query),
      columns: columnsOf(query),
      sql: query.trim(),
      file,
      ...(state === undefined ? {} : { maintenance: state.incremental ? 'incremental' : 'recomputed' }),
      ...(state?.refreshedAt === undefined ? {} : { refreshedAt: new Date(state.refreshedAt).toISOString() }),
    };
  });
  const exports = pipeline.exports.map(
    ({ name, query, file }): ViewNode => ({
      name: `${pipeline.name}.${name} (export)`,
      kind: 'export',
      rows: null,
      reads: readsOf(query),
      columns: exportPlan(pipeline).exports.find((item) => item.name === name)?.columns ?? [],
      sql: query.trim(),
      file,
    }),
  );
  const read = new Set([...views, ...exports].flatMap(({ reads }) => reads));
  const shapes = tableShapes(pipeline);
  const tables = (Object.keys(shapes) as (keyof typeof shapes)[])
    .filter((table) => read.has(publicTables(pipeline)[table]))
    .map(
      (table): Omit<ViewNode, 'rows'> => ({
        name: publicTables(pipeline)[table],
        kind: 'table',
        reads: [],
        columns: shapes[table].map(({ name, type }) => ({ name, type })),
        sql: '',
        file: `pipelines/${pipeline.name}/pipeline.ts`,
      }),
    );
  const counted = [...tables, ...views];
  const counts = counted.map(({ name }) => `(select count(*) from ${name})`);
  const { rows } = await ports.query(`select ${counts.join(', ')}`);
  return [...counted.map((node, n) => ({ ...node, rows: Number(rows[0]![n]) })), ...exports];
}

/** Returns the states of materialized views, by name without schema. */
async function statesOf(ports: PagePorts, { name }: Pipeline) {
  const { rows } = await ports.query(
    `select trim(i.name), i.state, max(r.endtime)
from svv_mv_info i
left join svl_mv_refresh_status r on trim(r.schema_name) = trim(i.schema_name) and trim(r.mv_name) = trim(i.name)
where trim(i.schema_name) = '${name}' group by 1, 2`,
  );
  return new Map(
    rows.map(([view, state, refreshed]) => [
      String(view),
      { incremental: Number(state) === 1, refreshedAt: refreshed === null ? undefined : warehouseTime(refreshed) },
    ]),
  );
}
