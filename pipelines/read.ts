import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ExportDefinition, ViewDefinition } from './definition';

/** The views of a pipeline's folder: one for each `views/<name>.sql`, in the order of their names. */
export function readViews(folder: string): ViewDefinition[] {
  return sqlFiles(folder, 'views').map(({ name, query, file }) => ({ name, query, file }));
}

/** What an export's SQL file does not say. */
export type ExportOptions = Omit<ExportDefinition, 'name' | 'query' | 'file'>;

/**
 * The exports of a pipeline's folder: `exports/<name>.sql` with the options of that name. Throws, naming them, on files without options
 * and on options without a file.
 */
export function readExports(folder: string, options: Readonly<Record<string, ExportOptions>>): ExportDefinition[] {
  const files = sqlFiles(folder, 'exports');
  const names = files.map(({ name }) => name);
  const missing = Object.keys(options).filter((name) => !names.includes(name));
  const unused = names.filter((name) => !(name in options));
  const problems = [
    ...missing.map((name) => `export ${name} of ${basename(folder)} has no file exports/${name}.sql`),
    ...unused.map((name) => `exports/${name}.sql of ${basename(folder)} has no options in pipeline.ts`),
  ];
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return files.map((file) => ({ ...file, ...options[file.name]! }));
}

function sqlFiles(folder: string, kind: 'views' | 'exports') {
  return readdirSync(join(folder, kind))
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.sql'.length),
      query: readFileSync(join(folder, kind, file), 'utf8'),
      file: `pipelines/${basename(folder)}/${kind}/${file}`,
    }));
}
