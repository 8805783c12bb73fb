import { defineEnv } from '../../../lambda/shared/env';
import { embeddedMetrics } from '../../../lambda/shared/metrics';
import {
  compactTime,
  formatStatementName,
  parseCompactTime,
  parseStatementName,
} from '../../../lambda/shared/statement-name';

test('a statement name is read back as it was written', () => {
  const name = {
    environment: 'dev',
    pipeline: 'estore',
    purpose: 'refresh',
    runId: '20261121T0500Z',
    step: 'merge',
    attempt: 2,
  } as const;
  expect(formatStatementName(name)).toBe('millrace/dev/estore/refresh/20261121T0500Z/merge/2');
  expect(parseStatementName(formatStatementName(name))).toEqual(name);
});

test.each([
  '',
  'millrace/dev/deploy/r/0',
  'millrace/dev/estore/audit/r/s/1',
  'millrace/dev/estore/refresh/r/s/0',
  'millrace/dev/estore/refresh//s/1',
])('"%s" is no statement of a run', (text) => expect(parseStatementName(text)).toBeUndefined());

test('compact times sort as moments and are read back to the minute', () => {
  const time = Date.parse('2026-11-21T05:07:42Z');
  expect(compactTime(time)).toBe('20261121T0507Z');
  expect(parseCompactTime('20261121T0507Z')).toBe(Date.parse('2026-11-21T05:07:00Z'));
  expect(() => parseCompactTime('20261321T0507Z')).toThrow('not a compact time');
});

test('metrics are one line in the embedded metric format, stamped with the time of what they tell', () => {
  const lines: string[] = [];
  embeddedMetrics('dev', 'estore', (line) => lines.push(line))(
    1_795_237_200_000,
    { RunCompleted: 1, RunSeconds: 2.5 },
    { runId: 'r' },
  );
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      _aws: {
        Timestamp: 1_795_237_200_000,
        CloudWatchMetrics: [
          {
            Namespace: 'Millrace',
            Dimensions: [['Environment', 'Pipeline']],
            Metrics: [
              { Name: 'RunCompleted', Unit: 'Count' },
              { Name: 'RunSeconds', Unit: 'Seconds' },
            ],
          },
        ],
      },
      Environment: 'dev',
      Pipeline: 'estore',
      RunCompleted: 1,
      RunSeconds: 2.5,
      runId: 'r',
    },
  ]);
});

test('some values are written once more with further dimensions', () => {
  const lines: string[] = [];
  const part = { dimensions: { Endpoint: 'revenue' }, names: ['EndpointMilliseconds'] } as const;
  const values = { EndpointRequests: 1, EndpointMilliseconds: 12 };
  embeddedMetrics('dev', 'estore', (line) => lines.push(line))(0, values, {}, {}, part);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      _aws: {
        Timestamp: 0,
        CloudWatchMetrics: [
          expect.objectContaining({ Dimensions: [['Environment', 'Pipeline']] }),
          {
            Namespace: 'Millrace',
            Dimensions: [['Environment', 'Pipeline', 'Endpoint']],
            Metrics: [{ Name: 'EndpointMilliseconds', Unit: 'Milliseconds' }],
          },
        ],
      },
      Environment: 'dev',
      Pipeline: 'estore',
      Endpoint: 'revenue',
      ...values,
    },
  ]);
});

test('every missing variable is named at once', () => {
  expect(() => defineEnv('A', 'B', 'C').read({ B: 'b', C: '' })).toThrow('missing environment variables: A, C');
});
