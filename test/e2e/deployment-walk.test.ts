import { pairs } from './walk/pairs';
import { disturbances, type Played, play, removeImages } from './walk/walk';

/** All points of all pairs with `MILLRACE_WALK=1`, every fourth with 4; else one of each pair, the pairs taking turns with the disturbances. */
const everyNth = Number(process.env['MILLRACE_WALK'] ?? 0);
if (!(Number.isInteger(everyNth) && everyNth >= 0))
  throw new Error(`MILLRACE_WALK must be a whole number from 0, got ${process.env['MILLRACE_WALK']}`);
jest.setTimeout(everyNth > 0 ? 7_200_000 : 300_000);

afterAll(removeImages);

describe.each(pairs)('$kind', (pair) => {
  let calm: Played;

  test('undisturbed', async () => {
    calm = await play(pair);
    expect([calm.outcome, calm.problems]).toEqual(['deployed', []]);
    expect([calm.points, calm.statements].every((count) => count > 1)).toBe(true);
  });

  const walked = disturbances.filter((_, index) => everyNth > 0 || index === pairs.indexOf(pair) % disturbances.length);

  test.each(walked)('%s, at any point', async (disturbance) => {
    const last = disturbance === 'a statement fails' ? calm.statements : calm.points;
    const offset = disturbances.indexOf(disturbance) * 5 + pairs.indexOf(pair) * 3;
    const isChosen = (number: number) =>
      everyNth > 0 ? (number + offset) % everyNth === 0 : number === (offset % last) + 1;
    const numbers = Array.from({ length: last }, (_, index) => index + 1).filter(isChosen);
    const failed: unknown[] = [];
    for (const number of numbers) {
      const { problems, outcome } = await play(pair, disturbance, number);
      if (problems.length > 0) failed.push({ number, last, outcome, problems });
      if (everyNth > 0)
        process.stderr.write(`${pair.kind}, ${disturbance}: ${number} of ${last}, ${failed.length} failed\n`);
    }
    expect(failed).toEqual([]);
  });
});
