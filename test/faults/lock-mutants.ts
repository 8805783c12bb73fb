import { type Pair, playPair, type WeakenParty } from './interleave';
import type { PartyName } from './parties';

/** A LOCK that a transaction may lack. */
export interface LockMutant {
  readonly guard: string;
  readonly without: PartyName;
  /** The transactions that run beside it. */
  readonly beside: readonly PartyName[];
}

/** By the transaction whose LOCK is left out. */
export const lockMutants = [
  { guard: 'LOCK of a load', without: 'load', beside: ['merge', 'load'] },
  { guard: 'LOCK of a merge', without: 'merge', beside: ['load', 'merge'] },
  { guard: 'LOCK of a load of the archive', without: 'archive', beside: ['merge'] },
  { guard: 'LOCK of a reload', without: 'reload', beside: ['merge', 'retry'] },
  { guard: 'LOCK of a retry', without: 'retry', beside: ['load', 'origins', 'retry'] },
  { guard: 'LOCK of the search for origins', without: 'origins', beside: ['retry', 'origins'] },
  { guard: 'LOCK of a fill', without: 'fill', beside: ['mergeBefore'] },
  { guard: 'LOCK of the last merge of a landing view', without: 'lastMerge', beside: ['merge'] },
  { guard: 'LOCK of the end of a run', without: 'complete', beside: ['merge'] },
  { guard: 'LOCK of an idle run', without: 'idle', beside: ['merge'] },
  { guard: 'LOCK of the search for skipped records', without: 'skipped', beside: ['merge', 'skipped'] },
  { guard: 'LOCK of the trim', without: 'trim', beside: ['merge'] },
  { guard: 'LOCK of the record of a publication', without: 'publish', beside: ['publish'] },
  { guard: 'LOCK of the listing', without: 'list', beside: ['list'] },
] as const satisfies readonly LockMutant[];

/** Leaves the LOCK out of one party. Throws if there is none, because such a mutant shows nothing. */
export const withoutLock =
  (party: PartyName): WeakenParty =>
  (name, step) => {
    if (name !== party) return step;
    const statements = step.statements.filter((sql) => !/^lock /.test(sql));
    if (statements.length === step.statements.length) throw new Error(`${name} takes no lock any more`);
    return { ...step, statements };
  };

/** Statements of the first transaction after which the second one begins. */
const after = [8, 16, 4, 2, 1, 32];

/** The pairs that are tried on a mutant, those likely to show it first. */
export function* pairsOf({ without, beside }: LockMutant): Generator<Pair> {
  for (const other of beside)
    for (const at of after) {
      yield { first: without, second: other, at };
      if (other !== without) yield { first: other, second: without, at };
    }
}

export interface CaughtPair {
  readonly pair: Pair;
  /** What went wrong: wrong rows, or a conflict that the real version does not have. */
  readonly problem: string;
}

/**
 * Returns the first pair that the mutant does not survive. Wrong rows count, and conflicts: a conflict costs a retry,
 * and a LOCK is there to wait instead.
 */
export async function breaksLock(mutant: LockMutant): Promise<CaughtPair | undefined> {
  let conflict: CaughtPair | undefined;
  for (const pair of pairsOf(mutant)) {
    const { problems, conflicts } = await playPair(pair, withoutLock(mutant.without));
    const [problem] = problems;
    if (problem !== undefined) return { pair, problem };
    if (conflicts[0] !== undefined) conflict ??= { pair, problem: 'a conflict of transactions' };
  }
  return conflict;
}
