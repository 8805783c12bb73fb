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
    principalOf: () => caller,
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

test('what nothing here asks is refused by name', async () => {
  const [redshift, serverless] = local.warehouse.controlPlane;
  const request = { principal: caller, method: 'POST', path: '/', query: new URLSearchParams() };
  const form = (text: string) => redshift!.handle({ ...request, headers: {}, body: Buffer.from(text) });
  await expect(form('Action=ResumeCluster')).rejects.toThrow(NotModelledError);
  await expect(form('Action=DescribeClusters&TagKeys.TagKey.1=a')).rejects.toThrow(/TagKeys/);
  const headers = { 'x-amz-target': 'RedshiftServerless.ListWorkgroups' };
  await expect(serverless!.handle({ ...request, headers, body: Buffer.from('{}') })).rejects.toThrow(/ListWorkgroups/);
});

test('a statement that fails in a warehouse that is available says only what failed', async () => {
  const target = { kind: 'provisioned', name: cluster, database: 'millrace', secretArn: owner } as const;
  const client = new RedshiftDataClient(settings);
  const warehouse = redshiftData(client, target, redshiftStatus(target, settings));
  const id = await warehouse.submit({ name: 'n', mode: 'single', statements: ['select * from nowhere'] });
  const state = await warehouse.describe(id, 30);
  expect(state).toMatchObject({ status: 'FAILED', error: expect.stringMatching(/nowhere/) });
  expect(state).not.toHaveProperty('warehouse');
  client.destroy();
});
