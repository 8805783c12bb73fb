import { createMetrics } from '../../src/cloudwatch';
import { IncomingMetrics } from '../../src/kinesis/incoming';

const MINUTE = 60_000;

test('records and bytes of a stream are one value for each minute', () => {
  const incoming = new IncomingMetrics();
  const metrics = createMetrics();
  metrics.addOwn(incoming);
  incoming.add('clicks', 3, 300, 10 * MINUTE + 1);
  incoming.add('clicks', 2, 50, 10 * MINUTE + 59_999);
  incoming.add('orders', 1, 7, 10 * MINUTE);
  incoming.add('clicks', 0, 0, 11 * MINUTE);
  const of = (name: string) =>
    metrics.find('AWS/Kinesis', name).map(({ dimensions, value, at }) => [dimensions['StreamName'], value, at]);
  expect(of('IncomingRecords')).toEqual([
    ['clicks', 5, 10 * MINUTE],
    ['orders', 1, 10 * MINUTE],
  ]);
  expect(of('IncomingBytes')).toEqual([
    ['clicks', 350, 10 * MINUTE],
    ['orders', 7, 10 * MINUTE],
  ]);
  expect(metrics.isOwn('AWS/Kinesis', 'IncomingRecords')).toBe(true);
  expect(metrics.isOwn('AWS/Kinesis', 'GetRecords.IteratorAgeMilliseconds')).toBe(false);
});

test('a month of minutes becomes hours, and no record is lost', () => {
  const incoming = new IncomingMetrics();
  const minutes = 31 * 24 * 60;
  for (let minute = 0; minute < minutes; minute++) incoming.add('clicks', 1, 10, minute * MINUTE);
  const values = incoming.find('IncomingRecords');
  expect(values.length).toBeLessThan(2 * 15 * 24 * 60);
  expect(values.reduce((sum, { value }) => sum + value, 0)).toBe(minutes);
  expect(values.find(({ at }) => at === 0)!.value).toBe(60);
  expect(values.some(({ value, at }) => value === 1 && at === (minutes - 1) * MINUTE)).toBe(true);
});
