import type { Pipeline } from '../../pipelines/definition';
import { allStatements, tableShapes } from '../../sql';
import { type Finding, limits } from './limits';

/** What the statements, tables and names of a pipeline come to. The pipeline has to be valid. */
export function measurePipeline(pipeline: Pipeline): Finding[] {
  const at = `pipelines.${pipeline.name}`;
  const batches = allStatements(pipeline);
  const statements = batches.flatMap(({ name, statements: list }) =>
    list.map((statement, i) => ({ where: `${at}.columns: statement ${i + 1} of ${name}`, statement })),
  );
  const names = new Set(
    statements.flatMap(({ statement }) =>
      [...statement.matchAll(/[a-z_][a-z0-9_]*|"(?:[^"]|"")+"/g)].map(([name]) => name),
    ),
  );
  const longest = [...names].reduce(
    (long, name) => (Buffer.byteLength(name) > Buffer.byteLength(long) ? name : long),
    '',
  );
  return [
    ...statements.map(({ where, statement }) => ({
      where,
      measured: Buffer.byteLength(statement) + roomFor(statement),
      limit: limits.statementBytes,
      advice: `${pipeline.columns.length} columns make it`,
    })),
    ...batches.map(({ name, statements: list }) => ({
      where: `${at}.columns: ${name}`,
      measured: list.length,
      limit: limits.batchStatements,
      advice: `${pipeline.columns.length} columns make it`,
      warns: false,
    })),
    ...Object.entries(tableShapes(pipeline)).map(([table, columns]) => ({
      where: `${at}.columns: table ${table}`,
      measured: columns.length,
      limit: limits.tableColumns,
    })),
    {
      where: `${at}: the identifier ${longest.slice(0, 40)}…`,
      measured: Buffer.byteLength(longest),
      limit: limits.identifier,
    },
  ];
}

/** Lists that are filled in at run time: as long as the functions make them, which is what a varchar takes or less. */
const longLists: Readonly<Record<string, number>> = { objects: 38_000, files: 38_000, places: 65_535, texts: 65_535 };
/** Names, times, paths and ARNs. */
const shortValueBytes = 200;

const roomFor = (statement: string) =>
  [...statement.matchAll(/\{\{(\w+)(?::\w+)?\}\}/g)].reduce(
    (sum, [, name]) => sum + (longLists[name!] ?? shortValueBytes),
    0,
  );
