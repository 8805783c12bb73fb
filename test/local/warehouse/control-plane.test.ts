import {
  DescribeScheduledActionsCommand,
  PauseClusterCommand,
  RedshiftClient,
  ResumeClusterCommand,
} from '@aws-sdk/client-redshift';
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { createGateway, type Gateway, NotModelledError } from 'aws-local-kit';
import { translate } from 'redshift-local/front-end';
import {
  caller,
  cluster,
  owner,
  ownerStatements,
  region,
  startWarehouse,
  type TestWarehouse,
} from 'redshift-local/testing';
import { redshiftData } from '../../../lambda/shared/redshift-data';
import { redshiftStatus } from '../../../lambda/shared/redshift-status';

let local: TestWarehouse;
let gateway: Gateway;
let settings: { region: string; endpoint: string; credentials: { accessKeyId: string; secretAccessKey: string } };
beforeAll(async () => {
  local = await startWarehouse(translate, ownerStatements);
  gateway = await createGateway({
    callerOf: () => ({ principal: caller, secretAccessKey: 'secret' }),
    services: [local.warehouse.service, ...local.warehouse.controlPlane],
  });
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
  settings = { region, endpoint: gateway.endpoint, credentials };
});
afterAll(async () => {
  await gateway.dispose();
  await local.dispose();
});

test('the real SDK client hears the state of the cluster', async () => {
  expect(await redshiftStatus({ kind: 'provisioned', name: cluster }, settings)()).toEqual({
    kind: 'available',
    status: 'available',
  });
});

test('a cluster or workgroup that is not there is an error of its own', async () => {
  await expect(redshiftStatus({ kind: 'provisioned', name: 'other' }, settings)()).rejects.toMatchObject({
    name: 'ClusterNotFoundFault',
    $metadata: { httpStatusCode: 404 },
  });
  await expect(redshiftStatus({ kind: 'serverless', name: 'other' }, settings)()).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test('the real SDK client pauses and resumes the cluster, which meanwhile takes no statement', async () => {
  const client = new RedshiftClient(settings);
  const target = { kind: 'provisioned', name: cluster, database: 'millrace', secretArn: owner } as const;
  const data = new RedshiftDataClient(settings);
  const warehouse = redshiftData(data, target, redshiftStatus(target, settings));
  const submit = () => warehouse.submit({ name: 'n', mode: 'single', statements: ['select 1'] });
  const named = { ClusterIdentifier: cluster };
  try {
    const paused = await client.send(new PauseClusterCommand(named));
    expect(paused.Cluster).toMatchObject({ ...named, ClusterStatus: 'paused' });
    await expect(submit()).rejects.toThrow(/paused/);
    await expect(client.send(new PauseClusterCommand(named))).rejects.toMatchObject({
      name: 'InvalidClusterStateFault',
    });
    expect((await client.send(new DescribeScheduledActionsCommand({}))).ScheduledActions ?? []).toEqual([]);
    const resumed = await client.send(new ResumeClusterCommand(named));
    expect(resumed.Cluster).toMatchObject({ ...named, ClusterStatus: 'available' });
    expect((await submit()).id).toMatch(/./);
    await expect(client.send(new ResumeClusterCommand({ ClusterIdentifier: 'other' }))).rejects.toMatchObject({
      name: 'ClusterNotFoundFault',
    });
  } finally {
    client.destroy();
    data.destroy();
  }
});

test('the real SDK client reads when the schedule pauses and resumes the cluster', async () => {
  const twin = local.warehouse.resources.find(({ type }) => type === 'AWS::Redshift::ScheduledAction')!;
  const context = { stackName: 's', logicalId: 'Resume', account: '0', region, generatedName: 'g' };
  const target = { ClusterIdentifier: cluster };
  const actions = [
    { ScheduledActionName: 'down', Schedule: 'cron(0 20 * * ? *)', TargetAction: { PauseCluster: target } },
    { ScheduledActionName: 'up', Schedule: 'cron(0 6 * * ? *)', TargetAction: { ResumeCluster: target } },
  ];
  for (const properties of actions) await twin.create(properties, context);
  local.warehouse.pause.followSchedule();
  const client = new RedshiftClient(settings);
  const { ScheduledActions } = await client.send(new DescribeScheduledActionsCommand({}));
  client.destroy();
  for (const { ScheduledActionName: ref } of actions) await twin.delete!({ ref, attributes: {} }, context, {});
  expect(ScheduledActions).toEqual(
    actions.map(({ ScheduledActionName, TargetAction }) => ({
      ScheduledActionName,
      TargetAction,
      State: 'ACTIVE',
      NextInvocations: [expect.any(Date)],
    })),
  );
  expect(ScheduledActions!.map(({ NextInvocations }) => NextInvocations![0]!.getUTCHours())).toEqual([20, 6]);
});

test('what nothing here asks is refused by name', async () => {
  const [redshift, serverless] = local.warehouse.controlPlane;
  const request = { principal: caller, method: 'POST', path: '/', query: new URLSearchParams() };
  const form = (text: string) => redshift!.handle({ ...request, headers: {}, body: Buffer.from(text) });
  await expect(form('Action=RebootCluster')).rejects.toThrow(NotModelledError);
  await expect(form('Action=DescribeClusters&TagKeys.TagKey.1=a')).rejects.toThrow(/TagKeys/);
  const headers = { 'x-amz-target': 'RedshiftServerless.ListWorkgroups' };
  await expect(serverless!.handle({ ...request, headers, body: Buffer.from('{}') })).rejects.toThrow(/ListWorkgroups/);
});

test('a statement that fails in a warehouse that is available says only what failed', async () => {
  const target = { kind: 'provisioned', name: cluster, database: 'millrace', secretArn: owner } as const;
  const client = new RedshiftDataClient(settings);
  const warehouse = redshiftData(client, target, redshiftStatus(target, settings));
  const { id } = await warehouse.submit({ name: 'n', mode: 'single', statements: ['select * from nowhere'] });
  const state = await warehouse.describe(id, 30);
  expect(state).toMatchObject({ status: 'FAILED', error: expect.stringMatching(/nowhere/) });
  expect(state).not.toHaveProperty('warehouse');
  client.destroy();
});
