import { type Clause, paramSets, type Template } from './template';

/** Sets of parameters that decide about optional clauses. Four make at most 16 statements. */
export const maxSets = 4;

const keyOf = (params: readonly string[]) => [...params].sort().join(' ');

/**
 * The sets of clauses that a request can select, a bit for each set of parameters. A clause whose parameters are part
 * of another clause's is used whenever that one is.
 */
export function combinations(template: Pick<Template, 'clauses'>): number[] {
  const sets = paramSets(template);
  return Array.from({ length: 2 ** sets.length }, (_, bits) => bits).filter((bits) => {
    const given = new Set(sets.filter((_, index) => bits & (1 << index)).flat());
    return sets.every((set, index) => Boolean(bits & (1 << index)) === set.every((name) => given.has(name)));
  });
}

/** Whether the combination uses a clause. */
export function includedIn(template: Pick<Template, 'clauses'>, bits: number): (clause: Clause) => boolean {
  const keys = paramSets(template).map(keyOf);
  return ({ params }) => Boolean(bits & (1 << keys.indexOf(keyOf(params))));
}
