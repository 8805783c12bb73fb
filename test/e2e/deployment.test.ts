import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Runtime, startRuntime } from '../../local/runtime';
import { editedAssembly } from '../support/assembly';
import { secondTierTest } from '../support/tier';
import { deployDev, deployedAt, devAssembly } from './image';

const folder = mkdtempSync(join(tmpdir(), 'millrace-deployment-'));
let assemblyDir: string;
afterAll(() => rmSync(folder, { recursive: true, force: true }));
jest.setTimeout(120_000);

beforeAll(async () => {
  assemblyDir = await devAssembly();
});

const edited = (name: string, edit: (text: string) => string) => editedAssembly(assemblyDir, join(folder, name), edit);

const start = (assembly: string, data: string) =>
  startRuntime({
    assemblyDir: assembly,
    stageName: 'dev',
    dataDir: join(folder, data),
    clock: { start: deployedAt, rate: 0 },
  });

/** What is synthesized from an edit has other versions than before; what is recorded under the same one is left alone. */
function withVersions(text: string): string {
  if (!text.includes('"Custom::WarehouseObject"')) return text;
  const template = JSON.parse(text) as { Resources: Record<string, { Type: string; Properties: { version: string } }> };
  for (const { Type, Properties } of Object.values(template.Resources))
    if (Type === 'Custom::WarehouseObject' && /0000000[12]/.test(JSON.stringify(Properties)))
      Properties.version = 'edited00';
  return JSON.stringify(template);
}

/** Starts what must not start, and answers why it did not. */
async function failure(assembly: string, data: string): Promise<string> {
  try {
    await (await start(assembly, data)).dispose();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the deployment succeeded');
}

secondTierTest('a permission that the stream role lacks stops the deployment where AWS would', async () => {
  const message = await failure(
    edited('no-get-records', (text) =>
      text.replace(/("kinesis:DescribeStreamSummary",\s*)"kinesis:GetRecords",/, '$1'),
    ),
    'denied',
  );
  expect(message).toMatch(/landing_[0-9a-f]{8}.*failed/);
  expect(message).toMatch(/not authorized to perform: kinesis:GetRecords/);
});

secondTierTest('a warehouse role whose external id is another user’s cannot be assumed', async () => {
  const message = await failure(
    edited('other-user', (text) => text.replaceAll('/millrace_owner"', '/somebody_else"')),
    'distrusted',
  );
  expect(message).toMatch(/not authorized to perform: sts:AssumeRole/);
});

describe('a statement that fails, fails with its message', () => {
  const badSql = (name: string) =>
    edited(name, (text) => text.replace("date_trunc('hour', occurred_at) as hour", 'no_such_column as hour'));

  secondTierTest('the first deployment', async () => {
    expect(await failure(badSql('bad-sql'), 'failed')).toMatch(/no_such_column/);
  });
  test('a later one', async () => {
    await deployDev(join(folder, 'failed-later'));
    expect(await failure(badSql('bad-edit'), 'failed-later')).toMatch(/no_such_column/);
  });
});

test('a property that is not modelled is refused by name before anything is created', async () => {
  const message = await failure(
    edited('unknown-property', (text) => text.replace('"RetentionPeriodHours"', '"RetentionPeriodDays"')),
    'refused',
  );
  expect(message).toMatch(/RetentionPeriodDays/);
});

test('an edited view and an edited landing view replace their versions, and no event is lost or counted twice', async () => {
  const { KinesisClient, PutRecordCommand } = await import('@aws-sdk/client-kinesis');
  const event = (second: number) => ({
    customer_id: 'customer_1',
    product: { product_id: 'product_1' },
    action: 'view',
    timestamp: `2026-03-01T10:00:0${second}`,
  });
  const put = async ({ endpoint, region, administrator }: Awaited<ReturnType<typeof start>>, second: number) => {
    const client = new KinesisClient({ endpoint, region, credentials: administrator.credentials });
    const Data = Buffer.from(JSON.stringify(event(second)));
    await client.send(new PutRecordCommand({ StreamName: 'millrace-dev-estore', PartitionKey: 'customer_1', Data }));
    client.destroy();
  };
  const counts = async (runtime: Awaited<ReturnType<typeof start>>) =>
    (
      await runtime.warehouse.query(
        'select (select count(*) from estore.events), (select count(*) from estore.duplicates), (select sum(views) from estore.hourly_views)',
      )
    ).rows[0]!.map(Number);
  const settled = async (runtime: Awaited<ReturnType<typeof start>>, events: number) => {
    for (let steps = 0; steps < 200 && (await counts(runtime))[2] !== events; steps += 1) await runtime.step();
  };

  await deployDev(join(folder, 'edited'));
  const first = await start(assemblyDir, 'edited');
  await put(first, 1);
  await settled(first, 1);
  // merged by the last merge of the old landing view, or read again by the new one
  await put(first, 2);
  await first.dispose();

  const landing = /landing_[0-9a-f]{8}/g;
  const view = /hourly_views_[0-9a-f]{8}/g;
  const second = await start(
    edited('new-versions', (text) =>
      withVersions(text.replaceAll(landing, 'landing_00000001').replaceAll(view, 'hourly_views_00000002')),
    ),
    'edited',
  );
  try {
    await put(second, 3);
    await settled(second, 3);
    expect(await counts(second)).toEqual([3, 0, 3]);
    const { rows } = await second.warehouse.query('select trim(name) as name from svv_mv_info order by name');
    const names = rows.flat().map(String);
    expect(new Set(names.filter((name) => name.startsWith('landing_')))).toEqual(new Set(['landing_00000001']));
    expect(names.filter((name) => name.startsWith('hourly_views_'))).toEqual(['hourly_views_00000002']);
  } finally {
    await second.dispose();
  }
});

secondTierTest(
  'a running environment takes an edit; one whose function dies in the middle leaves the old version to readers',
  async () => {
    let dying = false;
    await deployDev(join(folder, 'running'));
    const runtime = await startRuntime({
      assemblyDir,
      stageName: 'dev',
      dataDir: join(folder, 'running'),
      clock: { start: deployedAt, rate: 100 },
      faults: {
        delivery: () => undefined,
        statement: () => undefined,
        call: () => undefined,
        kill: (name) => (dying && /IsComple/.test(name) ? { call: 2, after: true } : undefined),
      },
    });
    try {
      const versions = async () =>
        (
          await runtime.warehouse.query(
            "select trim(name) as name from svv_mv_info where trim(name) like 'hourly_views%'",
          )
        ).rows.flat();
      const [old] = await versions();
      const view = /hourly_views_[0-9a-f]{8}/g;
      const next = edited('running-edit', (text) => text.replaceAll(view, 'hourly_views_00000003'));
      dying = true;
      await expect(runtime.deploy(next)).rejects.toMatchObject({
        status: 'UPDATE_ROLLBACK_FAILED',
        message: expect.stringContaining('Runtime exited with signal SIGKILL'),
      });
      expect((await runtime.warehouse.query('select count(*) from estore.hourly_views')).rows).toEqual([[0]]);
      dying = false;
      const { statuses } = await runtime.deploy(next);
      expect(statuses['millrace-dev-pipelines']).toBe('UPDATE_COMPLETE');
      expect(await versions()).toEqual(['hourly_views_00000003']);
      await runtime.deploy(assemblyDir);
      expect(await versions()).toEqual([old]);
      await runtime.warehouse.query('select count(*) from estore.hourly_views');
    } finally {
      await runtime.dispose();
    }
  },
);

describe('a cluster that is away during a deployment', () => {
  const view = /hourly_views_[0-9a-f]{8}/g;
  const edit = (version: string) => edited(version, (text) => text.replaceAll(view, `hourly_views_${version}`));
  const quiet = { delivery: () => undefined, statement: () => undefined, call: () => undefined };

  async function running<T>(data: string, act: (runtime: Runtime) => Promise<T>): Promise<T> {
    await deployDev(join(folder, data));
    const dataDir = join(folder, data);
    const runtime = await startRuntime({
      assemblyDir,
      stageName: 'dev',
      dataDir,
      clock: { start: deployedAt, rate: 100 },
      faults: quiet,
    });
    try {
      return await act(runtime);
    } finally {
      await runtime.dispose();
    }
  }
  const names = async (runtime: Runtime) =>
    (
      await runtime.warehouse.query("select trim(name) as name from svv_mv_info where trim(name) like 'hourly_views%'")
    ).rows.flat();

  secondTierTest('paused: fails before anything is changed, and says how to resume it', () =>
    running('paused', async (runtime) => {
      const before = await names(runtime);
      runtime.faults!.pause();
      const next = edit('00000004');
      await expect(runtime.deploy(next)).rejects.toMatchObject({
        message: expect.stringContaining('aws redshift resume-cluster --cluster-identifier millrace-dev'),
      });
      runtime.faults!.resume();
      expect(await names(runtime)).toEqual(before);
      await runtime.deploy(next);
      expect(await names(runtime)).toEqual(['hourly_views_00000004']);
    }),
  );

  secondTierTest('resuming: the deployment waits for it', () =>
    running('resuming', async (runtime) => {
      runtime.faults!.enter({ status: 'resuming', availability: 'Unavailable' });
      const deployed = runtime.deploy(edit('00000005'));
      setTimeout(() => runtime.faults!.resume(), 3000);
      expect((await deployed).statuses['millrace-dev-pipelines']).toBe('UPDATE_COMPLETE');
      expect(await names(runtime)).toEqual(['hourly_views_00000005']);
    }),
  );
});
