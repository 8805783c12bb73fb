import type { ResourceContext } from 'aws-local-kit';
import { composeWarehouse, type LocalWarehouse } from '../src/compose';
import { translate } from '../src/sql';
import {
  account,
  FakeAuthorizer,
  FakeBus,
  FakeKinesis,
  FakeS3,
  FakeSecrets,
  FakeSts,
  region,
  roleArn,
  rolePrincipal,
  stoppedClock,
  temporaryFolder,
} from './support/fakes';

const context = (logicalId: string): ResourceContext => ({
  stackName: 'data',
  logicalId,
  account,
  region,
  generatedName: `data-${logicalId}-abc`,
});

describe('Redshift resources', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let secrets: FakeSecrets;
  let warehouse: LocalWarehouse;
  beforeEach(() => {
    folder = temporaryFolder();
    secrets = new FakeSecrets();
    warehouse = composeWarehouse({
      dataDir: folder.path,
      account,
      region,
      translate,
      secrets,
      clock: stoppedClock(),
      authorizer: new FakeAuthorizer(),
      sts: new FakeSts(),
      bus: new FakeBus(),
      s3: new FakeS3(folder.path),
      kinesis: new FakeKinesis(folder.path),
    });
  });
  afterEach(async () => {
    await warehouse.dispose();
    folder.remove();
  });
  const create = async (type: string, properties: Record<string, unknown>, id = 'R') =>
    warehouse.resources.find((twin) => twin.type === type)!.create(properties, context(id));
  const parameters = (name: string) => ({
    Description: 'd',
    ParameterGroupFamily: 'redshift-1.0',
    Parameters: [{ ParameterName: name, ParameterValue: 'true' }],
  });
  const cluster = {
    ClusterIdentifier: 'c',
    DBName: 'db',
    MasterUsername: 'boss',
    IamRoles: [roleArn('load')],
    NodeType: 'ra3.large',
  };

  test('a cluster with a managed password answers to what is in the secret', async () => {
    const { ref, attributes } = await create('AWS::Redshift::Cluster', { ...cluster, ManageMasterPassword: true });
    expect(ref).toBe('c');
    expect(attributes).toMatchObject({
      'Endpoint.Port': '5439',
      ClusterNamespaceArn: expect.stringMatching(/^arn:aws:redshift:eu-west-1:000000000000:namespace:[0-9a-f-]{36}$/),
    });
    const SecretArn = attributes['MasterPasswordSecretArn'] as string;
    const caller = rolePrincipal('anyone');
    const { Id } = (await warehouse.operations['ExecuteStatement']!(
      { Sql: 'select current_user', ClusterIdentifier: 'c', Database: 'db', SecretArn, WaitTimeSeconds: 30 },
      caller,
    )) as { Id: string };
    expect(await warehouse.operations['GetStatementResult']!({ Id }, caller)).toMatchObject({
      Records: [[{ stringValue: 'boss' }]],
    });
  });

  test('identifiers are case sensitive where the parameter group says so', async () => {
    const group = await create('AWS::Redshift::ClusterParameterGroup', parameters('enable_case_sensitive_identifier'));
    await create('AWS::Redshift::Cluster', {
      ...cluster,
      ClusterParameterGroupName: group.ref,
      MasterUserPassword: 'Boss1pass',
    });
    expect((await warehouse.port.query('select 1 as "Camel"')).columns).toEqual(['Camel']);
  });

  test('and folded where it does not', async () => {
    await create('AWS::Redshift::Cluster', { ...cluster, MasterUserPassword: 'Boss1pass' });
    expect((await warehouse.port.query('select 1 as "Camel"')).columns).toEqual(['camel']);
  });

  test('a workgroup serves its namespace', async () => {
    const namespace = await create('AWS::RedshiftServerless::Namespace', {
      NamespaceName: 'n',
      DbName: 'db',
      AdminUsername: 'boss',
      AdminUserPassword: 'Boss1pass',
      IamRoles: [],
    });
    const { ref, attributes } = await create('AWS::RedshiftServerless::Workgroup', {
      WorkgroupName: 'work',
      NamespaceName: namespace.ref,
      ConfigParameters: [{ ParameterKey: 'require_ssl', ParameterValue: 'true' }],
    });
    expect([ref, attributes['Workgroup.WorkgroupArn']]).toEqual([
      'work',
      expect.stringMatching(/^arn:aws:redshift-serverless:eu-west-1:000000000000:workgroup\/[0-9a-f-]{36}$/),
    ]);
    secrets.values.set('boss', JSON.stringify({ username: 'boss', password: 'Boss1pass' }));
    const answer = await warehouse.operations['ExecuteStatement']!(
      { Sql: 'select 1', WorkgroupName: 'work', Database: 'db', SecretArn: 'boss', WaitTimeSeconds: 30 },
      rolePrincipal('anyone'),
    );
    expect(answer).toMatchObject({ Status: 'FINISHED', WorkgroupName: 'work' });
  });

  test('a secret that is attached says where its user can log in, and keeps its password', async () => {
    secrets.values.set('arn', JSON.stringify({ username: 'u', password: 'p' }));
    const attach = (TargetId: string) =>
      create('AWS::SecretsManager::SecretTargetAttachment', {
        SecretId: 'arn',
        TargetId,
        TargetType: 'AWS::RedshiftServerless::Namespace',
      });
    await expect(attach('nowhere')).rejects.toThrow('names no AWS::RedshiftServerless::Namespace');
    await create('AWS::RedshiftServerless::Namespace', {
      NamespaceName: 'attached',
      DbName: 'db',
      AdminUsername: 'boss',
      AdminUserPassword: 'Boss1pass',
      IamRoles: [],
    });
    await attach('attached');
    const value = { username: 'u', password: 'p', engine: 'redshift', namespaceName: 'attached', dbname: 'db' };
    expect(JSON.parse(secrets.values.get('arn')!)).toEqual(value);
  });

  test('what the twins do not know is refused by name', async () => {
    await expect(create('AWS::Redshift::ClusterParameterGroup', parameters('wlm_json_configuration'))).rejects.toThrow(
      'parameter wlm_json_configuration is not modelled',
    );
    await expect(create('AWS::Redshift::Cluster', { ...cluster })).rejects.toThrow(
      'exactly one of MasterUserPassword and ManageMasterPassword',
    );
    await expect(
      create('AWS::Redshift::ScheduledAction', { ScheduledActionName: 'a', TargetAction: { ResizeCluster: {} } }),
    ).rejects.toThrow('TargetAction.ResizeCluster is not modelled');
  });
});
