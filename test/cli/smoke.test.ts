import { conditions } from '../../cli/commands/smoke/follow-marks';
import { createMarked, keyOf, type Marked, markedColumn, newMark } from '../../cli/commands/smoke/marked-events';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';

const now = Date.UTC(2026, 10, 21, 12);

test.each(pipelines.map((pipeline) => [pipeline.name, pipeline] as const))(
  '%s: every marked event has the mark in its identity, and one of them comes twice',
  (_, pipeline) => {
    const mark = newMark();
    const { stream, eventIds, expected, object } = createMarked(pipeline, mark, now) as Marked;
    expect(new Set(eventIds).size).toBe(expected.events);
    expect(eventIds).not.toContain(undefined);
    const events = stream.slice(0, -1);
    expect(events.every((data) => data.includes(`${mark}-`))).toBe(true);
    expect(new Set(events).size).toBe(events.length - 1);
    expect(events.length - 1 + (object ? 1 : 0)).toBe(expected.events);
    expect(() => JSON.parse(stream.at(-1)!)).toThrow();
    const times = events.map((data) => Date.parse(`${JSON.parse(data).timestamp}`.replace(/Z?$/, 'Z')));
    expect(Math.max(...times)).toBeLessThan(now - 85 * 60_000);
  },
);

test('estore: each action occurs, and history has one of them under a key that its glob matches', () => {
  const [estore] = pipelines.filter(({ name }) => name === 'estore') as [Pipeline];
  const { stream, expected, object } = createMarked(estore, 'millrace-smoke-0a', now) as Marked;
  expect(expected.events).toBe(5);
  expect(stream).toHaveLength(4 + 1 + 1);
  expect(object!.key).toBe('estore/millrace-smoke-0a/millrace-smoke-0a/millrace-smoke-0a.gz');
  expect(keyOf('a/**/b-*.csv', 'm')).toBe('a/m/b-m.csv');
});

test('a mark is looked for in its own column, so that rows of others cannot match', () => {
  const [estore] = pipelines.filter(({ name }) => name === 'estore') as [Pipeline];
  const where = conditions(createMarked(estore, 'millrace-smoke-0a', now) as Marked);
  expect(where.events).toBe(`"customer_id" like 'millrace-smoke-0a-%'`);
  expect(where.rejects).toBe(
    `partition_key = 'millrace-smoke-0a' or object_key = 'estore/millrace-smoke-0a/millrace-smoke-0a/millrace-smoke-0a.gz'`,
  );
});

test('a pipeline whose identity has no free text is not marked', () => {
  const [pipeline] = pipelines as [Pipeline];
  expect(markedColumn({ ...pipeline, identity: { by: 'stream-position' } }, 'm')).toBeUndefined();
  expect(markedColumn({ ...pipeline, identity: { by: 'columns', columns: ['action'] } }, 'm')).toBeUndefined();
});
