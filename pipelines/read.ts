import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ConfigurationError } from './configuration-error';
import type { EndpointDefinition, ExportDefinition, ViewDefinition } from './definition';

/** The options of a view. Its SQL file holds the rest. */
export type ViewOptions = Omit<ViewDefinition, 'name' | 'query' | 'file'>;

/**
 * Reads the views of a pipeline's folder: one for each `views/<name>.sql`, in the order of their names.
 * @param options by the view's name. @default - every view has the defaults
 * @throws ConfigurationError with every view that has options and no file
 */
export function readViews(folder: string, options: Readonly<Record<string, ViewOptions>> = {}): ViewDefinition[] {
  return filesWithOptions(folder, 'views', options);
}

/** The options of an endpoint. Its SQL file holds the rest. */
export type EndpointOptions = Omit<EndpointDefinition, 'name' | 'query' | 'file'>;

/**
 * Reads the endpoints of a pipeline's folder: one for each `endpoints/<name>.sql`, in the order of their names.
 * @param options by the endpoint's name. @default - every endpoint has the defaults, and no parameters
 * @throws ConfigurationError with every endpoint that has options and no file
 */
export function readEndpoints(
  folder: string,
  options: Readonly<Record<string, EndpointOptions>> = {},
): EndpointDefinition[] {
  return filesWithOptions(folder, 'endpoints', options);
}

interface SqlFile {
  readonly name: string;
  readonly query: string;
  readonly file: string;
}

/** Every file with its options, which it need not have. */
function filesWithOptions<Options extends object>(
  folder: string,
  kind: 'views' | 'endpoints',
  options: Readonly<Record<string, Options>>,
): (Options & SqlFile)[] {
  const at = `pipelines.${basename(folder)}.${kind}`;
  const files = sqlFiles(folder, kind);
  const unknown = optionNames(at, options).filter((name) => !files.some((file) => file.name === name));
  if (unknown.length > 0)
    throw new ConfigurationError(unknown.map((name) => `${at}.${name} has options and no file ${kind}/${name}.sql`));
  const none = {} as Options;
  return files.map((file) => ({ ...file, ...(Object.hasOwn(options, file.name) ? options[file.name]! : none) }));
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

function sqlFiles(folder: string, kind: 'views' | 'exports' | 'endpoints'): SqlFile[] {
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
