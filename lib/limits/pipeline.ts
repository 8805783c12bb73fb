import type { Pipeline } from '../../pipelines/definition';
import { allStatements, tableShapes } from '../../sql';
import { type Finding, limits } from './limits';

/** Measures the statements, tables and names of a valid pipeline. */
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

/** Bytes of the lists that functions fill in at run time. A varchar bounds them. */
const longLists: Readonly<Record<string, number>> = { objects: 37_000, files: 37_000, places: 65_535, texts: 65_535 };
/** Bytes of a name, time, path or ARN that is filled in. */
const shortValueBytes = 200;

const roomFor = (statement: string) =>
  [...statement.matchAll(/\{\{(\w+)(?::\w+)?\}\}/g)].reduce(
    (sum, [, name]) => sum + (longLists[name!] ?? shortValueBytes),
    0,
  );
