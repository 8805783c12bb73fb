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
  const longest = longestName(statements.map(({ statement }) => statement));
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

/** The statements hold hundreds of thousands of names, so only one that may be longer than the longest is measured. */
function longestName(statements: readonly string[]): string {
  let longest = '';
  let bytes = 0;
  for (const statement of new Set(statements))
    for (const name of statement.match(/[a-z_][a-z0-9_]*|"(?:[^"]|"")+"/g) ?? []) {
      if (name.length * mostBytesPerCharacter <= bytes || Buffer.byteLength(name) <= bytes) continue;
      longest = name;
      bytes = Buffer.byteLength(name);
    }
  return longest;
}

/** Bytes of a UTF-16 code unit in UTF-8. */
const mostBytesPerCharacter = 3;

/** Bytes of the lists that functions fill in at run time. A varchar bounds them. */
const longLists: Readonly<Record<string, number>> = { objects: 37_000, files: 37_000, places: 65_535, texts: 65_535 };
/** Bytes of a name, time, path or ARN that is filled in. */
const shortValueBytes = 200;

const roomFor = (statement: string) =>
  [...statement.matchAll(/\{\{(\w+)(?::\w+)?\}\}/g)].reduce(
    (sum, [, name]) => sum + (longLists[name!] ?? shortValueBytes),
    0,
  );
