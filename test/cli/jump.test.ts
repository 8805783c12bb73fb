import { durationOf } from '../../cli/commands/jump';

test.each([
  ['90m', 5_400_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['30s', 30_000],
])('%s', (given, ms) => {
  expect(durationOf(given)).toBe(ms);
});

test.each(['', '90', '90x', '0m', '-1h', '1.5h', '400d', '1h30m'])('%s is no duration', (given) => {
  expect(() => durationOf(given)).toThrow(`as in 90m, got '${given}'`);
});
