import { pricesOf } from '../../../cli/cost/prices';
import { costText } from '../../../cli/page/aws/pace';
import { dev } from '../../../environments/dev';

test('what looks cost, by the kind of the warehouse', () => {
  const prices = pricesOf('us-east-1');
  expect(costText(dev, 40, prices)).toBe(
    'The cluster costs the same with and without a look. CloudWatch: 40 metrics a minute, $0.02 an hour.',
  );
  expect(costText({ warehouse: { kind: 'serverless', baseCapacityRpus: 8 } }, 40, prices)).toBe(
    'A look at the warehouse costs at least 60 seconds of 8 RPUs, $0.05, unless it is awake anyway. CloudWatch: 40 metrics a minute, $0.02 an hour.',
  );
  const workgroup = { name: 'own', arn: 'arn:aws:redshift-serverless:eu-west-1:1:workgroup/x', namespace: 'own' };
  const existing = (which: object) => ({ warehouse: { kind: 'existing' as const, adminSecret: 's', ...which } });
  expect(costText(existing({ workgroup }), 40, prices)).toMatch(/at least 60 seconds of its RPUs, unless/);
  expect(costText(existing({ cluster: 'own' }), 40, prices)).toMatch(/^The cluster costs the same/);
});
