import { gunzipSync } from 'node:zlib';
import { globMatcher } from '../../../lambda/load/glob';
import type { GeneratorOptions } from '../../../pipelines/generator/generator';
import { generator } from '../../../pipelines/pageviews/generator';
import { pipeline } from '../../../pipelines/pageviews/pipeline';

function run(given: Partial<GeneratorOptions> = {}) {
  const generation = generator.generate({ seed: '7', start: Date.UTC(2026, 10, 21, 9), events: 5000, ...given });
  const history = [...generation.history()];
  const rows = history.flatMap(({ body }) => gunzipSync(body).toString().trimEnd().split('\n'));
  const stream = [...generation.stream()].map((record) => record.data);
  return { history, rows, stream, lines: [...rows, ...stream], oracle: generation.oracle };
}

const parsed = (lines: string[]) =>
  lines.flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
const isPage = (call: { type: string }) => call.type === 'page';
const isSound = (view: { messageId: unknown; timestamp: string }) =>
  typeof view.messageId === 'string' && view.messageId.length < 100 && !Number.isNaN(Date.parse(view.timestamp));

test('the oracle is what a recount of the bytes gives', () => {
  const { lines, oracle } = run();
  const calls = parsed(lines);
  const valid = calls.filter(isPage).filter(isSound);
  const distinct = new Set(valid.map((view) => view.messageId));
  const skipped = calls.filter((call) => !isPage(call));
  expect({ ...oracle, groups: undefined }).toEqual({
    produced: lines.length,
    events: distinct.size,
    duplicates: valid.length - distinct.size,
    rejects: lines.length - valid.length - skipped.length,
    skipped: skipped.length,
    groups: undefined,
  });
  expect(oracle.events).toBe(5000);
});

test('page, track and identify calls are on the stream and in the files of earlier days, which the pipeline reads', () => {
  const { history, rows, stream } = run();
  const types = (lines: string[]) => [...new Set(parsed(lines).map(({ type }) => type))].sort();
  expect(types(stream)).toEqual(['identify', 'page', 'track']);
  expect(types(rows)).toEqual(['identify', 'page', 'track']);
  const matches = globMatcher(pipeline.history![0]!.globs[0]!);
  expect(new Set(history.map(({ key }) => key.split('/')[2])).size).toBeGreaterThan(1);
  for (const { key } of history) {
    expect([key, matches(key)]).toEqual([key, true]);
    expect(Number(key.split('/')[2]) % 86_400_000).toBe(0);
  }
});

test('only page calls are made if no others are wanted', () => {
  const { lines, oracle } = run({ others: 0 });
  expect(parsed(lines).every(isPage)).toBe(true);
  expect(oracle.skipped).toBe(0);
});

test('the same seed gives the same bytes', () => {
  expect(run().lines).toEqual(run().lines);
  expect(run().lines).not.toEqual(run({ seed: '8' }).lines);
});
