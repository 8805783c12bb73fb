import type { Pipeline, ViewDefinition } from '../../pipelines/definition';
import type { TableName } from '../tables/names';
import { hashDefinition } from '../text/definition';
import { closing, isName, isWord } from '../text/token-walk';
import { significant, tokenize, withoutComments } from '../text/tokens';
import { relationReferences } from './relations';
import { overStored } from './stored-names';

/** A view whose references are resolved. */
export interface CompiledView {
  readonly name: string;
  readonly file: string;
  /** Versioned name of the materialized view: `estore.hourly_views_1a2b3c4d`. */
  readonly physicalName: string;
  /** Stable name, a plain view: `estore.hourly_views`. */
  readonly publicName: string;
  /**
   * The user's query without comments, over the stored tables: other views under their physical names, events in
   * their table.
   */
  readonly query: string;
  readonly hash: string;
  /** Names of the views it reads. */
  readonly reads: readonly string[];
  /** The number of relations that the view reads: tables, views and common table expressions. */
  readonly sources: number;
}

/** The tables that a view may read. */
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
 * The views in the order in which they are created and refreshed: each after the views it reads, otherwise as
 * declared. Throws on a cycle, naming its chain, and on a relation that is neither a view nor a table of the
 * pipeline.
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
    const { sql: query } = overStored(pipeline, withoutComments(view.query), physicalNames);
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
      sources: new Set(relationReferences(view.query).map(({ schema, name }) => `${schema}.${name}`)).size,
    });
  };
  pipeline.views.forEach(visit);
  return [...compiled.values()];
}

/** Adds the views behind these: those that they read, directly or through other views. In the views' order. */
export function withViewsBehind(views: readonly CompiledView[], names: Iterable<string>): string[] {
  const all = new Set(names);
  // The reversed list has each view before the views that it reads.
  for (const view of [...views].reverse()) if (all.has(view.name)) for (const read of view.reads) all.add(read);
  return views.map(({ name }) => name).filter((name) => all.has(name));
}

function viewsRead(pipeline: Pipeline, view: ViewDefinition): string[] {
  const names = new Set(pipeline.views.map(({ name }) => name));
  const read = relationReferences(view.query).filter(({ schema, name }) => schema === pipeline.name && names.has(name));
  return [...new Set(read.map(({ name }) => name))];
}

/** Unknown relations, ambiguous columns and cycles among a pipeline's views, one line each. */
export function dependencyProblems(pipeline: Pipeline): string[] {
  return [
    ...pipeline.views.flatMap((view) => referenceProblems(pipeline, 'views', view)),
    ...pipeline.views.flatMap((view) => storedProblems(pipeline, view)),
    ...cycles(pipeline),
  ];
}

/** Relations that a query names and that do not belong to its pipeline. */
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

function storedProblems(pipeline: Pipeline, { name, query, file }: ViewDefinition): string[] {
  return overStored(pipeline, query, new Map()).problems.map(
    (problem) => `pipelines.${pipeline.name}.views.${name} (${file}) ${problem}`,
  );
}

/** Names that a query gives to queries of its own, with WITH. */
export function commonTableExpressions(query: string): Set<string> {
  const tokens = significant(tokenize(query));
  const names = new Set<string>();
  for (const [index, token] of tokens.entries()) {
    if (!isName(token)) continue;
    // Its columns may have names: `with totals (day, amount) as (`.
    const next = tokens[index + 1]?.text === '(' ? closing(tokens, index + 1) + 1 : index + 1;
    if (isWord(tokens[next], 'as') && tokens[next + 1]?.text === '(') names.add(token.value);
  }
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
