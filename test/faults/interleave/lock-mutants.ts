import type { PartyName } from './parties';
import { type Interleaved, playInterleaved, type WeakenParty } from './play';

/** A LOCK that a party may lack. */
export interface LockMutant {
  readonly guard: string;
  readonly without: PartyName;
  /** What the mutant does not survive. */
  readonly aimed: Interleaved;
}

/** Turns that let the first of two parties take `at` turns before the second one begins. */
export const secondAfter = (at: number): number[] => Array<number>(at).fill(0);

/** The second party begins after some turns of the first one. */
const beside = (first: PartyName, second: PartyName, at: number): Interleaved => ({
  isolation: 'snapshot',
  snapshots: 'before-wait',
  parties: [first, second],
  turns: secondAfter(at),
});

/** Turns of one party after the other: `[[party, turns], …]`. */
const inTurn = (...turns: readonly (readonly [party: number, turns: number])[]): number[] =>
  turns.flatMap(([party, count]) => Array<number>(count).fill(party));

/** By the party whose LOCK is left out. */
export const lockMutants: readonly LockMutant[] = [
  { guard: 'LOCK of a merge', without: 'merge', aimed: beside('load', 'merge', 20) },
  { guard: 'LOCK of a load', without: 'load', aimed: beside('load', 'merge', 2) },
  { guard: 'LOCK of a load of the archive', without: 'archive', aimed: beside('archive', 'merge', 2) },
  { guard: 'LOCK of a reload', without: 'reload', aimed: beside('reload', 'retry', 2) },
  { guard: 'LOCK of a retry', without: 'retry', aimed: beside('retry', 'load', 4) },
  { guard: 'LOCK of the search for origins', without: 'origins', aimed: beside('origins', 'retry', 2) },
  { guard: 'LOCK of a fill', without: 'fill', aimed: beside('mergeBefore', 'fill', 17) },
  { guard: 'LOCK of the last merge of a landing view', without: 'lastMerge', aimed: beside('merge', 'lastMerge', 2) },
  { guard: 'LOCK of the end of a run', without: 'complete', aimed: beside('merge', 'complete', 2) },
  { guard: 'LOCK of an idle run', without: 'idle', aimed: beside('merge', 'idle', 2) },
  { guard: 'LOCK of the search for skipped records', without: 'skipped', aimed: beside('merge', 'skipped', 2) },
  { guard: 'LOCK of the reject of a record that raises', without: 'raising', aimed: beside('merge', 'raising', 2) },
  {
    guard: 'LOCK of the unload of records to decode',
    without: 'undecoded',
    aimed: beside('undecoded', 'undecoded', 2),
  },
  { guard: 'LOCK of the removal of marks', without: 'unmark', aimed: beside('merge', 'unmark', 8) },
  { guard: 'LOCK of the deletion of expired rows', without: 'expire', aimed: beside('expire', 'expire', 2) },
  { guard: 'LOCK of the trim', without: 'trim', aimed: beside('rebuild', 'trim', 2) },
  { guard: 'LOCK of a rebuild', without: 'rebuild', aimed: beside('load', 'rebuild', 20) },
  {
    guard: 'LOCK of the reset of a rebuild',
    without: 'reset',
    // After a first batch, whose checkpoint the second one replaces.
    aimed: {
      ...beside('rebuild', 'reset', 0),
      parties: ['rebuild', 'rebuild', 'reset'],
      turns: inTurn([0, 99], [1, 4]),
    },
  },
  {
    guard: 'LOCK of the completion of rows',
    without: 'completeRows',
    // After the load of a row that lacks a column, which a merge completes too.
    aimed: {
      ...beside('merge', 'completeRows', 0),
      parties: ['loadBefore', 'merge', 'completeRows'],
      turns: inTurn([0, 99], [1, 4]),
    },
  },
  { guard: 'LOCK of the marks of subjects', without: 'mark', aimed: beside('mark', 'mark', 1) },
  {
    guard: 'LOCK of an erasure',
    without: 'erase',
    // After the marks of both, whose LOCKs would wait for the read of the checkpoints.
    aimed: { ...beside('erase', 'erase', 0), turns: inTurn([0, 3], [1, 3], [0, 2], [1, 99]) },
  },
  { guard: 'LOCK of the swap of an object', without: 'swap', aimed: beside('swap', 'reload', 4) },
  { guard: 'LOCK of the end of an erasure', without: 'swept', aimed: beside('swept', 'swept', 1) },
  { guard: 'LOCK of the record of a publication', without: 'publish', aimed: beside('publish', 'publish', 1) },
  { guard: 'LOCK of the listing', without: 'list', aimed: beside('list', 'list', 2) },
  { guard: 'LOCK of the record of an object', without: 'record', aimed: beside('record', 'record', 2) },
  { guard: 'LOCK of the switch of a view', without: 'deploy', aimed: beside('deploy', 'deploy', 4) },
  { guard: 'LOCK of the end of an object', without: 'forget', aimed: beside('forget', 'forget', 2) },
  { guard: 'LOCK of a change of resources', without: 'leave', aimed: beside('leave', 'leave', 1) },
];

/** Leaves the LOCK out of the last transaction of a party. Throws if there is none, because such a mutant shows nothing. */
export const withoutLock =
  (party: PartyName): WeakenParty =>
  (name, step, isLast) => {
    if (name !== party || !isLast) return step;
    const statements = step.statements.filter((sql) => !/^lock /.test(sql));
    if (statements.length === step.statements.length) throw new Error(`${name} takes no lock any more`);
    return { ...step, statements };
  };

export interface CaughtInterleaving {
  readonly interleaved: Interleaved;
  /** What went wrong: wrong rows, or a conflict that the real version does not have. */
  readonly problem: string;
}

/**
 * Plays the mutant. Undefined if it survives. Wrong rows count, and so does a conflict: it costs a retry, and a LOCK is
 * there to wait instead.
 */
export async function breaksLock({ without, aimed }: LockMutant): Promise<CaughtInterleaving | undefined> {
  const { problems, conflicts } = await playInterleaved(aimed, withoutLock(without));
  const problem = problems[0] ?? conflicts[0];
  return problem === undefined ? undefined : { interleaved: aimed, problem };
}
