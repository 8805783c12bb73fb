import { readFileSync } from 'node:fs';
import { explain, Failure } from '../failure';

/** A source of a manifest. */
export interface ManifestSource {
  readonly id: string;
  /** Schema and name in the warehouse: `estore.events`. */
  readonly relation: string;
  /** Types by name, where the project declares them. */
  readonly columns: ReadonlyMap<string, string | undefined>;
}

/** A model, test, snapshot, exposure or anything else that depends on others. */
export interface ManifestNode {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly file: string;
  readonly dependsOn: readonly string[];
  readonly language: string;
  /** With macros expanded, or as it was written if the manifest has no compiled SQL. Empty for an exposure. */
  readonly sql: string;
  readonly isCompiled: boolean;
  /** The names that a generic test of a column is given. Undefined for everything else. */
  readonly tested?: readonly string[];
  /** True for a file of `dbt init`. */
  readonly isGenerated: boolean;
}

export interface Manifest {
  readonly file: string;
  readonly sources: readonly ManifestSource[];
  readonly nodes: readonly ManifestNode[];
}

/** Versions of the format that have every field that is read here: dbt 1.5 to 1.10. */
const versions = ['v9', 'v10', 'v11', 'v12'];
/** The parts of a manifest whose members depend on others. */
const dependent = ['nodes', 'exposures', 'metrics', 'semantic_models', 'saved_queries'];

type Json = Readonly<Record<string, unknown>>;

/** @throws Failure that says why the file is no manifest */
export function readManifest(file: string): Manifest {
  const bad = (problem: string) => new Failure(`--dbt must name a manifest.json of dbt, ${file} ${problem}`, 2);
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw bad('does not exist: run dbt parse, or dbt compile for more');
    throw bad(error instanceof SyntaxError ? `is not JSON: ${error.message}` : `cannot be read: ${explain(error)}`);
  }
  const manifest = objectOf(parsed);
  const version = textOf(objectOf(manifest['metadata'])['dbt_schema_version']);
  const [, number] = /\/manifest\/(v\d+)\.json$/.exec(version) ?? [];
  if (number === undefined) throw bad('has no metadata.dbt_schema_version of a manifest');
  if (!versions.includes(number)) throw bad(`has the format ${number}, and ${versions.join(', ')} can be read`);
  for (const part of ['nodes', 'sources']) if (!isObject(manifest[part])) throw bad(`has no ${part}: it is not whole`);
  return {
    file,
    sources: Object.entries(objectOf(manifest['sources'])).map(([id, source]) => sourceOf(id, objectOf(source))),
    nodes: dependent.flatMap((part) =>
      Object.entries(objectOf(manifest[part])).map(([id, node]) => nodeOf(id, objectOf(node))),
    ),
  };
}

function sourceOf(id: string, source: Json): ManifestSource {
  const name = textOf(source['identifier']) || textOf(source['name']);
  return {
    id,
    relation: `${textOf(source['schema'])}.${name}`.toLowerCase(),
    columns: new Map(
      Object.entries(objectOf(source['columns'])).map(([column, given]) => [
        column,
        textOf(objectOf(given)['data_type']) || undefined,
      ]),
    ),
  };
}

function nodeOf(id: string, node: Json): ManifestNode {
  const [compiled, raw] = [textOf(node['compiled_code']), textOf(node['raw_code'])];
  const { dependsOn, file } = {
    dependsOn: objectOf(node['depends_on'])['nodes'],
    file: textOf(node['original_file_path']),
  };
  const column = textOf(node['column_name']);
  const test = objectOf(node['test_metadata']);
  return {
    id,
    type: textOf(node['resource_type']) || id.split('.')[0]!,
    name: textOf(node['name']) || id,
    file,
    dependsOn: Array.isArray(dependsOn) ? dependsOn.filter((each) => typeof each === 'string') : [],
    language: textOf(node['language']) || 'sql',
    sql: compiled === '' ? raw : compiled,
    isCompiled: compiled !== '',
    ...(isObject(node['test_metadata'])
      ? { tested: [column, ...textsIn(test['kwargs'])].filter((each) => each !== '') }
      : {}),
    isGenerated: raw.startsWith('{# Written by `millrace dbt init`') || generatedFile.test(file.replaceAll('\\', '/')),
  };
}

const generatedFile = /^models\/staging\/([^/]+)\/(src|stg|exp)_\1\.yml$/;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const objectOf = (value: unknown): Json => (isObject(value) ? value : {});
const textOf = (value: unknown) => (typeof value === 'string' ? value : '');

/** Every text in a value, without what names a relation. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return /\b(ref|source)\s*\(|get_where_subquery/.test(value) ? [] : [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isObject(value) ? Object.values(value).flatMap(textsIn) : [];
}
