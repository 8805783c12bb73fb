import { everyNth, isExhaustive, rotation } from '../support/tier';
import { pairs } from './walk/pairs';
import { disturbances, type Played, play, removeImages } from './walk/walk';

jest.setTimeout(isExhaustive ? 7_200_000 : 300_000);

afterAll(removeImages);

describe.each(everyNth(pairs, 20, 4))('$kind', (pair) => {
  const index = pairs.indexOf(pair);
  let calm: Played;

  test('undisturbed', async () => {
    calm = await play(pair);
    expect([calm.outcome, calm.problems]).toEqual(['deployed', []]);
    expect([calm.points, calm.statements].every((count) => count > 1)).toBe(true);
  });

  // The pairs take turns with the disturbances.
  const chosen = disturbances[(index + rotation) % disturbances.length]!;

  test.each(isExhaustive ? disturbances : [chosen])('%s, at any point', async (disturbance) => {
    const last = disturbance === 'a statement fails' ? calm.statements : calm.points;
    const turn = disturbances.indexOf(disturbance) * 5 + index * 3 + Math.floor(rotation / disturbances.length);
    const numbers = isExhaustive ? Array.from({ length: last }, (_, number) => number + 1) : [(turn % last) + 1];
    const failed: unknown[] = [];
    for (const number of numbers) {
      const { problems, outcome } = await play(pair, disturbance, number);
      if (problems.length > 0) failed.push({ number, last, outcome, problems });
      if (isExhaustive)
        process.stderr.write(`${pair.kind}, ${disturbance}: ${number} of ${last}, ${failed.length} failed\n`);
    }
    expect(failed).toEqual([]);
  });
});
