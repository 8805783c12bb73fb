import { readFileSync } from 'node:fs';
import type { Template } from '../../src/cloudformation/assembly';
import type { DeploymentError } from '../../src/cloudformation/deploy';
import { type Snapshot, World } from './world';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

type Resources = Template['Resources'];
type Attributes = Partial<Resources[string]>;
const thing = (properties: Record<string, unknown>, attributes: Attributes = {}): Resources[string] => ({
  Type: 'AWS::Test::Thing',
  Properties: properties,
  ...attributes,
});
const view = (
  name: string,
  version: number,
  more: Record<string, unknown> = {},
  attributes: Attributes = {},
): Resources[string] => ({
  Type: 'Custom::View',
  Properties: { ServiceToken: 'token', name, version, ...more },
  ...attributes,
});
const provider = thing({ Name: 'provider', Value: 1 });
const stack = (resources: Resources) => ({ one: { Resources: resources } });
const deploy = (resources: Resources) => world.deploy(stack(resources));
const failure = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('the deployment succeeded');
    },
    (error: DeploymentError) => error,
  );
const names = () => [...world.present.keys()].sort();
const asked = () => world.asked.splice(0);
const state = () => JSON.parse(readFileSync(world.stateFile, 'utf8')).stacks.one;

test('a failed update takes back what was updated, keeps what was replaced, deletes what was created, in this order', async () => {
  const old = {
    Provider: provider,
    Table: view('table', 1, { note: 'old' }, { DependsOn: 'Provider' }),
    View: view('view', 1, {}, { DependsOn: 'Table' }),
    Gone: view('gone', 1, {}, { DependsOn: 'Provider' }),
  };
  await deploy(old);
  asked();
  world.fails = (request) => request === 'create last-1';
  const error = await failure(
    deploy({
      Provider: thing({ Name: 'provider', Value: 2 }),
      Table: view('table', 1, { note: 'new' }, { DependsOn: 'Provider' }),
      View: view('view', 2, {}, { DependsOn: 'Table' }),
      Added: view('added', 1, {}, { DependsOn: 'View' }),
      Last: view('last', 1, {}, { DependsOn: 'Added' }),
    }),
  );
  expect(error.message).toBe('dev/one/Last (Custom::View): create last-1 failed');
  expect(error.status).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(asked()).toEqual([
    'update thing:provider',
    'update table-1',
    'update view-2',
    'create added-1',
    'create last-1',
    // the provider first: its old code answers for the old tables
    'update thing:provider',
    'update table-1',
    'delete last-1',
    'delete added-1',
    'delete view-2',
  ]);
  expect(names()).toEqual(['gone-1', 'table-1', 'thing:provider', 'view-1']);
  expect(world.present.get('table-1')).toMatchObject({ note: 'old' });
  expect(world.present.get('thing:provider')).toEqual({ Name: 'provider', Value: 1 });
  expect(world.events.filter(({ kind }) => kind === 'stack').map((event) => 'status' in event && event.status)).toEqual(
    [
      'CREATE_IN_PROGRESS',
      'CREATE_COMPLETE',
      'UPDATE_IN_PROGRESS',
      'UPDATE_ROLLBACK_IN_PROGRESS',
      'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS',
      'UPDATE_ROLLBACK_COMPLETE',
    ],
  );
  world.fails = () => false;
  await deploy(old);
  expect(asked()).toEqual([]);
});

test('a failed update is updated back with what it was called, and what it made by half is deleted', async () => {
  await deploy({ View: view('view', 1) });
  asked();
  world.fails = (request) => request === 'update view-2';
  await failure(deploy({ View: view('view', 2) }));
  expect(asked()).toEqual(['update view-2', 'update view-1', 'delete view-2']);
  expect(names()).toEqual(['view-1']);
});

test('a failed creation of the stack deletes everything, and the next one begins anew', async () => {
  world.fails = (request) => request === 'create view-1';
  const resources = { Provider: provider, View: view('view', 1, {}, { DependsOn: 'Provider' }) };
  const error = await failure(deploy(resources));
  expect(error.status).toBe('ROLLBACK_COMPLETE');
  expect(asked()).toEqual(['create thing:provider', 'create view-1', 'delete view-1', 'delete thing:provider']);
  expect(names()).toEqual([]);
  world.fails = () => false;
  const { statuses } = await deploy(resources);
  expect(statuses).toEqual({ one: 'CREATE_COMPLETE' });
  expect(names()).toEqual(['thing:provider', 'view-1']);
});

test('a rollback that fails stays open, and the next deployment finishes it before it begins', async () => {
  await deploy({ Provider: provider, Table: view('table', 1, { note: 'old' }, { DependsOn: 'Provider' }) });
  const edited = {
    Provider: provider,
    Table: view('table', 1, { note: 'new' }, { DependsOn: 'Provider' }),
    Last: view('last', 1, {}, { DependsOn: 'Table' }),
  };
  let updates = 0;
  world.fails = (request) => request === 'create last-1' || (request === 'update table-1' && ++updates > 1);
  const error = await failure(deploy(edited));
  expect(error.status).toBe('UPDATE_ROLLBACK_FAILED');
  expect(error.failures).toEqual([
    'dev/one/Last (Custom::View): create last-1 failed',
    'rollback: Table (Custom::View): update table-1 failed',
  ]);
  const again = await failure(deploy(edited));
  expect(again.message).toBe('rollback: Table (Custom::View): update table-1 failed');
  world.fails = () => false;
  asked();
  const { statuses } = await deploy(edited);
  expect(asked()).toEqual(['update table-1', 'delete last-1', 'update table-1', 'create last-1']);
  expect(statuses).toEqual({ one: 'UPDATE_COMPLETE' });
});

test('a twin whose name changes is created before the old one is deleted; one that keeps its given name is refused', async () => {
  await deploy({ A: thing({ Name: 'a' }), B: thing({ Needs: { Ref: 'A' } }) });
  asked();
  await deploy({ A: thing({ Name: 'b' }), B: thing({ Needs: { Ref: 'A' } }) });
  expect(asked()).toEqual(['create thing:b', expect.stringMatching(/^update thing:one-B-/), 'delete thing:a']);
  expect(names()).toEqual(['thing:b', expect.stringMatching(/^thing:one-B-/)]);
});

describe('deletion policies', () => {
  const policies = (policy: string) => ({ DeletionPolicy: policy, UpdateReplacePolicy: 'Delete' });

  test.each([
    ['Delete', true, true],
    ['Retain', false, false],
    ['RetainExceptOnCreate', true, false],
    ['Snapshot', true, true],
  ])('%s: gone after a rolled back creation %s, after its removal %s', async (policy, afterRollback, afterRemoval) => {
    await deploy({ One: view('one', 1) });
    world.fails = (request) => request === 'create last-1';
    await failure(
      deploy({
        One: view('one', 1),
        Kept: view('kept', 1, {}, policies(policy)),
        Last: view('last', 1, {}, { DependsOn: 'Kept' }),
      }),
    );
    expect(world.present.has('kept-1')).toBe(!afterRollback);
    world.fails = () => false;
    await deploy({ One: view('one', 1), Kept: view('kept', 1, {}, policies(policy)) });
    await deploy({ One: view('one', 1) });
    expect(world.present.has('kept-1')).toBe(!afterRemoval);
  });

  test('UpdateReplacePolicy Retain keeps the old physical resource of a replacement', async () => {
    await deploy({ View: view('view', 1) });
    await deploy({ View: view('view', 2, {}, { UpdateReplacePolicy: 'Retain' }) });
    expect(names()).toEqual(['view-1', 'view-2']);
  });

  test('an unknown policy is refused by name', async () => {
    const error = await failure(deploy({ One: view('one', 1, {}, { DeletionPolicy: 'Keep' }) }));
    expect(error.message).toBe(
      'dev/one: One (Custom::View): DeletionPolicy must be Delete or Retain or RetainExceptOnCreate or Snapshot, got Keep',
    );
  });
});

test('a cleanup that fails does not fail the stack; what the thing needs stays too, until the next deployment', async () => {
  const one = view('one', 1);
  await deploy({ One: one, Provider: provider, View: view('view', 1, {}, { DependsOn: 'Provider' }) });
  world.fails = (request) => request === 'delete view-1';
  const { statuses } = await deploy({ One: one });
  expect(statuses).toEqual({ one: 'UPDATE_COMPLETE' });
  expect(
    world.events.filter(({ kind }) => kind === 'trouble').map((event) => 'message' in event && event.message),
  ).toEqual([
    'view-1 could not be deleted: delete view-1 failed',
    'provider could not be deleted: View needs it and could not be deleted',
  ]);
  expect(names()).toEqual(['one-1', 'thing:provider', 'view-1']);
  world.fails = () => false;
  await deploy({ One: one });
  expect(names()).toEqual(['one-1']);
});

test('an export that another stack imports cannot go; a stack that no longer imports it goes first', async () => {
  const exporting = (resources: Resources): Template => ({
    Resources: resources,
    Outputs: Object.fromEntries(
      Object.keys(resources).map((id) => [id, { Value: { Ref: id }, Export: { Name: `data:${id}` } }]),
    ),
  });
  const importing = (...ids: string[]): Template => ({
    Resources: Object.fromEntries(ids.map((id) => [`Use${id}`, thing({ Needs: { 'Fn::ImportValue': `data:${id}` } })])),
  });
  const both = { A: thing({ Name: 'a' }), B: thing({ Name: 'b' }) };
  await world.deploy({ data: exporting(both), pipelines: importing('A', 'B') });
  const error = await failure(
    world.deploy({ data: exporting({ ...both, A: thing({ Name: 'c' }) }), pipelines: importing('A', 'B') }),
  );
  expect(error.message).toContain('Export data:A cannot be deleted or updated as it is in use by pipelines');
  expect(names().filter((name) => name.length < 9)).toEqual(['thing:a', 'thing:b']);
  asked();
  await world.deploy({ data: exporting({ A: both.A }), pipelines: importing('A') });
  expect(asked()).toEqual([expect.stringMatching(/^delete thing:pipelines-UseB/), 'delete thing:b']);
});

test('a type or a ServiceToken does not change in place', async () => {
  await deploy({ One: view('one', 1) });
  expect((await failure(deploy({ One: thing({ Name: 'one' }) }))).message).toContain(
    'its type changed from Custom::View, which CloudFormation does not allow',
  );
  expect((await failure(deploy({ One: view('one', 1, { ServiceToken: 'other' }) }))).message).toContain(
    'its ServiceToken changed, which CloudFormation does not allow',
  );
});

/** Everything that a template can change at once, in dependencies that fan out and in. */
const before: Resources = {
  Provider: thing({ Name: 'provider', Value: 1 }),
  Table: view('table', 1, { note: 'old' }, { DependsOn: 'Provider' }),
  View: view('view', 1, { of: { Ref: 'Table' } }),
  Gone: view('gone', 1, {}, { DependsOn: 'View' }),
  Schedule: thing({ Name: 'every-hour', Needs: { Ref: 'View' } }),
  Same: view('same', 1, {}, { DependsOn: 'Provider' }),
};
const after: Resources = {
  Provider: thing({ Name: 'provider', Value: 2 }),
  Table: view('table', 1, { note: 'new' }, { DependsOn: 'Provider' }),
  View: view('view', 2, { of: { Ref: 'Table' } }),
  Added: view('added', 1, {}, { DependsOn: 'View' }),
  Schedule: thing({ Name: 'every-minute', Needs: { Ref: 'View' } }),
  Same: view('same', 1, {}, { DependsOn: 'Provider' }),
};
const contentOf = async (resources: Resources) => {
  const fresh = new World();
  await fresh.deploy(stack(resources));
  fresh.dispose();
  return fresh.present;
};

/** Deploys, keeping what a kill would leave at every moment. */
async function momentsOf(resources: Resources): Promise<Snapshot[]> {
  const moments: Snapshot[] = [];
  world.around = () => void moments.push(world.snapshot());
  await world.deploy(stack(resources)).catch(() => undefined);
  world.around = () => undefined;
  moments.push(world.snapshot());
  return moments;
}

describe('killed at any moment', () => {
  test.each([
    ['while it is created', undefined, after],
    ['while it is updated', before, after],
    ['while it is rolled back', before, { ...after, Bad: view('bad', 1, {}, { DependsOn: ['Added', 'Schedule'] }) }],
    ['while everything is removed', before, { Same: before['Same']!, Provider: before['Provider']! }],
  ] as const)('%s: the next deployment, of whatever, leaves nothing else', async (_, from, to) => {
    world.fails = (request) => request.endsWith(' bad-1') && !request.startsWith('delete');
    if (from) await deploy(from);
    const moments = await momentsOf(to);
    expect(moments.length).toBeGreaterThan(8);
    for (const target of [before, after]) {
      const content = await contentOf(target);
      for (const moment of moments) {
        world.restore(moment);
        const { statuses } = await deploy(target);
        expect([statuses.one, state().operation, state().leftovers]).toEqual([
          expect.stringMatching(/^(CREATE|UPDATE)_COMPLETE$/),
          undefined,
          [],
        ]);
        expect(Object.fromEntries(world.present)).toEqual(Object.fromEntries(content));
      }
    }
  });

  test('also when the rollback or the cleanup that follows is killed again', async () => {
    await deploy(before);
    const content = await contentOf(after);
    for (const [index, first] of (await momentsOf(after)).entries()) {
      if (index % 3 !== 0) continue;
      world.restore(first);
      for (const second of await momentsOf(after)) {
        world.restore(second);
        await deploy(after);
        expect(Object.fromEntries(world.present)).toEqual(Object.fromEntries(content));
      }
    }
  });
});

test('whichever request fails, everything is as it was before', async () => {
  await deploy(before);
  const start = world.snapshot();
  asked();
  await deploy(after);
  const requests = asked().filter((request) => !request.startsWith('delete'));
  expect(requests.length).toBe(5);
  for (const request of requests) {
    world.restore(start);
    let failures = 0;
    world.fails = (candidate) => candidate === request && ++failures === 1;
    await failure(deploy(after));
    expect(Object.fromEntries(world.present)).toEqual(Object.fromEntries(start.present));
    world.fails = () => false;
    await deploy(before);
    expect(Object.fromEntries(world.present)).toEqual(Object.fromEntries(start.present));
  }
});

test('a state file of version 1 is opened, and its twins get a record with the first deployment', async () => {
  const { writeFileSync } = await import('node:fs');
  const resource = (type: string, ref: string, order: number, properties?: unknown) => ({
    type,
    ref,
    attributes: {},
    properties,
    retain: false,
    order,
  });
  world.present.set('view-1', {}).set('view-0', {}).set('thing:provider', {});
  const properties = { ServiceToken: 'token', name: 'view', version: '1' };
  writeFileSync(
    world.stateFile,
    JSON.stringify({
      version: 1,
      stacks: {
        one: {
          Provider: resource('AWS::Test::Thing', 'provider', 1),
          View: resource('Custom::View', 'view-1', 2, properties),
        },
      },
      pendingDeletes: [
        { stackName: 'one', logicalId: 'View', type: 'Custom::View', physicalId: 'view-0', properties, order: 1 },
      ],
    }),
  );
  await deploy({ Provider: provider, View: view('view', 1, {}, { DependsOn: 'Provider' }) });
  expect(asked()).toEqual(['update thing:provider', 'delete view-0']);
  asked();
  await deploy({});
  expect(asked()).toEqual(['delete view-1', 'delete thing:provider']);
  expect(names()).toEqual([]);
});

test('a damaged state file, and one of a later version, are told by name', async () => {
  const { writeFileSync } = await import('node:fs');
  writeFileSync(world.stateFile, '{"version": 2, "sta');
  await expect(deploy({})).rejects.toThrow(`${world.stateFile} is damaged: it is not JSON`);
  writeFileSync(world.stateFile, '{"version": 3}');
  await expect(deploy({})).rejects.toThrow(
    `${world.stateFile} was written by another version of the local runtime: version 3`,
  );
});
