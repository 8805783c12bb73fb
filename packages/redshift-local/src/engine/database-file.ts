import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Prefix of database files. DuckDB names the catalog after the file, and a schema with the catalog's name is ambiguous.
 * No schema can have this prefix.
 */
export const catalogPrefix = 'database=';
const suffix = '.duckdb';

/** Returns the path of a database's file. It renames files of earlier versions, which had no prefix. */
export function databaseFile(folder: string, database: string): string {
  const name = `${encodeURIComponent(database)}${suffix}`;
  const file = join(folder, `${catalogPrefix}${name}`);
  for (const part of ['.wal', '.stream', ''])
    if (existsSync(join(folder, `${name}${part}`))) renameSync(join(folder, `${name}${part}`), `${file}${part}`);
  return file;
}

/** Returns the database of a file name, or undefined for any other file. */
export function databaseOf(file: string): string | undefined {
  if (!file.startsWith(catalogPrefix) || !file.endsWith(suffix)) return undefined;
  return decodeURIComponent(file.slice(catalogPrefix.length, -suffix.length));
}
