import { conditionOf, rejectId } from '../../cli/commands/rejects/filter';
import { render } from '../../lambda/shared/statement';

describe('a reject is named by', () => {
  const parse = rejectId('--id');

  test.each([
    ['shardId-000000000000,4959', { container: 'shardId-000000000000', place: '4959' }],
    ['shardId-000000000000,4959:2', { container: 'shardId-000000000000', place: '4959:2' }],
    ['stream, shardId-000000000000, 4959', { container: 'shardId-000000000000', place: '4959' }],
    ['shardId-000000000000', { container: 'shardId-000000000000' }],
    ['s3://bucket/a, b/c.gz,17', { container: 's3://bucket/a, b/c.gz', place: '17' }],
    ['history, s3://bucket/a.gz, line 17', { container: 's3://bucket/a.gz', place: '17' }],
    ['s3://bucket/a.gz', { container: 's3://bucket/a.gz' }],
  ])('%s', (given, expected) => {
    expect(parse(given)).toEqual(expected);
  });

  test.each([
    '',
    '4959',
    'shard,1',
    's3://bucket',
    's3://bucket/',
    'estore/a.gz,1',
    's3://b/k,1:2',
    `s3://b/k,${'9'.repeat(20)}`,
  ])('%j is refused', (given) => {
    expect(() => parse(given)).toThrow(/--id must be <shard>,<sequence number> or/);
  });
});

describe('the condition', () => {
  test('is none where nothing is chosen', () => {
    expect(conditionOf({})).toEqual({ values: {} });
  });

  test('takes all that is given together, and no text of it for SQL', () => {
    const { sql, values } = conditionOf({
      reason: "' or true --",
      source: 'history',
      since: Date.UTC(2026, 10, 20),
      until: Date.UTC(2026, 10, 21),
      id: { container: `s3://b/${'k'.repeat(300)}`, place: '7' },
    });
    const text = render(sql!, values);
    expect(text).toContain("strpos(coalesce(reasons, reason), ''' or true --') > 0 and source = 'history'");
    expect(text).toContain(
      "merged_at >= '2026-11-20 00:00:00.000'::timestamp and merged_at < '2026-11-21 00:00:00.000'",
    );
    // the warehouse knows the beginning of a long name only
    expect(text).toContain(`'s3://b/${'k'.repeat(249)}'`);
    expect(text).toContain("line = '7'::bigint");
  });
});
