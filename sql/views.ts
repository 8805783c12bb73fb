import type { Pipeline, ViewDefinition } from '../pipelines/definition';
import { hashDefinition } from './definition';
import type { TableName } from './names';
import { significant, type Token, tokenize, withoutComments } from './tokens';

/** A view, its references resolved. */
export interface CompiledView {
  readonly name: string;
  readonly file: string;
  /** Versioned name of the materialized view: `estore.hourly_views_1a2b3c4d`. */
  readonly physicalName: string;
  /** Stable name, a plain view: `estore.hourly_views`. */
  readonly publicName: string;
  /** The user's query without comments, other views under their physical names. */
  readonly query: string;
  readonly hash: string;
  /** Names of the views it reads. */
  readonly reads: readonly string[];
}

/** A reference to a relation in a query: `schema.name` and where it stands. */
export interface RelationReference {
  readonly schema: string | undefined;
  readonly name: string;
  readonly first: Token;
  readonly last: Token;
}

/** Every relation named after FROM, JOIN or a comma of a FROM list. */
export function relationReferences(sql: string): RelationReference[] {
  const tokens = significant(tokenize(sql));
  const references: RelationReference[] = [];
  for (const [index, token] of tokens.entries()) {
    if (startsRelation(tokens, index) && isName(tokens[index + 1])) references.push(referenceAt(tokens, index + 1));
    else if (token.value === ',' && isName(tokens[index + 1]) && inFromList(tokens, index))
      references.push(referenceAt(tokens, index + 1));
  }
  return references;
}

function startsRelation(tokens: readonly Token[], index: number): boolean {
  const token = tokens[index]!;
  if (token.kind !== 'word' || (token.value !== 'from' && token.value !== 'join')) return false;
  return token.value === 'join' || !isFunctionFrom(tokens, index);
}

/** `extract(hour from x)`, `trim(both from x)`: a FROM within a call that holds no SELECT. */
function isFunctionFrom(tokens: readonly Token[], index: number): boolean {
  const opening = openingParenthesis(tokens, index);
  return opening !== undefined && tokens[opening + 1]?.value !== 'select' && isName(tokens[opening - 1]);
}

function openingParenthesis(tokens: readonly Token[], index: number): number | undefined {
  let depth = 0;
  for (let at = index - 1; at >= 0; at -= 1) {
    if (tokens[at]!.text === ')') depth += 1;
    else if (tokens[at]!.text === '(') {
      if (depth === 0) return at;
      depth -= 1;
    }
  }
  return undefined;
}

const clauses = new Set([
  'select',
  'from',
  'where',
  'group',
  'having',
  'order',
  'limit',
  'on',
  'union',
  'set',
  'values',
]);

function inFromList(tokens: readonly Token[], index: number): boolean {
  let depth = 0;
  for (let at = index - 1; at >= 0; at -= 1) {
    const token = tokens[at]!;
    if (token.text === ')') depth += 1;
    else if (token.text === '(') {
      if (depth === 0) return false;
      depth -= 1;
    } else if (depth === 0 && token.kind === 'word' && clauses.has(token.value)) return token.value === 'from';
  }
  return false;
}

const isName = (token: Token | undefined): token is Token => token?.kind === 'word' || token?.kind === 'identifier';

function referenceAt(tokens: readonly Token[], index: number): RelationReference {
  const first = tokens[index]!;
  const second = tokens[index + 2];
  if (tokens[index + 1]?.text === '.' && isName(second))
    return { schema: first.value, name: second.value, first, last: second };
  return { schema: undefined, name: first.value, first, last: first };
}

/** The query with the pipeline's views under their physical names. */
function resolve(sql: string, pipeline: Pipeline, physicalNames: ReadonlyMap<string, string>): string {
  let resolved = '';
  let at = 0;
  for (const { schema, name, first, last } of relationReferences(sql)) {
    const physical = schema === pipeline.name ? physicalNames.get(name) : undefined;
    if (physical === undefined) continue;
    resolved += sql.slice(at, first.at) + physical;
    at = last.at + last.text.length;
  }
  return resolved + sql.slice(at);
}

/** What a view may read besides other views. */
export const readableTables = [
  'events',
  'duplicates',
  'rejects',
  'ledger',
  'parked',
  'gaps',
  'runs',
  'exports',
] as const satisfies readonly TableName[];

/**
 * The views in the order in which they are created and refreshed: each after those that it reads, otherwise as declared.
 * Throws on a cycle, naming its chain, and on a relation that is neither a view nor a table of the pipeline.
 */
export function compileViews(pipeline: Pipeline): CompiledView[] {
  const problem = dependencyProblems(pipeline)[0];
  if (problem) throw new Error(problem);
  const compiled = new Map<string, CompiledView>();
  const visit = (view: ViewDefinition) => {
    if (compiled.has(view.name)) return;
    const reads = viewsRead(pipeline, view);
    for (const name of reads) visit(pipeline.views.find((candidate) => candidate.name === name)!);
    const physicalNames = new Map([...compiled.values()].map(({ name, physicalName }) => [name, physicalName]));
    const query = resolve(withoutComments(view.query), pipeline, physicalNames);
    const hash = hashDefinition(query);
    const publicName = `${pipeline.name}.${view.name}`;
    compiled.set(view.name, {
      name: view.name,
      file: view.file,
      physicalName: `${publicName}_${hash}`,
      publicName,
      query,
      hash,
      reads,
    });
  };
  pipeline.views.forEach(visit);
  return [...compiled.values()];
}

function viewsRead(pipeline: Pipeline, view: ViewDefinition): string[] {
  const names = new Set(pipeline.views.map(({ name }) => name));
  const read = relationReferences(view.query).filter(({ schema, name }) => schema === pipeline.name && names.has(name));
  return [...new Set(read.map(({ name }) => name))];
}

/** Unknown relations and cycles among a pipeline's views, one line each. */
export function dependencyProblems(pipeline: Pipeline): string[] {
  return [...pipeline.views.flatMap((view) => referenceProblems(pipeline, 'views', view)), ...cycles(pipeline)];
}

/** Relations that a query names and that are not its pipeline's. */
export function referenceProblems(
  pipeline: Pipeline,
  list: 'views' | 'exports',
  { name, query, file }: { name: string; query: string; file: string },
): string[] {
  const known = [...readableTables, ...pipeline.views.map((view) => view.name)];
  const common = commonTableExpressions(query);
  return relationReferences(query)
    .filter((relation) => !(relation.schema === undefined && common.has(relation.name)))
    .filter((relation) => relation.schema !== pipeline.name || !known.includes(relation.name))
    .map((relation) => {
      const written = [relation.schema, relation.name].filter(Boolean).join('.');
      const allowed = known.map((candidate) => `${pipeline.name}.${candidate}`).join(', ');
      return `pipelines.${pipeline.name}.${list}.${name} (${file}) reads ${written}, which is not one of ${allowed}`;
    });
}

function commonTableExpressions(query: string): Set<string> {
  const tokens = significant(tokenize(query));
  const names = new Set<string>();
  for (const [index, token] of tokens.entries())
    if (isName(token) && tokens[index + 1]?.value === 'as' && tokens[index + 2]?.text === '(') names.add(token.value);
  return names;
}

function cycles(pipeline: Pipeline): string[] {
  const problems: string[] = [];
  const done = new Set<string>();
  const walk = (name: string, chain: readonly string[]) => {
    const start = chain.indexOf(name);
    if (start >= 0) {
      const loop = [...chain.slice(start), name].join(' → ');
      problems.push(`pipelines.${pipeline.name}.views read each other in a circle: ${loop}`);
      return;
    }
    if (done.has(name)) return;
    const view = pipeline.views.find((candidate) => candidate.name === name);
    for (const read of view ? viewsRead(pipeline, view) : []) walk(read, [...chain, name]);
    done.add(name);
  };
  for (const view of pipeline.views) walk(view.name, []);
  return problems;
}
