import { everyNth } from '../../support/tier';
import { breaksPut, playTwoPublishers, putMutants } from './conditional-puts';
import { breaksLock, lockMutants } from './lock-mutants';
import { parties } from './parties';
import { playInterleaved } from './play';
import { makeWorld } from './world';

const longestMs = 10 * 60_000;

test.each(everyNth(lockMutants, lockMutants.length, 6))(
  'without the $guard, functions side by side go wrong',
  async (mutant) => {
    const caught = await breaksLock(mutant);
    expect(caught).toBeDefined();
    // The real version survives the same interleaving.
    expect(await playInterleaved(caught!.interleaved)).toMatchObject({ problems: [], conflicts: [] });
  },
  longestMs,
);

test.each(putMutants)(
  'without the $guard, a publication that readers saw is gone',
  async (mutant) => {
    expect(await playTwoPublishers(mutant.before)).toEqual([]);
    expect(await breaksPut(mutant)).toBeDefined();
  },
  longestMs,
);

test('every transaction that begins with a LOCK has a mutant', async () => {
  const world = await makeWorld(true);
  try {
    const locked: string[] = [];
    for (const [name, party] of Object.entries(parties)) {
      const last = (await party.make(world)).at(-1)!;
      if (/^lock /.test(last.step.statements[0]!)) locked.push(name);
    }
    const without = lockMutants.map((mutant) => mutant.without as string);
    expect(locked.filter((name) => !without.includes(name) && !sameAs.includes(name))).toEqual([]);
  } finally {
    world.warehouse.dispose();
  }
});

/** Parties whose last transaction is that of another party, with other statements after its LOCK. */
const sameAs = ['mergeBefore', 'loadBefore', 'run'];
