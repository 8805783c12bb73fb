import { createMetrics } from '../../src/cloudwatch';

const line = (changes: Record<string, unknown> = {}) =>
  JSON.stringify({
    _aws: {
      Timestamp: 1,
      CloudWatchMetrics: [
        { Namespace: 'Millrace', Dimensions: [['Pipeline']], Metrics: [{ Name: 'Events' }, { Name: 'Missing' }] },
      ],
    },
    Pipeline: 'estore',
    Events: 12,
    ...changes,
  });

test('takes metrics out of a log line, whatever stands before it', () => {
  const metrics = createMetrics();
  metrics.recordEmbedded(`2026-03-04T05:00:00Z INFO ${line()}`, 5);
  metrics.recordEmbedded(line({ Events: [1, 2] }), 6);
  expect(metrics.find('Millrace', 'Events')).toEqual([
    { namespace: 'Millrace', name: 'Events', dimensions: { Pipeline: 'estore' }, value: 12, at: 5 },
    { namespace: 'Millrace', name: 'Events', dimensions: { Pipeline: 'estore' }, value: 1, at: 6 },
    { namespace: 'Millrace', name: 'Events', dimensions: { Pipeline: 'estore' }, value: 2, at: 6 },
  ]);
  expect(metrics.find('Millrace', 'Missing')).toEqual([]);
});

test('passes over lines that are no metrics', () => {
  const metrics = createMetrics();
  metrics.recordEmbedded('{"_aws": broken', 1);
  metrics.recordEmbedded('{"_aws":{}}', 1);
  expect(metrics.find('Millrace', 'Events')).toEqual([]);
});
