import { createHash } from 'node:crypto';
import type { WarehouseObjectProperties } from '../../../lambda/warehouse-object/contract';
import { passwordDigest } from '../../../lambda/warehouse-object/password';
import { parseRequest } from '../../../lambda/warehouse-object/request';
import type { Outcome } from '../fakes';
import { column, eventId, price, setUp, step, table, view } from './host';

describe('a walk', () => {
  test('takes the steps in order and is complete when all have finished', async () => {
    const { owner, isComplete, changes } = setUp(view);
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toEqual(['create materialized view v as select 1', "select 'deploy-req-1'"]);
    expect(
      owner.names.map((name) => name.slice('millrace/dev/deploy/estore.hourly_views_1a2b3c4d/d2901797/req-1/'.length)),
    ).toEqual(['recorded', '0', '1', 'record-0']);
  });

  test('is taken up where it was when time was up, without a second submission', async () => {
    const { owner, world, isComplete, changes } = setUp(view);
    world.answer = () => undefined;
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    expect(changes()).toHaveLength(1);
    owner.end('millrace/dev/deploy/estore.hourly_views_1a2b3c4d/d2901797/req-1/0');
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    expect(changes()).toHaveLength(2);
    owner.end('millrace/dev/deploy/estore.hourly_views_1a2b3c4d/d2901797/req-1/1');
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    owner.end('millrace/dev/deploy/estore.hourly_views_1a2b3c4d/d2901797/req-1/record-0');
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
      ['0', '0/2', '0/3'].map((at) => `millrace/dev/deploy/estore.hourly_views_1a2b3c4d/d2901797/req-1/${at}`),
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
    expect(changes().filter((sql) => !sql.startsWith('create'))).toEqual([
      'alter table estore.events add column price decimal(12,2)',
    ]);
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

  describe('that another one may have made', () => {
    const [create] = JSON.parse(owner.create) as object[];
    const refusedIf = { query: 'select 1 from pg_user', message: 'another environment uses this warehouse' };
    const given = () => setUp({ ...owner, create: JSON.stringify([{ ...create, refusedIf }]) });
    const created = ({ admin, changes }: ReturnType<typeof given>) =>
      changes(admin).filter((sql) => sql.startsWith('create user'));

    test('is refused', async () => {
      const refused = given();
      refused.world.answer = (sql) => (sql === refusedIf.query ? { rows: [{ found: 1 }] } : {});
      await expect(refused.isComplete()).rejects.toThrow(`owner millrace_owner: ${refusedIf.message}`);
      expect(created(refused)).toEqual([]);
    });

    test('is asked for once: what this deployment made is no refusal', async () => {
      const made = given();
      made.world.answer = (sql) => (sql === refusedIf.query ? { rows: created(made).map(() => ({ found: 1 })) } : {});
      expect(await made.isComplete()).toEqual({ IsComplete: true });
      expect(await made.isComplete()).toEqual({ IsComplete: true });
      expect(created(made)).toHaveLength(1);
    });
  });

  test('the digest is over the password and the salt as bytes, the same for the same request', () => {
    const [scheme, digest, salt] = passwordDigest('Password1', 'req-1').split('|') as [string, string, string];
    expect(scheme).toBe('sha256');
    expect(digest).toBe(createHash('sha256').update('Password1').update(Buffer.from(salt, 'hex')).digest('hex'));
    expect(passwordDigest('Password1', 'req-1')).toBe(`sha256|${digest}|${salt}`);
    expect(passwordDigest('Password1', 'req-2')).not.toContain(salt);
  });
});

describe('the user of a function', () => {
  const loader: WarehouseObjectProperties = {
    ...view,
    name: 'millrace_load_estore',
    kind: 'user',
    identity: 'admin',
    secretArn: 'arn:secret',
    create: JSON.stringify([
      { name: 'create', mode: 'single', statements: ['create user u password {{user_password}}'] },
      { name: 'password', mode: 'single', statements: ['alter user u password {{user_password}}'] },
      step('grant', 'grant usage on schema estore to u'),
    ]),
    delete: JSON.stringify([step('drop', 'revoke usage on schema estore from u', 'drop user u')]),
    proof: JSON.stringify([step('proof', 'lock estore.checkpoints')]),
  };
  const exists = (sql: string) =>
    sql.startsWith('create user') ? ({ status: 'FAILED', error: 'ERROR: user "u" already exists' } as const) : {};

  test('is created by the admin with the digest of its own secret, and proves its first lock', async () => {
    const given = setUp(loader);
    expect(await given.isComplete()).toEqual({ IsComplete: true });
    expect(given.changes(given.admin)).toEqual([
      expect.stringMatching(/^create user u password 'sha256\|[0-9a-f]{64}\|[0-9a-f]{64}'$/),
      expect.stringMatching(/^alter user u password 'sha256\|/),
      'grant usage on schema estore to u',
    ]);
    expect(given.changes(given.user)).toEqual(['lock estore.checkpoints']);
    expect(given.owner.statements).toEqual([]);
    expect(JSON.stringify(given.admin.statements)).not.toContain("User'word1");
  });

  test('that exists gets the password of the secret and its grants; no lock waits for its function', async () => {
    const given = setUp(loader, 'Update');
    given.world.answer = exists;
    expect(await given.isComplete()).toEqual({ IsComplete: true });
    expect(given.changes(given.admin).slice(1)).toEqual([
      expect.stringMatching(/^alter user u password 'sha256\|/),
      'grant usage on schema estore to u',
    ]);
    expect(given.changes(given.user)).toEqual([]);
  });

  test('tries its endpoints when it is created and at every update', async () => {
    const trial = JSON.stringify([
      step('pipelines/estore/endpoints/revenue.sql', 'explain select 1', 'explain select 2'),
    ]);
    for (const type of ['Create', 'Update'] as const) {
      const given = setUp({ ...loader, trial }, type);
      if (type === 'Update') given.world.answer = exists;
      expect(await given.isComplete()).toEqual({ IsComplete: true });
      expect(given.changes(given.user).at(-1)).toBe('explain select 1; explain select 2');
    }
  });

  test('fails the deployment if a statement of an endpoint does, and names its file', async () => {
    const trial = JSON.stringify([
      step('pipelines/estore/endpoints/revenue.sql', 'explain select 1', 'explain select 2'),
    ]);
    const given = setUp({ ...loader, trial });
    given.world.answer = (sql) =>
      sql.includes('select 2') ? { status: 'FAILED', error: 'ERROR: column "x" does not exist' } : {};
    await expect(given.isComplete()).rejects.toThrow(
      /step trial-0 \(pipelines\/estore\/endpoints\/revenue\.sql\), statement \d of 2 failed: ERROR: column "x" does not exist/,
    );
  });

  test('fails the deployment if it cannot lock what its function locks', async () => {
    const given = setUp(loader);
    given.world.answer = (sql) =>
      sql.startsWith('lock') ? { status: 'FAILED', error: 'ERROR: must be owner of relation checkpoints' } : {};
    await expect(given.isComplete()).rejects.toThrow('must be owner of relation checkpoints');
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
    'kind must be one of owner, user, schema, external-schema, table, landing-view, materialized-view, public-view, pipeline, environment, got "index"',
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
