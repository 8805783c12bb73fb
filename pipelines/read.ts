import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ExportDefinition, ViewDefinition } from './definition';

/** What a view's SQL file does not say. */
export type ViewOptions = Omit<ViewDefinition, 'name' | 'query' | 'file'>;

/**
 * The views of a pipeline's folder: one for each `views/<name>.sql`, in the order of their names. Throws on options for a view that has no
 * file.
 * @param options by the view's name. @default - every view has the defaults
 */
export function readViews(folder: string, options: Readonly<Record<string, ViewOptions>> = {}): ViewDefinition[] {
  const files = sqlFiles(folder, 'views');
  const unknown = Object.keys(options).filter((name) => !files.some((file) => file.name === name));
  if (unknown.length > 0)
    throw new Error(
      unknown.map((name) => `view ${name} of ${basename(folder)} has options and no file views/${name}.sql`).join('\n'),
    );
  return files.map(({ name, query, file }) => ({ name, query, file, ...options[name] }));
}

/** What an export's SQL file does not say. */
export type ExportOptions = Omit<ExportDefinition, 'name' | 'query' | 'file'> & {
  /** A view of the pipeline, exported with all of its columns. @default - the query is in `exports/<name>.sql` */
  readonly view?: string;
};

/**
 * The exports of a pipeline's folder: `exports/<name>.sql` with the options of that name, and those whose options name a view. Throws,
 * naming them, on files without options and on options that have neither a file nor a view, or both.
 */
export function readExports(folder: string, options: Readonly<Record<string, ExportOptions>>): ExportDefinition[] {
  const pipeline = basename(folder);
  const files = sqlFiles(folder, 'exports');
  const names = files.map(({ name }) => name);
  const entries = Object.entries(options);
  const problems = [
    ...entries
      .filter(([name, { view }]) => view === undefined && !names.includes(name))
      .map(([name]) => `export ${name} of ${pipeline} has no file exports/${name}.sql`),
    ...entries
      .filter(([name, { view }]) => view !== undefined && names.includes(name))
      .map(
        ([name]) => `export ${name} of ${pipeline} has a view and a file exports/${name}.sql; it can have one of them`,
      ),
    ...names
      .filter((name) => !(name in options))
      .map((name) => `exports/${name}.sql of ${pipeline} has no options in pipeline.ts`),
  ];
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return entries
    .map(([name, { view, ...rest }]) => ({
      ...(view === undefined
        ? files.find((file) => file.name === name)!
        : {
            name,
            query: `select * from ${pipeline}.${view}`,
            file: `pipelines/${pipeline}/views/${view}.sql`,
          }),
      ...rest,
    }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function sqlFiles(folder: string, kind: 'views' | 'exports') {
  if (!existsSync(join(folder, kind))) return [];
  return readdirSync(join(folder, kind))
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.sql'.length),
      query: readFileSync(join(folder, kind, file), 'utf8'),
      file: `pipelines/${basename(folder)}/${kind}/${file}`,
    }));
}
