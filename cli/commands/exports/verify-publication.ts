import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { ItemColumn, ItemFormat } from '../../../lambda/export/contract';
import { removedKey } from '../../../lambda/export/layout';
import type { PublishedFile, Success } from '../../../lambda/export/publication';
import { assertTimeLeft, type Context } from '../context';
import { wholeObject } from './read-publications';

/** True if the files were deleted because a later publication replaced them when a subject was forgotten. */
export async function isRemoved({ cloud }: Context, { prefix }: Success): Promise<boolean> {
  return (await cloud.buckets.head(cloud.names.exportsBucket, removedKey(prefix))) !== undefined;
}

/** Returns what is wrong with one publication, one line each. */
export async function verifyPublication(context: Context, success: Success): Promise<string[]> {
  const wrong: string[] = [];
  const sum = (term: 'rows' | 'bytes') => success.files.reduce((total, file) => total + file[term], 0);
  for (const term of ['rows', 'bytes'] as const)
    if (sum(term) !== success[term])
      wrong.push(`success.json says ${success[term]} ${term}, its files make ${sum(term)}`);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-verify-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    for (const [i, file] of success.files.entries()) {
      assertTimeLeft(context, 'verifying');
      const problems = await checkFile(context, connection, success, file, join(folder, String(i)));
      wrong.push(...problems.map((problem) => `${file.key}: ${problem}`));
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
  return wrong;
}

async function checkFile(
  context: Context,
  connection: DuckDBConnection,
  success: Success,
  file: PublishedFile,
  path: string,
): Promise<string[]> {
  if (!file.key.startsWith(success.prefix)) return [`is outside the run ${success.prefix}`];
  if ((await context.cloud.buckets.head(context.cloud.names.exportsBucket, file.key)) === undefined)
    return ['is missing'];
  const content = await wholeObject(context, file.key);
  const digest = createHash('sha256').update(content).digest('hex');
  if (content.length !== file.bytes) return [`has ${content.length} bytes, success.json says ${file.bytes}`];
  if (digest !== file.sha256) return [`has the SHA-256 ${digest}, success.json says ${file.sha256}`];
  await writeFile(path, content);
  const reader = readerSql(success.format, path);
  try {
    const rows = await connection.runAndReadAll(`select count(*)::varchar from ${reader}`);
    const found = Number(rows.getRows()[0]![0]);
    const described = await connection.runAndReadAll(`describe select * from ${reader}`);
    const columns = described.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
    return [
      ...(found === file.rows ? [] : [`holds ${found} rows, success.json says ${file.rows}`]),
      ...columnProblems(success, columns, found),
    ];
  } catch (error) {
    return [`cannot be read: ${(error as Error).message.split('\n')[0]}`];
  }
}

/** Returns the SQL that reads a file in DuckDB. */
export function readerSql({ kind, header, delimiter, compression }: ItemFormat, path: string): string {
  const file = `'${path.replaceAll("'", "''")}'`;
  if (kind === 'parquet') return `read_parquet(${file}, hive_partitioning = false)`;
  if (kind === 'json') return `read_json(${file}, format = 'newline_delimited', compression = '${compression}')`;
  const separator = (delimiter ?? ',').replaceAll("'", "''");
  return `read_csv(${file}, header = ${header ?? false}, delim = '${separator}', quote = '"', escape = '"', compression = '${compression}', all_varchar = true)`;
}

/**
 * Compares the columns of a file with those of the success file, without the columns that are folders. Text formats
 * have only names.
 */
function columnProblems(
  { columns, format }: Success,
  found: readonly { readonly name: string; readonly type: string }[],
  rows: number,
): string[] {
  const wanted = columns.filter(({ name }) => !format.partitionBy.includes(name));
  if (format.kind === 'csv' && !format.header)
    return found.length === wanted.length ? [] : [`has ${found.length} columns, success.json says ${wanted.length}`];
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(', ');
  // A JSON object leaves out attributes that are null in every row.
  const isSubset = found.every(({ name }) => wanted.some((column) => column.name === name));
  if (format.kind === 'json' ? rows > 0 && !isSubset : names(found) !== names(wanted))
    return [`has the columns ${names(found)}, success.json says ${names(wanted)}`];
  if (format.kind !== 'parquet') return [];
  return wanted.flatMap((column, i) =>
    isSameType(column, found[i]!.type)
      ? []
      : [`column ${column.name} is ${found[i]!.type}, success.json says ${column.type}`],
  );
}

/** Redshift's types as DuckDB reads them from Parquet (UNLOAD, "Parquet"). */
const families: readonly [RegExp, RegExp][] = [
  [/^(var)?char|^super/, /^(VARCHAR|JSON)$/],
  [/^smallint$/, /^(SMALLINT|INTEGER)$/],
  [/^integer$/, /^INTEGER$/],
  [/^bigint$/, /^BIGINT$/],
  [/^real$/, /^FLOAT$/],
  [/^double precision$/, /^DOUBLE$/],
  [/^boolean$/, /^BOOLEAN$/],
  [/^date$/, /^DATE$/],
  [/^timestamp$/, /^TIMESTAMP/],
];

function isSameType({ type }: ItemColumn, found: string): boolean {
  if (type.startsWith('decimal')) {
    const size = /\(.*\)/.exec(type)?.[0];
    return size === undefined ? found.startsWith('DECIMAL') : found === `DECIMAL${size}`;
  }
  const family = families.find(([redshift]) => redshift.test(type));
  return family === undefined || family[1].test(found);
}
