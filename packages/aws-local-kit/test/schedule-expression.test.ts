import { parseScheduleExpression } from '../src/schedule-expression';

const iso = (time: number | undefined) =>
  time === undefined ? undefined : new Date(time).toISOString().replace(':00.000Z', 'Z');
const after = (moment: string) => Date.parse(moment);

test.each([
  // expression, timezone, after, next
  ['rate(5 minutes)', 'UTC', '2026-03-01T10:02:00Z', '2026-03-01T10:05Z'],
  ['rate(1 hour)', 'UTC', '2026-03-01T10:00:00Z', '2026-03-01T11:00Z'],
  ['rate(1 day)', 'UTC', '2026-03-01T10:00:00Z', '2026-03-02T00:00Z'],
  ['cron(0/15 * * * ? *)', 'UTC', '2026-03-01T10:15:00Z', '2026-03-01T10:30Z'],
  ['cron(7 3 * * ? *)', 'UTC', '2026-03-01T03:07:00Z', '2026-03-02T03:07Z'],
  ['cron(0 20 ? * MON-FRI *)', 'UTC', '2026-03-06T20:00:00Z', '2026-03-09T20:00Z'],
  ['cron(0 20 ? * 1,7 *)', 'UTC', '2026-03-02T00:00:00Z', '2026-03-07T20:00Z'],
  ['cron(30 9 1 JAN,JUL ? *)', 'UTC', '2026-03-01T00:00:00Z', '2026-07-01T09:30Z'],
  ['cron(0 12 29 2 ? *)', 'UTC', '2026-03-01T00:00:00Z', '2028-02-29T12:00Z'],
  ['cron(0 0 1 1 ? 2030)', 'UTC', '2026-03-01T00:00:00Z', '2030-01-01T00:00Z'],
  // Winter and summer time in Berlin.
  ['cron(0 8 * * ? *)', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T06:00Z'],
  ['cron(0 8 * * ? *)', 'Europe/Berlin', '2026-03-27T12:00:00Z', '2026-03-28T07:00Z'],
  ['cron(0 8 * * ? *)', 'Asia/Kolkata', '2026-03-27T12:00:00Z', '2026-03-28T02:30Z'],
])('%s in %s after %s is %s', (expression, timezone, moment, next) => {
  expect(iso(parseScheduleExpression(expression, timezone, 0)(after(moment)))).toBe(next);
});

test('a schedule of years that are over never fires', () => {
  expect(parseScheduleExpression('cron(0 0 1 1 ? 2020)', 'UTC', 0)(after('2026-01-01T00:00:00Z'))).toBeUndefined();
});

test.each([
  ['cron(0 0 L * ? *)', 'L in the day-of-month field of a cron expression is not modelled'],
  ['cron(0 0 ? * 2#1 *)', '2#1 in the day-of-week field of a cron expression is not modelled'],
  ['at(2026-11-20T13:00:00)', 'schedule expression at(2026-11-20T13:00:00) is not modelled'],
  ['cron(0 0 * * * *)', 'must have ? in either day-of-month or day-of-week'],
  ['cron(60 0 * * ? *)', 'minutes of a cron expression must be between 0 and 59, got 60'],
  ['cron(0 0 * * ?)', 'must have 6 fields, got 5'],
])('refuses %s', (expression, message) => {
  expect(() => parseScheduleExpression(expression, 'UTC', 0)).toThrow(message);
});
