import { forgetKeys } from '../../../lambda/shared/forget-keys';
import type { Row, Submission } from '../../../lambda/shared/warehouse';
import type { WarehouseGroupProperties, WarehouseObjectProperties } from '../../../lambda/warehouse-object/contract';
import type { ObjectHost } from '../../../lambda/warehouse-object/host';
import { isCompleteFunction, onEventFunction } from '../../../lambda/warehouse-object/object';
import { parseObject } from '../../../lambda/warehouse-object/properties';
import { recordOf } from '../../../lambda/warehouse-object/registry';
import { FakeWarehouse, type Outcome, quiet } from '../fakes';

export const step = (name: string, ...statements: string[]) => ({
  name,
  mode: statements.length > 1 ? 'transaction' : 'single',
  statements,
});
export const table: WarehouseObjectProperties = {
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
export const view: WarehouseObjectProperties = {
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
export const column = (column_name: string, data_type: string, rest: Row = {}): Row => ({
  table_schema: 'estore',
  table_name: 'events',
  column_name,
  data_type,
  character_maximum_length: null,
  numeric_precision: null,
  numeric_scale: null,
  ...rest,
});
export const eventId = column('event_id', 'character varying', { character_maximum_length: 64 });
export const price = column('price', 'numeric', { numeric_precision: 12, numeric_scale: 2 });

/** The rows of `recordedQuery` for an object that is recorded with these properties. */
export function recordedRows(properties: WarehouseObjectProperties, resources: readonly string[] = [resource]): Row[] {
  const { kind, name } = properties;
  const { version, definition, removal } = recordOf(parseObject(properties), resources);
  return Object.entries({ definition, removal }).map(([what, body]) => ({
    kind,
    name,
    version,
    resources: resources.join(' '),
    what,
    piece: 0,
    body,
  }));
}

/** The resource of every request. */
const resource = 'stack/One';

/** A host on one warehouse for both identities. */
export const fakeHost = (warehouse: FakeWarehouse): ObjectHost => ({
  texts: {},
  environment: 'dev',
  as: () => warehouse,
  asUser: () => warehouse,
  ownerSecret: async () => '{}',
  secret: async () => '{}',
  forgetKeys: async (pipeline) => forgetKeys('the secret of the marks in tests', pipeline),
  now: () => warehouse.now,
  sleep: async () => undefined,
  limitMs: 3_000_000,
  log: quiet,
});

export function setUp(properties: WarehouseObjectProperties | WarehouseGroupProperties, type = 'Create') {
  const owner = new FakeWarehouse();
  const admin = new FakeWarehouse();
  const user = new FakeWarehouse();
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
  user.outcome = admin.outcome;
  const host: ObjectHost = {
    ...fakeHost(owner),
    as: (identity) => (identity === 'admin' ? admin : owner),
    asUser: () => user,
    ownerSecret: async () => JSON.stringify({ username: 'millrace_owner', password: "Pass'word1" }),
    secret: async (username) => JSON.stringify({ username, password: "User'word1" }),
  };
  const physical = type === 'Create' ? {} : { PhysicalResourceId: 'old-id' };
  const event = {
    RequestType: type,
    RequestId: 'req-1',
    StackId: 'arn:aws:cloudformation:eu-west-1:000000000000:stack/stack/uuid',
    LogicalResourceId: 'One',
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
    user,
    world,
    submitted,
    /** Without those that write the registry. */
    changes: (warehouse = owner) => submitted(warehouse).filter((sql) => !isRecord(sql)),
    records: () => submitted().filter(isRecord),
    onEvent: () => onEventFunction(host)(event, () => 60_000),
    isComplete: (remainingMs = 60_000) => isCompleteFunction(host)(event, () => remainingMs),
  };
}
