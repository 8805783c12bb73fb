import fc from 'fast-check';
import { isSecondTier, seedOf } from '../../support/tier';
import { seed } from '../check';
import { kinds } from '../kinds';
import { playInterleaved } from './play';
import { interleavings } from './scenarios';

const longestMs = 10 * 60_000;
const { usual } = kinds['transactions ran side by side'];

test(
  'any functions side by side, with switches at any statements, leave every record in one place',
  () =>
    fc.assert(
      fc.asyncProperty(interleavings, async (interleaved) => {
        expect((await playInterleaved(interleaved)).problems).toEqual([]);
      }),
      { numRuns: Math.ceil(usual / (isSecondTier ? 4 : 28)), seed: seedOf(seed) },
    ),
  longestMs,
);

test('the same order of statements gives the same errors', async () => {
  const interleaved = {
    isolation: 'snapshot',
    snapshots: 'before-wait',
    parties: ['deploy', 'merge', 'deploy'],
    turns: [0, 1, 2, 2, 1, 0, 0, 1],
  } as const;
  const [one, other] = [await playInterleaved(interleaved), await playInterleaved(interleaved)];
  expect(other).toEqual(one);
});
