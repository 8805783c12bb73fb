import { createHash } from 'node:crypto';
import type { Row, Submission } from '../../../lambda/shared/warehouse';
import type { WarehouseObjectProperties } from '../../../lambda/warehouse-object/contract';
import { isComplete, onEvent } from '../../../lambda/warehouse-object/object';
import { passwordDigest } from '../../../lambda/warehouse-object/password';
import { recordOf } from '../../../lambda/warehouse-object/registry';
import { parseObject, parseRequest } from '../../../lambda/warehouse-object/request';
import { FakeWarehouse, type Outcome, quiet } from '../fakes';

const step = (name: string, ...statements: string[]) => ({
  name,
  mode: statements.length > 1 ? 'transaction' : 'single',
  statements,
});
const table: WarehouseObjectProperties = {
  name: 'estore.events',
  kind: 'table',
  version: '1a2b3c4d',
  identity: 'owner',
  create: JSON.stringify([
    step('create', 'create table if not exists estore.events (event_id varchar(64), price decimal(12,2))'),
  ]),
  delete: JSON.stringify([step('drop', 'drop table if exists estore.events')]),
  columns: JSON.stringify([
    {
      name: 'event_id',
      type: 'character varying(64)',
      add: 'alter table estore.events add column event_id varchar(64)',
    },
    { name: 'price', type: 'numeric(12,2)', add: 'alter table estore.events add column price decimal(12,2)' },
  ]),
};
const view: WarehouseObjectProperties = {
  name: 'estore.hourly_views_1a2b3c4d',
  kind: 'materialized-view',
  version: '1a2b3c4d',
  identity: 'owner',
  create: JSON.stringify([
    step('create', 'create materialized view v as select 1'),
    step('check', 'select {{run_id}}'),
  ]),
  delete: JSON.stringify([step('last', 'merge one', 'merge two'), step('drop', 'drop materialized view v')]),
};
const column = (column_name: string, data_type: string, rest: Row = {}): Row => ({
  column_name,
  data_type,
  character_maximum_length: null,
  numeric_precision: null,
  numeric_scale: null,
  ...rest,
});
const eventId = column('event_id', 'character varying', { character_maximum_length: 64 });
const price = column('price', 'numeric', { numeric_precision: 12, numeric_scale: 2 });

function setUp(properties: WarehouseObjectProperties, type = 'Create') {
  const owner = new FakeWarehouse();
  const admin = new FakeWarehouse();
  const world = {
    catalog: [] as Row[],
    recorded: [] as Row[],
    presence: [] as Row[],
    answer: (_: string): Outcome | undefined => ({}),
  };
  const reads: Record<string, () => Row[]> = {
    columns: () => world.catalog,
    'external-schema': () => world.catalog,
    recorded: () => world.recorded,
    events: () => [{ amount: 7 }],
    presence: () => world.presence,
    schema: () => world.presence,
  };
  owner.outcome = ({ statements, name }: Submission) => {
    const rows = reads[name.split('/').at(-1)!];
    return rows ? { rows: rows() } : world.answer(statements.join('; '));
  };
  admin.outcome = ({ statements }) => world.answer(statements.join('; '));
  const host = {
    environment: 'dev',
    as: (identity: 'admin' | 'owner') => (identity === 'admin' ? admin : owner),
    ownerSecret: async () => JSON.stringify({ username: 'millrace_owner', password: "Pass'word1" }),
    now: () => owner.now,
    limitMs: 3_000_000,
    log: quiet,
  };
  const physical = type === 'Create' ? {} : { PhysicalResourceId: 'old-id' };
  const event = {
    RequestType: type,
    RequestId: 'req-1',
    ...physical,
    ResourceProperties: { ServiceToken: 'arn', ...properties },
  };
  const submitted = (warehouse = owner) =>
    warehouse.statements
      .filter(({ submission }) => submission.token)
      .map(({ submission }) => submission.statements.join('; '));
  const isRecord = (sql: string) => /^lock millrace.objects; delete/.test(sql);
  return {
    owner,
    admin,
    world,
    submitted,
    /** Without the registry's own. */
    changes: (warehouse = owner) => submitted(warehouse).filter((sql) => !isRecord(sql)),
    records: () => submitted().filter(isRecord),
    onEvent: () => onEvent(host, parseRequest(event), () => 60_000),
    isComplete: (remainingMs = 60_000) => isComplete(host, parseRequest(event), () => remainingMs),
  };
}

describe('a walk', () => {
  test('takes the steps in order and is complete when all have finished', async () => {
    const { owner, isComplete, changes } = setUp(view);
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toEqual(['create materialized view v as select 1', "select 'deploy-req-1'"]);
    expect(
      owner.names.map((name) => name.slice('millrace/dev/deploy/estore.hourly_views_1a2b3c4d/e3b0c442/req-1/'.length)),
    ).toEqual(['recorded', '0', '1', 'record-0']);
  });

  test('is taken up where it was when time was up, without a second submission', async () => {
    const { owner, world, isComplete, changes } = setUp(view);
    world.answer = () => undefined;
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    expect(changes()).toHaveLength(1);
    owner.end('millrace/dev/deploy/estore.hourly_views_1a2b3c4d/e3b0c442/req-1/0');
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    expect(changes()).toHaveLength(2);
    owner.end('millrace/dev/deploy/estore.hourly_views_1a2b3c4d/e3b0c442/req-1/1');
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    owner.end('millrace/dev/deploy/estore.hourly_views_1a2b3c4d/e3b0c442/req-1/record-0');
    expect(await isComplete(500)).toEqual({ IsComplete: true });
  });

  test.each(['FAILED', 'ABORTED'] as const)(
    'fails the deployment when a statement is %s, with its place and reason',
    async (status) => {
      const { world, isComplete } = setUp({
        ...view,
        create: JSON.stringify([step('switch', 'drop view v', 'create view v')]),
      });
      const parts = [
        { id: '1', status: 'FINISHED' },
        { id: '2', status },
      ];
      world.answer = () => ({ status, error: 'permission denied for schema estore', parts });
      await expect(isComplete()).rejects.toThrow(
        `materialized-view estore.hourly_views_1a2b3c4d: step 0 (switch), statement 2 of 2 ${status.toLowerCase()}: permission denied for schema estore`,
      );
    },
  );

  test('repeats a conflict of transactions, and finds its way through the attempts again', async () => {
    const { owner, world, isComplete, changes } = setUp(view);
    let conflicts = 2;
    world.answer = () => (conflicts-- > 0 ? { status: 'FAILED', error: 'ERROR: deadlock detected' } : {});
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(owner.names.slice(1, 4)).toEqual(
      ['0', '0/2', '0/3'].map((at) => `millrace/dev/deploy/estore.hourly_views_1a2b3c4d/e3b0c442/req-1/${at}`),
    );
    expect(changes()).toHaveLength(4);
  });
});

describe('physical ids', () => {
  test.each([
    ['materialized-view', 'estore.x@1a2b3c4d'],
    ['landing-view', 'estore.x@1a2b3c4d'],
    ['public-view', 'estore.x'],
    ['external-schema', 'estore.x'],
    ['table', 'estore.x'],
    ['schema', 'estore.x'],
    ['owner', 'estore.x'],
  ] as const)('%s: %s', async (kind, PhysicalResourceId) => {
    for (const type of ['Create', 'Update'])
      expect(await setUp({ ...view, name: 'estore.x', kind }, type).onEvent()).toEqual({ PhysicalResourceId });
  });

  test('a delete keeps the id that it was asked for', async () => {
    expect(await setUp(view, 'Delete').onEvent()).toEqual({ PhysicalResourceId: 'old-id' });
  });
});

describe('what exists already', () => {
  const exists = (sql: string): Outcome =>
    sql.startsWith('create') ? { status: 'FAILED', error: 'ERROR: Relation "x" already exists' } : {};

  test('is success for a view whose version is in its name', async () => {
    const { world, isComplete } = setUp(view);
    world.answer = exists;
    expect(await isComplete()).toEqual({ IsComplete: true });
  });

  test.each(['Create', 'Update'])('%s of a table adds the columns that it lacks, once', async (type) => {
    const { world, isComplete, changes } = setUp(table, type);
    world.catalog = [eventId];
    expect(await isComplete()).toEqual({ IsComplete: true });
    world.catalog = [eventId, price];
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes().slice(1)).toEqual(['alter table estore.events add column price decimal(12,2)']);
  });

  test('an update of a table that is there adds what it lacks, and does not try to create it', async () => {
    const { world, isComplete, changes } = setUp(table, 'Update');
    world.catalog = [eventId];
    world.presence = [{ table_type: 'BASE TABLE' }];
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toEqual(['alter table estore.events add column price decimal(12,2)']);
  });

  test('a column with another type is refused before the object has an id that a rollback would delete', async () => {
    const { world, onEvent, changes } = setUp(table);
    world.catalog = [eventId, column('price', 'bigint', { numeric_precision: 64 })];
    await expect(onEvent()).rejects.toThrow(
      'column price of estore.events is bigint, not numeric(12,2). Nothing was changed; a stored column keeps its type',
    );
    expect(changes()).toEqual([]);
  });

  test('a text that is shorter is refused, one that is longer does', async () => {
    const { world, onEvent } = setUp(table);
    world.catalog = [column('event_id', 'character varying', { character_maximum_length: 32 }), price];
    await expect(onEvent()).rejects.toThrow(
      'column event_id of estore.events is character varying(32), not character varying(64)',
    );
    world.catalog = [column('event_id', 'character varying', { character_maximum_length: 65 }), price];
    expect(await onEvent()).toEqual({ PhysicalResourceId: 'estore.events' });
  });

  test('an external schema must have the same role', async () => {
    const create = JSON.stringify([
      step('create', "create external schema if not exists s from kinesis iam_role 'arn:aws:iam::1:role/a'"),
    ]);
    const { world, isComplete } = setUp({ ...view, kind: 'external-schema', name: 's', create });
    world.catalog = [{ esoptions: '{"IAM_ROLE":"arn:aws:iam::1:role/a"}' }];
    expect(await isComplete()).toEqual({ IsComplete: true });
    world.catalog = [{ esoptions: '{"IAM_ROLE":"arn:aws:iam::1:role/b"}' }];
    await expect(isComplete()).rejects.toThrow(
      'external schema s exists with another definition: its role is arn:aws:iam::1:role/b',
    );
  });
});

describe('the owner', () => {
  const create = [
    'create user millrace_owner password {{owner_password}}',
    'grant create on database d to millrace_owner',
  ];
  const owner: WarehouseObjectProperties = {
    ...view,
    name: 'millrace_owner',
    kind: 'owner',
    identity: 'admin',
    create: JSON.stringify([step('create', ...create)]),
    delete: JSON.stringify([step('drop', 'revoke all', 'drop user millrace_owner')]),
  };

  test('is created by the admin with a digest, never the password', async () => {
    const given = setUp(owner);
    expect(await given.isComplete()).toEqual({ IsComplete: true });
    expect(given.owner.statements).toEqual([]);
    expect(given.changes(given.admin)[0]).toMatch(
      /^create user millrace_owner password 'sha256\|[0-9a-f]{64}\|[0-9a-f]{64}'; grant/,
    );
  });

  test('that exists still gets its grants', async () => {
    const given = setUp(owner);
    given.world.answer = (sql) =>
      sql.startsWith('create user') ? { status: 'FAILED', error: 'ERROR: user "millrace_owner" already exists' } : {};
    expect(await given.isComplete()).toEqual({ IsComplete: true });
    expect(given.changes(given.admin).at(-1)).toBe('grant create on database d to millrace_owner');
  });

  test('the digest is over the password and the salt as bytes, the same for the same request', () => {
    const [scheme, digest, salt] = passwordDigest('Password1', 'req-1').split('|') as [string, string, string];
    expect(scheme).toBe('sha256');
    expect(digest).toBe(createHash('sha256').update('Password1').update(Buffer.from(salt, 'hex')).digest('hex'));
    expect(passwordDigest('Password1', 'req-1')).toBe(`sha256|${digest}|${salt}`);
    expect(passwordDigest('Password1', 'req-2')).not.toContain(salt);
  });
});

describe('Delete', () => {
  test('runs the delete steps', async () => {
    const { isComplete, changes } = setUp(view, 'Delete');
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toEqual(['merge one; merge two', 'drop materialized view v']);
  });

  test('of what never came to be succeeds', async () => {
    const { world, isComplete, changes } = setUp(view, 'Delete');
    world.answer = () => ({ status: 'FAILED', error: 'ERROR: materialized view "v" does not exist' });
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toHaveLength(2);
  });

  test('that fails for another reason fails', async () => {
    const { world, isComplete } = setUp(view, 'Delete');
    world.answer = () => ({ status: 'FAILED', error: 'ERROR: cannot drop because other objects depend on it' });
    await expect(isComplete()).rejects.toThrow('other objects depend on it');
  });
});

test.each([
  [
    { kind: 'index' },
    'kind must be one of owner, schema, external-schema, table, landing-view, materialized-view, public-view, pipeline, environment, got "index"',
  ],
  [{ create: '[{"name":"a"' }, 'create must be JSON text'],
  [
    { create: '[{"name":"a","mode":"parallel","statements":[]}]' },
    'create[0].mode must be one of single, transaction, auto-commit, got "parallel"',
  ],
  [{ delete: '[{"name":"a","mode":"single","statements":[1]}]' }, 'delete[0].statements[0] must be a text, got 1'],
  [{ columns: '[{"name":"a"}]' }, 'columns[0].type must be a text, got nothing'],
])('refuses %j by the name of its field', (properties, message) => {
  const ResourceProperties = { ...table, ...properties };
  expect(() => parseRequest({ RequestType: 'Create', RequestId: 'r', ResourceProperties })).toThrow(message);
});

describe('the registry', () => {
  const properties = { ...view, onRemoval: 'drop', pipeline: 'estore' } as const;
  const asRecorded = (given: WarehouseObjectProperties): Row => {
    const { version, definition, removal } = recordOf(parseObject(given));
    return { version, definition, removal };
  };

  test('has a row of the object in the end, put there in one transaction', async () => {
    const { owner, isComplete, records } = setUp(properties);
    await isComplete();
    expect(owner.statements.at(-1)!.submission.mode).toBe('transaction');
    expect(records()).toHaveLength(1);
    expect(records()[0]).toMatch(
      /^lock millrace\.objects; delete from millrace\.objects where kind = 'materialized-view' and name = 'estore\.hourly_views_1a2b3c4d'; insert/,
    );
    // What a statement asks for is filled in when it runs, not in the record of it.
    expect(records()[0]).toContain('select {{run_id}}');
  });

  test('an update that changes neither version nor definition runs nothing', async () => {
    const { world, isComplete, submitted } = setUp(properties, 'Update');
    world.recorded = [asRecorded(properties)];
    world.presence = [{ owner: 'millrace_owner' }];
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(submitted()).toEqual([]);
  });

  describe('a pipeline', () => {
    const declared = (columns: string[]): WarehouseObjectProperties => ({
      name: 'estore',
      kind: 'pipeline',
      version: columns.join('-'),
      identity: 'owner',
      create: '[]',
      delete: '[]',
      pipeline: 'estore',
      declaration: JSON.stringify({ identity: { by: 'columns', columns } }),
      events: 'select count(*) as amount from estore.events_data',
    });
    const recordedAs = (given: WarehouseObjectProperties): Row => {
      const { version, definition, removal } = recordOf(parseObject(given));
      return { version, definition, removal };
    };

    test('is recorded, and nothing else', async () => {
      const { isComplete, changes, records } = setUp(declared(['id']));
      expect(await isComplete()).toEqual({ IsComplete: true });
      expect(changes()).toEqual([]);
      expect(records()).toHaveLength(1);
    });

    test('keeps its identity while it has events', async () => {
      const { world, owner, onEvent } = setUp(declared(['id', 'at']), 'Update');
      world.recorded = [recordedAs(declared(['id']))];
      await expect(onEvent()).rejects.toThrow(
        'pipeline estore: its identity cannot change from {"by":"columns","columns":["id"]} to {"by":"columns","columns":["id","at"]}: 7 events are stored under the old one',
      );
      const answer = owner.outcome;
      owner.outcome = (submission) =>
        submission.name.endsWith('/events') ? { rows: [{ amount: 0 }] } : answer(submission);
      expect(await onEvent()).toEqual({ PhysicalResourceId: 'estore' });
    });

    test('may change whatever else it declares', async () => {
      const { world, onEvent } = setUp({ ...declared(['id']), version: 'other' }, 'Update');
      world.recorded = [recordedAs(declared(['id']))];
      expect(await onEvent()).toEqual({ PhysicalResourceId: 'estore' });
    });
  });

  test.each([
    ['the delete text', { delete: JSON.stringify([step('drop', 'drop materialized view v cascade')]) }],
    ['what happens on removal', { onRemoval: 'keep' as const }],
  ])('an update of %s alone is recorded, and runs nothing else', async (_, change) => {
    const { world, isComplete, changes, records } = setUp({ ...properties, ...change }, 'Update');
    world.recorded = [asRecorded(properties)];
    world.presence = [{ owner: 'millrace_owner' }];
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toEqual([]);
    expect(records()).toHaveLength(1);
  });

  test('does not stand for what somebody dropped by hand', async () => {
    const { world, isComplete, changes } = setUp(properties, 'Update');
    world.recorded = [asRecorded(properties)];
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toEqual(['create materialized view v as select 1', "select 'deploy-req-1'"]);
  });

  test('a public view is recorded in the transaction that switches readers', async () => {
    const { owner, isComplete } = setUp({
      ...properties,
      kind: 'public-view',
      name: 'estore.hourly_views',
      create: JSON.stringify([step('switch', 'drop view v', 'create view v')]),
    });
    await isComplete();
    const [switched, ...others] = owner.statements.filter(({ submission }) => submission.token);
    expect(others).toEqual([]);
    expect(switched!.submission.statements.map((sql) => sql.split(' ').slice(0, 3).join(' '))).toEqual([
      'lock millrace.objects',
      'drop view v',
      'create view v',
      'delete from millrace.objects',
      'insert into millrace.objects',
    ]);
  });

  test.each(['FINISHED', 'FAILED'] as const)('a public view is switched after a refresh that %s', async (status) => {
    const { owner, isComplete } = setUp({
      ...properties,
      kind: 'public-view',
      name: 'estore.hourly_views',
      create: JSON.stringify([step('refresh', 'refresh materialized view v_1'), step('switch', 'create view v')]),
    });
    const answer = owner.outcome;
    owner.outcome = (submission) =>
      submission.statements[0]!.startsWith('refresh') ? { status, error: 'it is not refreshable' } : answer(submission);
    expect(await isComplete()).toEqual({ IsComplete: true });
    const submitted = owner.statements.filter(({ submission }) => submission.token);
    expect(submitted.map(({ submission }) => submission.statements[0])).toEqual([
      'refresh materialized view v_1',
      'lock millrace.objects',
    ]);
  });

  test('where there is none yet, objects are created all the same', async () => {
    const { owner, isComplete, changes } = setUp(properties);
    const answer = owner.outcome;
    owner.outcome = (submission) =>
      submission.name.endsWith('/recorded')
        ? { status: 'FAILED', error: 'ERROR: relation "millrace.objects" does not exist' }
        : answer(submission);
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toHaveLength(2);
  });

  test('a read that does not end in time, or meets a conflict, is asked again', async () => {
    const { owner, isComplete, changes } = setUp(properties);
    const answer = owner.outcome;
    const outcomes: (Outcome | undefined)[] = [undefined, { status: 'FAILED', error: 'ERROR: deadlock detected' }];
    owner.outcome = (submission) =>
      submission.name.endsWith('/recorded') && outcomes.length > 0 ? outcomes.shift() : answer(submission);
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    expect(await isComplete()).toEqual({ IsComplete: false });
    expect(changes()).toEqual([]);
    expect(await isComplete()).toEqual({ IsComplete: true });
  });

  test('forgets this version only', async () => {
    const { isComplete, records } = setUp(properties, 'Delete');
    await isComplete();
    expect(records()).toEqual([
      "lock millrace.objects; delete from millrace.objects where kind = 'materialized-view' and name = 'estore.hourly_views_1a2b3c4d' and version = '1a2b3c4d'",
    ]);
  });

  test('what is too long for a column is left out of the record', () => {
    const long = JSON.stringify([step('create', `select '${'x'.repeat(70_000)}'`)]);
    expect(recordOf(parseObject({ ...properties, create: long }))).toMatchObject({
      version: '1a2b3c4d',
      definition: null,
    });
  });

  test('a schema that is somebody else’s is refused', async () => {
    const schema: WarehouseObjectProperties = {
      ...properties,
      kind: 'schema',
      name: 'estore',
      create: JSON.stringify([step('create', 'create schema estore')]),
    };
    const { world, isComplete } = setUp(schema);
    world.answer = () => ({ status: 'FAILED', error: 'ERROR: schema "estore" already exists' });
    world.presence = [{ owner: 'somebody', asker: 'millrace_owner' }];
    await expect(isComplete()).rejects.toThrow(
      'schema estore exists and belongs to somebody, not to millrace_owner. Rename the pipeline, or drop the schema if nobody needs it',
    );
  });
});
