import type { SearchPlan } from '../../lambda/shared/plan';
import type { SearchHost } from '../../lambda/shared/raising';
import type { StatementState } from '../../lambda/shared/warehouse';

/** A plan whose statements are words. `raisingWorld` carries them out over a list of keys. */
export const searchPlan: SearchPlan = {
  gather: ['gather'],
  divide: 'divide {{ranges}} into {{fanout}}',
  assign: 'assign {{ranges}}',
  pieces: 'pieces',
  probe: ['type {{piece}} into {{probe_table}}'],
  probeTable: 'probe_',
  reference: ['refer'],
  fanout: 8,
};

/** For a pipeline whose columns are typed in groups: a row fails in the second of three statements, and then the third lacks its table. */
export const widePlan: SearchPlan = {
  ...searchPlan,
  probe: [
    'number {{piece}} as {{probe_table_1:identifier}}',
    'type {{piece}} into {{probe_table_2:identifier}} of {{probe_table_1:identifier}}',
    'join {{probe_table:identifier}} of {{probe_table_2:identifier}}',
  ],
  fanout: 3,
};

export interface World {
  readonly rows: readonly string[];
  /** Keys that raise. */
  readonly bad: ReadonlySet<string>;
  /** Replaces the outcome of a statement by this error. */
  readonly ill?: (sql: string, rows: readonly string[]) => string | undefined;
  /** Earlier rows. */
  readonly before?: readonly string[];
}

type Range = { piece?: number; first: string; last: string };

/** Carries out the statements of the plan above over a list of keys, and counts them. */
export function raisingWorld({ rows, bad, ill, before = [] }: World) {
  const results = new Map<
    string,
    { piece: number; row_count: number; key_count: number; first_key: string; last_key: string }[]
  >();
  const steps: string[] = [];
  let typed = 0;
  const carryOut = (step: string, statements: readonly string[]): StatementState => {
    steps.push(step);
    if (statements.length > 40) throw new Error(`a batch takes 40 statements, got ${statements.length}`);
    let gathered: readonly string[] = [];
    let pieces = new Map<number, string[]>();
    const made = new Set<string>();
    const parts = statements.map((sql, index) => {
      const id = `${step}:${index + 1}`;
      const given = /'(\[.*\])'/.exec(sql)?.[1];
      const ranges = (given ? JSON.parse(given) : []) as Range[];
      const piece = Number(/'(-?\d+)'/.exec(sql)?.[1]);
      if (sql === 'gather') gathered = [...rows].sort();
      else if (sql === 'refer') gathered = [...before];
      else if (sql.startsWith('divide')) pieces = divide(gathered, ranges, Number(/into '(\d+)'/.exec(sql)![1]));
      else if (sql.startsWith('assign')) pieces = assign(gathered, ranges);
      else if (sql === 'pieces') {
        const counted = [...pieces].filter(([number, keys]) => number >= 0 && keys.length > 0);
        results.set(
          id,
          counted.map(([number, keys]) => ({
            piece: number,
            row_count: keys.length,
            key_count: new Set(keys).size,
            first_key: keys[0]!,
            last_key: keys.at(-1)!,
          })),
        );
      } else if (sql.startsWith('type')) {
        const some = pieces.get(piece) ?? [];
        typed += some.length;
        const found = some.find((key) => bad.has(key));
        const error = ill?.(sql, some) ?? (found && `ERROR: overflow at ${found}`);
        if (error) return { id, status: 'FAILED', error };
        made.add(/into "?'?(\w+)/.exec(sql)![1]!);
      } else if (sql.startsWith('join')) {
        const table = / of "?(\w+)/.exec(sql)![1]!;
        if (!made.has(table)) return { id, status: 'FAILED', error: `ERROR: relation "${table}" does not exist` };
      }
      return { id, status: 'FINISHED' };
    });
    const error = parts.find((part) => part.error)?.error;
    const times = { createdAt: 0, updatedAt: 0 };
    return { id: step, status: error ? 'FAILED' : 'FINISHED', error, parts, ...times };
  };
  const rowsOf = (id: string) => results.get(id)!;
  const host: SearchHost = {
    run: async (step, statements) => carryOut(step, statements),
    rows: async (id) => rowsOf(id),
  };
  return { host, carryOut, rowsOf, steps, typed: () => typed };
}

const within = (key: string, { first, last }: Range) => key >= first && key <= last;

function divide(rows: readonly string[], ranges: readonly Range[], fanout: number): Map<number, string[]> {
  const chosen = rows.filter((key) => ranges.some((range) => within(key, range)));
  const keys = [...new Set(chosen)];
  const pieces = new Map<number, string[]>();
  for (const key of chosen) {
    const piece = Math.floor((keys.indexOf(key) * fanout) / keys.length) + 1;
    pieces.set(piece, [...(pieces.get(piece) ?? []), key]);
  }
  return pieces;
}

function assign(rows: readonly string[], ranges: readonly Range[]): Map<number, string[]> {
  const pieces = new Map<number, string[]>();
  for (const key of rows) {
    const piece = ranges.find((range) => within(key, range))?.piece ?? 0;
    pieces.set(piece, [...(pieces.get(piece) ?? []), key]);
  }
  return pieces;
}

export const keyOf = (n: number) => `k${String(n).padStart(6, '0')}`;
export const keys = (count: number) => Array.from({ length: count }, (_, n) => keyOf(n));
