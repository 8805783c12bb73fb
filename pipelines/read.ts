import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ConfigurationError } from './configuration-error';
import type { ExportDefinition, ViewDefinition } from './definition';

/** The options of a view. Its SQL file holds the rest. */
export type ViewOptions = Omit<ViewDefinition, 'name' | 'query' | 'file'>;

/**
 * Reads the views of a pipeline's folder: one for each `views/<name>.sql`, in the order of their names.
 * @param options by the view's name. @default - every view has the defaults
 * @throws ConfigurationError with every view that has options and no file
 */
export function readViews(folder: string, options: Readonly<Record<string, ViewOptions>> = {}): ViewDefinition[] {
  const at = `pipelines.${basename(folder)}.views`;
  const files = sqlFiles(folder, 'views');
  const unknown = optionNames(at, options).filter((name) => !files.some((file) => file.name === name));
  if (unknown.length > 0)
    throw new ConfigurationError(unknown.map((name) => `${at}.${name} has options and no file views/${name}.sql`));
  return files.map(({ name, query, file }) => ({ name, query, file, ...options[name] }));
}

/** The names in a record of options. Throws if it is not an object of objects. */
function optionNames(at: string, options: Readonly<Record<string, object>>): string[] {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(options)) throw new ConfigurationError([`${at} must have options by name`]);
  const names = Object.keys(options);
  const wrong = names.filter((name) => !isObject(options[name]));
  if (wrong.length > 0) throw new ConfigurationError(wrong.map((name) => `${at}.${name} must be an object of options`));
  return names;
}

/** The options of an export. Its SQL file holds the rest. */
export type ExportOptions = Omit<ExportDefinition, 'name' | 'query' | 'file'> & {
  /** A view of the pipeline, exported with all of its columns. @default - the query is in `exports/<name>.sql` */
  readonly view?: string;
};

/**
 * Reads the exports of a pipeline's folder: `exports/<name>.sql` with the options of that name, and exports whose
 * options name a view.
 * @throws ConfigurationError with every file without options, and all options with neither a file nor a view, or with both
 */
export function readExports(folder: string, options: Readonly<Record<string, ExportOptions>>): ExportDefinition[] {
  const pipeline = basename(folder);
  const at = `pipelines.${pipeline}.exports`;
  const files = sqlFiles(folder, 'exports');
  const names = files.map(({ name }) => name);
  const entries = optionNames(at, options).map((name) => [name, options[name]!] as const);
  const problems = [
    ...entries
      .filter(([name, { view }]) => view === undefined && !names.includes(name))
      .map(([name]) => `${at}.${name} has no file exports/${name}.sql`),
    ...entries
      .filter(([name, { view }]) => view !== undefined && names.includes(name))
      .map(([name]) => `${at}.${name} has a view and a file exports/${name}.sql; it can have one of them`),
    ...names
      .filter((name) => !Object.hasOwn(options, name))
      .map((name) => `${at}.${name} has a file exports/${name}.sql and no options in pipeline.ts`),
  ];
  if (problems.length > 0) throw new ConfigurationError(problems);
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
