import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { metricUnits } from '../../lambda/shared/metrics';
import { alarms, endpointMetrics, functionMetrics } from '../../lib/monitoring/alarms';
import { servedPipeline, serverless, shopPipeline, templates, testEnvironment } from './fixtures';

describe('alarms', () => {
  const found = (changes = {}, pipeline = shopPipeline()) =>
    Object.values(templates(changes, [pipeline]).pipelines.findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties,
    );
  const headings = (changes = {}, pipeline = shopPipeline()) =>
    new Set(
      found(changes, pipeline).map(({ AlarmName }) =>
        AlarmName.replace(/^millrace test (shop|api): /, '').replace(/ \(.*\)$/, ''),
      ),
    );

  test('there is one of each kind', () => {
    expect([...headings({}, servedPipeline())].sort()).toEqual(
      Object.values(alarms)
        .map(({ heading }) => heading)
        .sort(),
    );
  });

  test('state their impact and go to the topic', () => {
    for (const { AlarmDescription, AlarmActions } of found()) {
      expect(AlarmDescription).toMatch(/^Impact: .+ What to do: docs\/runbook\.md, "/);
      expect(AlarmActions).toEqual([{ Ref: expect.stringMatching(/^Alarms/) }]);
    }
  });

  test('do not expect runs where none are due', () => {
    const { warehouse } = testEnvironment();
    const pause = { pauseAt: 'cron(0 20 * * ? *)', resumeAt: 'cron(0 6 * * ? *)' };
    for (const changes of [{ schedulesEnabled: false }, { warehouse: { ...warehouse, pause } }]) {
      expect(headings(changes)).not.toContain('refresh missing');
      expect(headings(changes)).not.toContain('reconcile missing');
      expect(headings(changes)).toContain('refresh failed');
    }
    expect(headings({ warehouse: serverless })).toContain('refresh missing');
  });

  test('ignore one failed load, which its message repeats an hour later, and report a second one', () => {
    const failed = found().find(({ AlarmName }) => AlarmName === 'millrace test shop: load failed');
    expect(failed).toMatchObject({
      MetricName: 'LoadFailed',
      Period: 3600,
      EvaluationPeriods: 3,
      DatapointsToAlarm: 2,
    });
    expect(failed).toMatchObject({ Threshold: 0, TreatMissingData: 'notBreaching' });
  });

  test('watch overwritten objects only where the pipeline declares them a mistake', () => {
    const history = [{ ...shopPipeline().history![0]!, overwritten: 'load-again' }] as const;
    expect(headings({}, shopPipeline({ history }))).not.toContain('objects overwritten');
    const without = headings({}, shopPipeline({ history: undefined }));
    expect(without).not.toContain('reconcile missing');
    expect(without).toContain('objects parked');
  });

  test('have a section each in the runbook, and no section is without an alarm', () => {
    const runbook = readFileSync(join(__dirname, '../../docs/runbook.md'), 'utf8');
    const sections = [...runbook.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(sections.sort()).toEqual(
      Object.values(alarms)
        .map(({ heading }) => heading)
        .sort(),
    );
  });

  test('watch metrics that the functions write', () => {
    const { namespace, ...metrics } = functionMetrics;
    expect(namespace).toBe('Millrace');
    expect(Object.keys(metricUnits)).toEqual(expect.arrayContaining(Object.values(metrics)));
    expect(Object.keys(metricUnits)).toEqual(expect.arrayContaining(Object.values(endpointMetrics)));
  });

  test('evaluate no longer than CloudWatch allows: seven days for periods of an hour or more, else one', () => {
    const exports = [{ ...shopPipeline().exports[0]!, windowMinutes: 1440, latenessMinutes: 1440 }];
    for (const { Period, EvaluationPeriods } of found({}, shopPipeline({ refreshEveryMinutes: 59, exports }))) {
      expect(Period * EvaluationPeriods).toBeLessThanOrEqual(86_400 * (Period >= 3600 ? 7 : 1));
    }
  });

  test('reach the address of the environment', () => {
    templates({ alarmEmail: 'ops@example.com' }).pipelines.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
    templates().pipelines.resourceCountIs('AWS::SNS::Subscription', 0);
  });
});

describe('notifications of publications', () => {
  const to = (account: string) => `arn:aws:sqs:eu-west-1:${account}:told`;
  const told = (account: string) =>
    templates({ account: '111122223333', exportNotifications: [{ export: 'shop.visits', to: to(account) }] }).pipelines;

  test('are sent to nobody unless the environment says so', () => {
    expect(Object.keys(templates().pipelines.findResources('AWS::SQS::Queue'))).toEqual([]);
  });

  test('a queue gets the events of its export, and what cannot be delivered is kept', () => {
    told('111122223333').hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['millrace.test.shop'],
        'detail-type': ['Millrace Export Published'],
        detail: { environment: ['test'], pipeline: ['shop'], export: ['visits'] },
      },
      Targets: [
        Match.objectLike({
          Arn: to('111122223333'),
          RoleArn: Match.absent(),
          DeadLetterConfig: {
            Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ExportNotificationsUndelivered'), 'Arn'] },
          },
        }),
      ],
    });
  });

  test('a queue of another account is reached through a role that may do nothing else', () => {
    const pipelines = told('444455556666');
    pipelines.hasResourceProperties('AWS::Events::Rule', {
      Targets: [Match.objectLike({ Arn: to('444455556666'), RoleArn: Match.anyValue() })],
    });
    pipelines.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: Match.objectLike({
        Statement: [{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: to('444455556666') }],
      }),
    });
  });
});
