import { pipelines } from '../../../pipelines';
import { refreshPlan, warehouseObjects } from '../../../sql';
import { landingQuery } from '../../../sql/tables/landing';

test('a landing view has bare columns only: an expression that raises would stop its stream', () => {
  const [, list, from] = /^select\n(.*)\nfrom (.*)$/s.exec(landingQuery('kds.clicks'))!;
  for (const item of list!.split(',\n')) expect(item).toMatch(/^ {2}[a-z_]+$/);
  expect(from).toBe('kds.clicks');
});

test.each(pipelines.map((pipeline) => [pipeline.name, pipeline] as const))(
  'the merge of %s takes the rows as they are, forgets those that have an outcome, and only then parses and types',
  (name, pipeline) => {
    const merge = refreshPlan(pipeline).steps.find((step) => step.name === 'merge')!.statements;
    const at = (text: string) => merge.findIndex((statement) => statement.includes(text));
    const arrived = merge[at(`create temp table ${name}_arrived`)]!;
    expect(arrived).not.toMatch(/json|try_cast|dateadd|left\(|payload/);
    const order = [
      `create temp table ${name}_arrived`,
      `delete from ${name}_arrived`,
      'json_parse',
      `create temp table ${name}_incoming`,
    ];
    expect(order.map(at)).toEqual([...order.map(at)].sort((one, other) => one - other));
    expect(merge[at(`create temp table ${name}_merged`)]).toContain(`${name}.rejects_`);
  },
);

test('only the merge parses what a stream brings', () => {
  for (const pipeline of pipelines) {
    const tokens = { streamName: 's', streamRoleArn: 'arn:aws:iam::1:role/r', database: 'd' };
    const landing = warehouseObjects(pipeline, tokens).find(({ id }) => id === 'Landing')!;
    expect(JSON.stringify(landing.properties.create)).not.toContain('json');
  }
});
