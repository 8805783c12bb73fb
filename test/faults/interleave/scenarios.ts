import fc from 'fast-check';
import { partyNames } from './parties';
import { type Interleaved, isolations, snapshotTimes } from './play';

/** Most parties that run side by side. */
const most = 3;
/** Statements that a party executes in a row. The longest transaction has about 50. */
const inARow = fc.record({ party: fc.nat(most - 1), statements: fc.integer({ min: 1, max: 16 }) });

/** In most runs nobody is killed. */
const kill = fc.record({ party: fc.nat(most - 1), turn: fc.nat(60), again: fc.boolean() });

/** Any parties side by side, under either isolation level, with switches and kills at any statements. */
export const interleavings: fc.Arbitrary<Interleaved> = fc.record({
  isolation: fc.constantFrom(...isolations),
  snapshots: fc.constantFrom(...snapshotTimes),
  parties: fc.array(fc.constantFrom(...partyNames), { minLength: 2, maxLength: most }),
  turns: fc
    .array(inARow, { maxLength: 12 })
    .map((rows) => rows.flatMap(({ party, statements }) => Array<number>(statements).fill(party))),
  kills: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(kill, { minLength: 1, maxLength: 3 }) },
  ),
});
