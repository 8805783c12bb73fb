import { everyNth } from '../../support/tier';
import { mayConflict } from './checks';
import { secondAfter } from './lock-mutants';
import { type PartyName, partyNames } from './parties';
import { isolations, playInterleaved, snapshotTimes } from './play';

const longestMs = 10 * 60_000;
/** The first tier plays some of the boundaries of one pair. */
const boundaries = { first: 12, second: 1 };

interface Walk {
  readonly first: PartyName;
  readonly second: PartyName;
  readonly isolation: (typeof isolations)[number];
  readonly snapshots: (typeof snapshotTimes)[number];
}

const walks: readonly Walk[] = partyNames.flatMap((first) =>
  partyNames.flatMap((second) =>
    isolations.flatMap((isolation) => snapshotTimes.map((snapshots) => ({ first, second, isolation, snapshots }))),
  ),
);

/**
 * A walk over the boundaries of the first party: the second one begins after each of its statements. Then both go on, the
 * second one first.
 */
test.each(everyNth(walks, walks.length, 400))(
  '$second beside $first, after each of its statements, under $isolation, snapshots $snapshots, leaves every record in one place',
  async ({ first, second, isolation, snapshots }) => {
    const conflicts: string[] = [];
    const parties = [first, second];
    const { turns } = await playInterleaved({ isolation, snapshots, parties: [first], turns: [] });
    const all = Array.from({ length: turns }, (_, at) => at);
    for (const at of everyNth(all, boundaries.first, boundaries.second)) {
      const played = await playInterleaved({ isolation, snapshots, parties, turns: secondAfter(at) });
      expect({ at, problems: played.problems }).toEqual({ at, problems: [] });
      conflicts.push(...played.conflicts);
    }
    if (!mayConflict(parties)) expect(conflicts).toEqual([]);
  },
  longestMs,
);
