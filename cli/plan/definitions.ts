import type { Change, Sides } from './plan';
import { baseName, labelOf, type ObjectState, statementsOf } from './state';

/** Adds to each changed view its query as it is deployed and as it is in the tree. */
export function withQueries(changes: readonly Change[], { before, after }: Sides): Change[] {
  return changes.map((change) => {
    if (change.action === 'unchanged') return change;
    const query = { before: queryOf(change, before), after: queryOf(change, after) };
    return query.before === null && query.after === null ? change : { ...change, query };
  });
}

/**
 * The query of a view, which names what it reads as people do: without versions. Null if the side has no such view, or
 * its definition is not available.
 */
function queryOf({ object }: Change, states: readonly ObjectState[]): string | null {
  const view = states.find((state) => state.kind === 'materialized-view' && labelOf(state) === object);
  const [, query] = /\nas\n([\s\S]+)$/.exec(statementsOf(view?.create).join('\n')) ?? [];
  if (query === undefined) return null;
  const versioned = states.filter((state) => baseName(state) !== state.name);
  return versioned
    .reduce((text, state) => text.replaceAll(state.name, baseName(state)), query)
    .replace(/(\b\w+\.(\w+)) as \2\b/g, '$1')
    .trim();
}
