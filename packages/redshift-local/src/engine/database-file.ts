import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** DuckDB names the catalog after the file, and a schema of the catalog's name is ambiguous: no schema can have this prefix. */
export const catalogPrefix = 'database=';
const suffix = '.duckdb';

/** Path of a database's file. Files of earlier versions, which had no prefix, are renamed. */
export function databaseFile(folder: string, database: string): string {
  const name = `${encodeURIComponent(database)}${suffix}`;
  const file = join(folder, `${catalogPrefix}${name}`);
  for (const part of ['.wal', '.stream', ''])
    if (existsSync(join(folder, `${name}${part}`))) renameSync(join(folder, `${name}${part}`), `${file}${part}`);
  return file;
}

/** The database of a file's name, undefined for any other file. */
export function databaseOf(file: string): string | undefined {
  if (!file.startsWith(catalogPrefix) || !file.endsWith(suffix)) return undefined;
  return decodeURIComponent(file.slice(catalogPrefix.length, -suffix.length));
}
