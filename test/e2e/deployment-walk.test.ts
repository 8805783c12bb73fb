import { pairs } from './walk/pairs';
import { disturbances, type Played, play, removeImages } from './walk/walk';

/** All points of all pairs with `MILLRACE_WALK=all`; else one of each disturbance and pair. */
const all = process.env['MILLRACE_WALK'] === 'all';
jest.setTimeout(all ? 7_200_000 : 300_000);

afterAll(removeImages);

describe.each(pairs)('$kind', (pair) => {
  let calm: Played;

  test('undisturbed', async () => {
    calm = await play(pair);
    expect([calm.outcome, calm.problems]).toEqual(['deployed', []]);
    expect([calm.points, calm.statements].every((count) => count > 1)).toBe(true);
  });

  test.each(disturbances)('%s, at any point', async (disturbance) => {
    const last = disturbance === 'a statement fails' ? calm.statements : calm.points;
    const chosen = (disturbances.indexOf(disturbance) * 5 + pairs.indexOf(pair) * 3) % last;
    const numbers = all ? Array.from({ length: last }, (_, index) => index + 1) : [chosen + 1];
    const failed: unknown[] = [];
    for (const number of numbers) {
      const { problems, outcome } = await play(pair, disturbance, number);
      if (problems.length > 0) failed.push({ number, last, outcome, problems });
      if (all) process.stderr.write(`${pair.kind}, ${disturbance}: ${number} of ${last}, ${failed.length} failed\n`);
    }
    expect(failed).toEqual([]);
  });
});
