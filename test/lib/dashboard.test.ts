import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import { metricUnits } from '../../lambda/shared/metrics';
import { alarms } from '../../lib/monitoring/alarms';
import { dashboardsOf, metricsOf, searchesOf } from '../support/dashboard';
import { servedPipeline, serverless, shopPipeline, templates } from './fixtures';

const dashboard = (changes = {}, pipelines = [servedPipeline()]) =>
  dashboardsOf(templates(changes, pipelines).pipelines)[0]!;
const markdown = (changes = {}) => dashboard(changes).widgets.find(({ type }) => type === 'text')!.properties.markdown!;

/**
 * Metrics that AWS reports: Kinesis developer guide, "Monitoring with CloudWatch"; SQS developer guide, "Available CloudWatch metrics"; S3 user guide,
 * "Metrics and dimensions"; Redshift management guide, "Performance data in Amazon Redshift".
 */
const ofAws: Readonly<Record<string, readonly string[]>> = {
  'AWS/Kinesis': ['GetRecords.Bytes', 'GetRecords.IteratorAgeMilliseconds', 'IncomingBytes', 'IncomingRecords'],
  'AWS/SQS': ['ApproximateNumberOfMessagesVisible'],
  'AWS/S3': ['BucketSizeBytes'],
  'AWS/Redshift': ['HealthStatus'],
};

test('every metric is one that the functions write or AWS reports, with the dimensions that it has', () => {
  const metrics = metricsOf(dashboard());
  expect(metrics.length).toBeGreaterThan(20);
  for (const { namespace, name, dimensions } of metrics) {
    const known = namespace === 'Millrace' ? Object.keys(metricUnits) : (ofAws[namespace] ?? []);
    expect(known).toContain(name);
    if (namespace === 'Millrace') expect(dimensions).toEqual({ Environment: 'test', Pipeline: 'shop' });
    if (namespace === 'AWS/Kinesis') expect(dimensions).toEqual({ StreamName: 'millrace-test-shop' });
  }
  expect(searchesOf(dashboard())).toEqual([
    expect.stringContaining(
      '{Millrace,Environment,Pipeline,Reason} MetricName="RejectedRecords" Environment="test" Pipeline="shop"',
    ),
  ]);
});

test('shows every alarm of every pipeline, those of other stacks too', () => {
  const cart = shopPipeline({
    name: 'cart',
    stack: 'more',
    history: undefined,
    views: [],
    exports: [],
  });
  const { stage, pipelines } = templates({}, [servedPipeline(), cart]);
  const names = [stage.pipelines, ...stage.more].flatMap((stack) =>
    stack.node.findAll().flatMap((node) => (node instanceof CfnAlarm ? [node.alarmName!] : [])),
  );
  const shown = dashboardsOf(pipelines)[0]!.widgets.flatMap(({ properties }) => properties.alarms ?? []);
  expect(names.length).toBeGreaterThan(20);
  expect(shown.map((arn) => arn.split(':alarm:')[1]).sort()).toEqual(names.sort());
});

test('links each alarm to a section that the runbook has', () => {
  expect(markdown()).not.toContain('](');
  const text = markdown({ dashboard: { runbookUrl: 'https://example.com/runbook.md' } });
  const anchors = [...text.matchAll(/\]\(https:\/\/example\.com\/runbook\.md#([^)]*)\)/g)].map(([, anchor]) => anchor!);
  expect(anchors).toHaveLength(Object.keys(alarms).length);
  const runbook = readFileSync(join(__dirname, '../../docs/runbook.md'), 'utf8');
  const sections = [...runbook.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const anchor of anchors) expect(sections).toContain(anchor);
});

test('shows node-hours of a cluster and RPU-hours of a workgroup', () => {
  const labels = (changes = {}) => JSON.stringify(dashboard(changes));
  expect(labels()).toContain('2 * minutes / 60');
  expect(labels({ warehouse: serverless })).toContain('ComputeSeconds');
});

test('is left out on request', () => {
  expect(dashboardsOf(templates({ dashboard: false }).pipelines)).toEqual([]);
});
