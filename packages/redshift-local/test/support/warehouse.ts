import { join } from 'node:path';
import type { Principal, ResourceContext, RuntimeClock } from 'aws-local-kit';
import { composeWarehouse, type LocalWarehouse } from '../../src/compose';
import type { StatementFaults } from '../../src/data-api/faults';
import type { Interleaving } from '../../src/engine/interleaving';
import type { ScanFault } from '../../src/engine/scan-fault';
import type { Translate } from '../../src/statement';
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
} from './fakes';

export const cluster = 'millrace-dev';
export const owner = 'millrace_owner';
export const admin = 'millrace_admin';
export const caller = rolePrincipal('refresh', 'function');
export const roles = { stream: roleArn('stream'), load: roleArn('load'), unload: roleArn('unload') };

const context = (logicalId: string): ResourceContext => ({
  stackName: 'data',
  logicalId,
  account,
  region,
  generatedName: `data-${logicalId}-abc`,
});

export type RunOptions = { user?: string; mode?: 'TRANSACTION' | 'AUTO_COMMIT' } & Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: the answer of DescribeStatement, as a test reads it
export type Described = any;

/** A warehouse with the cluster `millrace-dev`, its admin and the user millrace_owner who may create schemas. */
export interface TestWarehouse {
  readonly warehouse: LocalWarehouse;
  readonly clock: RuntimeClock;
  readonly authorizer: FakeAuthorizer;
  readonly sts: FakeSts;
  readonly secrets: FakeSecrets;
  readonly s3: FakeS3;
  readonly kinesis: FakeKinesis;
  readonly bus: FakeBus;
  readonly folder: string;
  /** The next refreshes of streaming views that find records take one each. */
  readonly scanFaults: ScanFault[];
  /** Decides the order of transactions, if it is set. */
  readonly interleaving: { by?: Interleaving };
  /** Calls an operation of the Data API. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of the API, as a test reads them
  call(operation: string, input: Record<string, unknown>, principal?: Principal): Promise<any>;
  /** Runs statements to their end, and describes them. */
  run(sql: string | string[], options?: RunOptions): Promise<Described>;
  /** Rows of a query as scalars. */
  rows(sql: string, user?: string): Promise<unknown[][]>;
  /** Stops the warehouse and starts another over the same folder. */
  restart(): Promise<TestWarehouse>;
  dispose(): Promise<void>;
}

export async function startWarehouse(
  translate: Translate,
  createOwner: string[],
  given?: { folder: ReturnType<typeof temporaryFolder>; shared: Shared },
): Promise<TestWarehouse> {
  const folder = given?.folder ?? temporaryFolder();
  const shared = given?.shared ?? newShared(folder.path);
  const { scanFaults } = shared;
  const faults: StatementFaults = {
    call: (_, run) => run(),
    execute: (_, run) => run(),
    scan: () => scanFaults.shift(),
    interleaving: () => shared.interleaving.by,
  };
  const warehouse = composeWarehouse({ dataDir: folder.path, account, region, translate, faults, ...shared });
  const twin = (type: string) => warehouse.resources.find((resource) => resource.type === type)!;
  const group = await twin('AWS::Redshift::ClusterParameterGroup').create(
    {
      Description: 'd',
      ParameterGroupFamily: 'redshift-1.0',
      Parameters: [{ ParameterName: 'enable_case_sensitive_identifier', ParameterValue: 'true' }],
    },
    context('Parameters'),
  );
  const created = await twin('AWS::Redshift::Cluster').create(
    {
      ClusterIdentifier: cluster,
      ClusterParameterGroupName: group.ref,
      DBName: 'millrace',
      IamRoles: Object.values(roles),
      ManageMasterPassword: true,
      MasterUsername: admin,
      NodeType: 'ra3.large',
      ClusterType: 'single-node',
    },
    context('Cluster'),
  );
  shared.secrets.values.set(owner, JSON.stringify({ username: owner, password: 'Owner1pw' }));
  const secretOf = (user: string) => (user === admin ? String(created.attributes['MasterPasswordSecretArn']) : user);
  const test: TestWarehouse = {
    warehouse,
    ...shared,
    folder: folder.path,
    call: async (operation, input, principal = caller) => warehouse.operations[operation]!(input, principal),
    async run(sql, { user = owner, mode, ...more } = {}) {
      const common = {
        ClusterIdentifier: cluster,
        Database: 'millrace',
        SecretArn: secretOf(user),
        WaitTimeSeconds: 30,
        ...more,
      };
      const { Id } = Array.isArray(sql)
        ? await test.call('BatchExecuteStatement', { Sqls: sql, ExecutionMode: mode, ...common })
        : await test.call('ExecuteStatement', { Sql: sql, ...common });
      return test.call('DescribeStatement', { Id });
    },
    async rows(sql, user = owner) {
      const done = await test.run(sql, { user });
      if (done.Status !== 'FINISHED') throw new Error(done.Error);
      const { Records } = await test.call('GetStatementResult', { Id: done.Id });
      return Records.map((record: object[]) =>
        record.map((field) => ('isNull' in field ? null : Object.values(field)[0])),
      );
    },
    async restart() {
      await warehouse.dispose();
      return startWarehouse(translate, [], { folder, shared });
    },
    async dispose() {
      await warehouse.dispose();
      folder.remove();
    },
  };
  for (const sql of createOwner) {
    const done = await test.run(sql, { user: admin });
    if (done.Status !== 'FINISHED') throw new Error(done.Error);
  }
  return test;
}

type Shared = ReturnType<typeof newShared>;

function newShared(folder: string) {
  const sts = new FakeSts();
  for (const role of Object.values(roles))
    sts.trusts.set(role, `arn:aws:redshift:${region}:${account}:dbuser:${cluster}/${owner}`);
  return {
    scanFaults: [] as ScanFault[],
    interleaving: {} as TestWarehouse['interleaving'],
    clock: stoppedClock(),
    authorizer: new FakeAuthorizer(),
    sts,
    secrets: new FakeSecrets(),
    bus: new FakeBus(),
    s3: new FakeS3(join(folder, 's3')),
    kinesis: new FakeKinesis(join(folder, 'kinesis')),
  };
}
