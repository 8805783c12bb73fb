import { allStatements } from '../../../sql';
import { everyNth } from '../../support/tier';
import { breaksPut, putMutants } from './conditional-puts';
import { breaksLock, lockMutants } from './lock-mutants';
import { parties } from './parties';
import { playInterleaved } from './play';
import { decoding, finer, keeping, makeWorld, pipeline } from './world';

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
  'without the $guard, readers find no whole publication',
  async (mutant) => {
    expect(await mutant.play(() => false)).toEqual([]);
    expect(await breaksPut(mutant)).toBeDefined();
  },
  longestMs,
);

/** The other readings of a load and a reload, and their searches for lines that raise: the LOCK and the merge are the same. */
const variants = /^load\.sources\.[^.]+\.(?:reload\.|raising\.)?(?:inPlace|exact)\b/;

test('every LOCK in the plans of functions and objects is that of a party, and every party has a mutant', async () => {
  const world = await makeWorld(true);
  try {
    const known = new Map<string, string>();
    for (const [name, party] of Object.entries(parties))
      for (const { step } of await party.make(world)) known.set(step.statements.join(';'), name);
    const isLocked = (statements: readonly string[]) => statements.some((sql) => /^lock /.test(sql));
    const batches = [pipeline, finer, decoding, keeping]
      .flatMap(allStatements)
      .filter(({ statements }) => isLocked(statements));
    const found = new Set(batches.filter(({ statements }) => known.has(statements.join(';'))).map(({ name }) => name));
    expect(found.size).toBeGreaterThan(0);
    const missing = batches.map(({ name }) => name).filter((name) => !found.has(name) && !variants.test(name));
    expect(missing).toEqual([]);

    const without = lockMutants.map((mutant) => mutant.without as string);
    const locked = [...known].filter(([statements]) => isLocked(statements.split(';'))).map(([, name]) => name);
    expect(locked.filter((name) => !without.includes(name) && !sameAs.includes(name))).toEqual([]);
  } finally {
    world.warehouse.dispose();
  }
});

/** Parties of another edition or of several transactions, whose LOCKs are those of other parties. */
const sameAs = ['mergeBefore', 'loadBefore', 'run'];
