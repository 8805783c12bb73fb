import { createRandom } from '../../../pipelines/generator/random';

const draw = (seed: string, times: number, limit: number) => {
  const random = createRandom(seed);
  return Array.from({ length: times }, () => random.below(limit));
};

test('a seed always gives the same numbers, and another seed gives others', () => {
  expect(draw('1', 20, 1000)).toEqual(draw('1', 20, 1000));
  expect(draw('1', 20, 1000)).not.toEqual(draw('2', 20, 1000));
});

test('numbers are spread evenly below the limit', () => {
  const counts = new Array(10).fill(0);
  for (const number of draw('even', 100_000, 10)) counts[number]++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test('chance follows its probability, and never and always are exact', () => {
  const random = createRandom('chance');
  const hits = (probability: number) =>
    Array.from({ length: 50_000 }, () => random.chance(probability)).filter(Boolean).length;
  expect(Math.abs(hits(0.02) - 1000)).toBeLessThan(150);
  expect(hits(0)).toBe(0);
  expect(hits(1)).toBe(50_000);
});
