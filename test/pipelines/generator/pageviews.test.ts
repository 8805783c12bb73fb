import { generator } from '../../../pipelines/pageviews/generator';

const run = (seed: string) => {
  const generation = generator.generate({ seed, start: Date.UTC(2026, 10, 21, 9), events: 5000 });
  return { lines: [...generation.stream()].map((record) => record.data), oracle: generation.oracle };
};

test('the oracle is what a recount of the bytes gives', () => {
  const { lines, oracle } = run('7');
  const valid = lines.flatMap((line) => {
    try {
      const view = JSON.parse(line);
      return typeof view.messageId === 'string' &&
        view.messageId.length < 100 &&
        !Number.isNaN(Date.parse(view.timestamp))
        ? [view]
        : [];
    } catch {
      return [];
    }
  });
  const distinct = new Set(valid.map((view) => view.messageId));
  expect({ ...oracle, groups: undefined }).toEqual({
    produced: lines.length,
    events: distinct.size,
    duplicates: valid.length - distinct.size,
    rejects: lines.length - valid.length,
    groups: undefined,
  });
  expect(oracle.events).toBe(5000);
});

test('the same seed gives the same bytes', () => {
  expect(run('7').lines).toEqual(run('7').lines);
  expect(run('7').lines).not.toEqual(run('8').lines);
});
