// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Fn::Sub has the same notation

import type { ResourceTwin } from 'aws-local-kit';
import type { Template } from '../../src/cloudformation/assembly';
import { Fixture } from './fixture';

let fixture: Fixture;
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(() => fixture.dispose());

type Properties = Record<string, unknown>;
const object = (
  properties: Properties,
  attributes: Partial<Template['Resources'][string]> = {},
): Template['Resources'][string] => ({
  Type: 'Custom::WarehouseObject',
  Properties: { ServiceToken: { 'Fn::GetAtt': ['Provider', 'Arn'] }, ...properties },
  ...attributes,
});
const deployed = (resources: Template['Resources'], outputs?: Template['Outputs']) =>
  fixture.deploy({ pipelines: { Resources: { ...fixture.provider(), ...resources }, Outputs: outputs } });
const asked = () =>
  fixture
    .calls()
    .map(({ RequestType, LogicalResourceId, PhysicalResourceId }) => [
      RequestType,
      LogicalResourceId,
      PhysicalResourceId,
    ]);

test('creates once, and leaves alone what did not change', async () => {
  const resources = { Events: object({ name: 'events', version: 1 }) };
  const first = await deployed(resources, {
    Name: { Value: { 'Fn::GetAtt': ['Events', 'Shout'] } },
    Id: { Value: { Ref: 'Events' } },
  });
  expect(first.outputs).toEqual({ pipelines: { Name: 'EVENTS', Id: 'events-1' } });
  expect(asked()).toEqual([['Create', 'Events', undefined]]);
  const second = await deployed(resources, { Name: { Value: { 'Fn::GetAtt': ['Events', 'Shout'] } } });
  expect(asked()).toEqual([]);
  expect(second.outputs).toEqual({ pipelines: { Name: 'EVENTS' } });
});

test('hands numbers and booleans over as text', async () => {
  await deployed({ Events: object({ name: 'events', version: 1, nested: { flag: true, list: [1.5, false] } }) });
  expect(fixture.calls()[0]!.ResourceProperties).toMatchObject({
    version: '1',
    nested: { flag: 'true', list: ['1.5', 'false'] },
  });
});

test('creates in the order of references and DependsOn', async () => {
  await deployed({
    View: object({ name: { 'Fn::Sub': '${Table}-view' }, version: 1 }),
    Last: object({ name: 'last', version: 1 }, { DependsOn: ['View'] }),
    Table: object({ name: 'table', version: 1 }),
  });
  expect(asked().map(([, id]) => id)).toEqual(['Table', 'View', 'Last']);
});

test('an edit that makes a new physical id deletes the old one, after everything else', async () => {
  await deployed({ View: object({ name: 'view', version: 1 }), Other: object({ name: 'other', version: 1 }) });
  fixture.calls();
  await deployed({
    View: object({ name: 'view', version: 2 }),
    Other: object({ name: 'other', version: 1, more: 'x' }),
  });
  const calls = fixture.calls();
  expect(calls.map(({ RequestType }) => RequestType)).toEqual(['Update', 'Update', 'Delete']);
  expect(calls[2]).toMatchObject({ PhysicalResourceId: 'view-1', ResourceProperties: { version: '1' } });
  expect(
    calls.find(({ LogicalResourceId, RequestType }) => LogicalResourceId === 'View' && RequestType === 'Update'),
  ).toMatchObject({
    PhysicalResourceId: 'view-1',
    ResourceProperties: { version: '2' },
    OldResourceProperties: { version: '1' },
  });
});

test('what is gone is deleted in the opposite order, unless it is to be retained', async () => {
  await deployed({
    Table: object({ name: 'table', version: 1 }),
    View: object({ name: { Ref: 'Table' }, version: 1 }),
    Kept: object({ name: 'kept', version: 1 }, { DeletionPolicy: 'Retain' }),
  });
  fixture.calls();
  await deployed({});
  expect(asked().map(([type, id]) => [type, id])).toEqual([
    ['Delete', 'View'],
    ['Delete', 'Table'],
  ]);
  await deployed({});
  expect(asked()).toEqual([]);
});

test('a failure names the resource and the reason, and what was begun is deleted', async () => {
  const table = object({ name: 'table', version: 1 });
  const failing = (fail: string) => object({ name: { Ref: 'Table' }, version: 1, fail });
  await expect(deployed({ Table: table, View: failing('Create') })).rejects.toThrow(
    'dev/pipelines/View (Custom::WarehouseObject): no such schema',
  );
  expect(asked()).toEqual([
    ['Create', 'Table', undefined],
    ['Create', 'View', undefined],
    ['Delete', 'View', 'table-1-1'],
    ['Delete', 'Table', 'table-1'],
  ]);
  await deployed({ Table: table, View: failing('never') });
  expect(asked()).toEqual([
    ['Create', 'Table', undefined],
    ['Create', 'View', undefined],
  ]);
});

test('a function that crashes fails the deployment at once, one that never answers at its deadline', async () => {
  await expect(deployed({ Broken: object({ name: 'x', version: 1, crash: 'Create' }) })).rejects.toThrow(
    'its function failed: Error: crashed',
  );
  fixture.silent = true;
  await expect(
    deployed({ Silent: object({ name: 'x', version: 1, silent: 'Create', ServiceTimeout: 60 }) }),
  ).rejects.toThrow('did not answer within 60 s');
});

test('an old version that cannot be deleted is told, kept in mind and tried again', async () => {
  await deployed({ View: object({ name: 'view', version: 1, fail: 'Delete' }) });
  await deployed({ View: object({ name: 'view', version: 2 }) });
  expect(fixture.events).toContainEqual(
    expect.objectContaining({ kind: 'trouble', message: 'view-1 could not be deleted: no such schema' }),
  );
  fixture.calls();
  await deployed({ View: object({ name: 'view', version: 2 }) });
  expect(asked()).toEqual([['Delete', 'View', 'view-1']]);
});

test('stacks hand values on by export and by output', async () => {
  const made: unknown[] = [];
  const thing: ResourceTwin = {
    type: 'AWS::Test::Thing',
    properties: ['Value', 'Other'],
    create(properties, { generatedName }) {
      made.push(properties);
      return { ref: generatedName, attributes: {} };
    },
  };
  await fixture.deploy(
    {
      data: {
        Resources: { One: { Type: 'AWS::Test::Thing', Properties: {} } },
        Outputs: { Id: { Value: 'the id', Export: { Name: 'data:Id' } } },
      },
      pipelines: {
        Parameters: {
          BootstrapVersion: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk-bootstrap/hnb659fds/version' },
        },
        Rules: { CheckBootstrapVersion: {} },
        Conditions: { Never: { 'Fn::Equals': ['a', 'b'] } },
        Resources: {
          Two: {
            Type: 'AWS::Test::Thing',
            Properties: {
              Value: { 'Fn::ImportValue': 'data:Id' },
              Other: { 'Fn::GetStackOutput': { StackName: 'data', OutputName: 'Id' } },
            },
          },
          Not: { Type: 'AWS::Test::Thing', Condition: 'Never', Properties: {} },
          Secret: {
            Type: 'AWS::Test::Thing',
            Properties: {
              Value: {
                'Fn::Join': [
                  '',
                  ['{{resolve:secretsmanager:', 'arn:aws:secretsmanager:eu-west-1:0:secret:x', ':SecretString:id::}}'],
                ],
              },
            },
          },
        },
      },
    },
    [thing],
    { getSecretString: async (_principal, id) => (id.endsWith(':secret:x') ? '{"id":"$& external"}' : '') },
  );
  expect(made).toEqual([{}, { Value: 'the id', Other: 'the id' }, { Value: '$& external' }]);
});

test('everything that is not modelled is named at once, before anything is created', async () => {
  const made: unknown[] = [];
  const thing: ResourceTwin = {
    type: 'AWS::Test::Thing',
    properties: ['Value'],
    attributes: ['Arn'],
    create: () => ({ ref: String(made.push(1)), attributes: {} }),
  };
  const attempt = fixture.deploy(
    {
      data: {
        Transform: 'AWS::Serverless',
        Parameters: { Size: { Type: 'String' } },
        Resources: {
          Good: { Type: 'AWS::Test::Thing', Properties: {} },
          Unknown: { Type: 'AWS::Test::Unknown', Properties: {} },
          Odd: { Type: 'AWS::Test::Thing', Properties: { Value: { 'Fn::GetAtt': ['Good', 'Url'] }, Colour: 'red' } },
          Function: {
            Type: 'AWS::Test::Thing',
            Properties: {
              Value: [{ 'Fn::Cidr': [] }, { Ref: 'Nobody' }, { 'Fn::ImportValue': 'nowhere' }, '{{resolve:ssm:/x}}'],
            },
          },
          Cycle: { Type: 'AWS::Test::Thing', Properties: { Value: { Ref: 'Circle' } } },
          Circle: { Type: 'AWS::Test::Thing', DependsOn: 'Cycle' },
        },
      },
    },
    [thing],
  );
  const error = await attempt.catch((thrown: Error) => thrown as Error);
  expect((error as Error).message.split('\n')).toEqual([
    'dev/data: template: section Transform is not modelled',
    'dev/data: Parameters.Size: has no default, and the local runtime passes no parameters',
    'dev/data: Unknown (AWS::Test::Unknown): resource type is not modelled',
    'dev/data: Odd (AWS::Test::Thing): property Colour is not modelled',
    'dev/data: Odd (AWS::Test::Thing).Value: attribute Url of Good (AWS::Test::Thing) is not modelled',
    'dev/data: Function (AWS::Test::Thing).Value: intrinsic function Fn::Cidr is not modelled',
    'dev/data: Function (AWS::Test::Thing).Value: Ref names Nobody, which is neither resource nor parameter',
    'dev/data: Function (AWS::Test::Thing).Value: Fn::ImportValue names nowhere, which no earlier stack exports',
    'dev/data: Function (AWS::Test::Thing).Value: dynamic reference to ssm is not modelled',
    'dev/data: Resources: circular dependency: Cycle -> Circle -> Cycle',
  ]);
  expect(made).toEqual([]);
});
