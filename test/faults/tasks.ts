import { type KindName, kinds } from './kinds';

/** Runs of one kind, from one seed. */
export interface RunTask {
  readonly kind: KindName;
  readonly seed: number;
  readonly runs: number;
}

/**
 * Runs of one task. The number is small, so that a failure is near its seed, and that a session that is killed loses
 * little of a log.
 */
export const runsPerTask = 5;
const seeds = 2 ** 31 - 1;

/**
 * Makes tasks of all kinds in turn. Each has its own seed, so that it can be replayed without the earlier ones. A seed
 * depends on the kind's name and not on its place, so a new kind leaves the others as they were.
 */
export function tasksOf(runs: number, seed: number, names: readonly KindName[]): RunTask[] {
  const usual = names.reduce((sum, name) => sum + kinds[name].usual, 0);
  const tasks = names.flatMap((kind) => {
    const share = Math.max(1, Math.round((runs * kinds[kind].usual) / usual));
    return Array.from({ length: Math.ceil(share / runsPerTask) }, (_, nth) => ({
      kind,
      nth,
      seed: 1 + ((seed + hashOf(kind) + nth) % seeds),
      runs: Math.min(runsPerTask, share - nth * runsPerTask),
    }));
  });
  return tasks.sort((a, b) => a.nth - b.nth).map(({ nth: _, ...task }) => task);
}

/** FNV-1a, of 28 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  return hash >>> 4;
}
