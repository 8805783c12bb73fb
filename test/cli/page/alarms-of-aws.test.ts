import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { explain } from '../../../cli/failure';
import { AwsMetrics } from '../../../cli/page/aws/look';

/** Answers of CloudWatch by the name of the command. */
function answering(answers: Readonly<Record<string, (input: Record<string, unknown>) => object>>) {
  return jest
    .spyOn(CloudWatchClient.prototype, 'send')
    .mockImplementation(async (command: { constructor: { name: string }; input: unknown }) =>
      answers[command.constructor.name]!(command.input as Record<string, unknown>),
    );
}

afterEach(() => jest.restoreAllMocks());

const alarm = (name: string, more: object = {}) => ({
  AlarmName: `millrace dev estore: ${name}`,
  AlarmDescription: 'Impact: partners wait. What to do: docs/runbook.md, "export failed"',
  StateValue: 'OK',
  Namespace: 'Millrace',
  MetricName: 'ExportFailed',
  ComparisonOperator: 'GreaterThanThreshold',
  ...more,
});

test('alarms over all pages: those that fire, and those on something missing', async () => {
  const pages = [
    [alarm('export failed', { StateValue: 'ALARM', StateReason: '1 datapoint was greater than the threshold (0.0).' })],
    [
      alarm('refresh failed'),
      alarm('export age (purchases)', {
        MetricName: 'ExportedWindows',
        ComparisonOperator: 'LessThanThreshold',
        EvaluationPeriods: 3,
        Period: 3600,
      }),
    ],
  ];
  const send = answering({
    DescribeAlarmsCommand: ({ NextToken }) => ({
      MetricAlarms: pages[Number(NextToken ?? 0)],
      ...(NextToken === undefined ? { NextToken: '1' } : {}),
    }),
    GetMetricDataCommand: () => ({ MetricDataResults: [] }),
  });
  const metrics = new AwsMetrics({ region: 'eu-west-1' });
  const look = await metrics.look('dev', new Map([['estore', 'millrace-dev-estore']]), Date.UTC(2026, 0, 2), explain);
  expect(look.alarms).toEqual([
    {
      pipeline: 'estore',
      heading: 'export failed',
      impact: 'partners wait',
      what: '1 datapoint was greater than the threshold (0.0)',
    },
  ]);
  expect(look.absence).toEqual([
    { name: 'millrace dev estore: export age (purchases)', metric: 'ExportedWindows', hours: 3 },
  ]);
  expect(look.problems).toEqual([]);
  const [first] = send.mock.calls[0]!;
  expect(first.input).toMatchObject({ AlarmNamePrefix: 'millrace dev ' });
  metrics.dispose();
});

test('more queries than one call takes, values over several pages, and windows of their own', async () => {
  const asked: number[] = [];
  answering({
    GetMetricDataCommand: ({ MetricDataQueries, NextToken }) => {
      const queries = MetricDataQueries as { Id: string }[];
      asked.push(queries.length);
      const at = new Date(NextToken === undefined ? 0 : 60_000);
      return {
        MetricDataResults: queries.map(({ Id }) => ({ Id, Timestamps: [at], Values: [Number(Id.slice(1))] })),
        ...(NextToken === undefined && queries.length === 500 ? { NextToken: 'more' } : {}),
      };
    },
  });
  const metrics = new AwsMetrics({ region: 'eu-west-1' });
  const query = (from: number) => ({
    namespace: 'Millrace',
    name: 'RunCompleted',
    dimensions: { Pipeline: 'estore' },
    statistic: 'Sum' as const,
    periodMs: 60_000,
    from,
    to: 120_000,
  });
  const found = await metrics.metrics([...Array.from({ length: 501 }, () => query(0)), query(60_000)]);
  expect(asked).toEqual([500, 500, 1, 1]);
  expect(found[499]).toEqual([
    { at: 0, value: 499 },
    { at: 60_000, value: 499 },
  ]);
  expect(found[500]).toEqual([{ at: 0, value: 0 }]);
  expect(metrics.asked).toBe(502);
  metrics.dispose();
});
