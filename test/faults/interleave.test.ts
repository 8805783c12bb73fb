import { everyNth } from '../support/tier';
import { type Pair, playPair } from './interleave';
import { breaksLock, lockMutants } from './lock-mutants';
import { type PartyName, parties } from './parties';

const longestMs = 5 * 60_000;
const names = Object.keys(parties) as PartyName[];

/** All pairs of transactions, the second one after some statements of the first. */
const pairs: readonly Pair[] = [8, 2, 20].flatMap((at) =>
  names.flatMap((first) => names.map((second) => ({ first, second, at }))),
);

test.each(everyNth(pairs, pairs.length, 25))(
  '$second beside $first, after its statement $at, leaves every record in one place',
  async (pair) => {
    expect(await playPair(pair)).toMatchObject({ problems: [], conflicts: [] });
  },
  longestMs,
);

test(
  'without the LOCK of a load it does not; npm run faults -- --mutants tries the others',
  async () => {
    expect(await breaksLock(lockMutants.find(({ without }) => without === 'load')!)).toBeDefined();
  },
  longestMs,
);
