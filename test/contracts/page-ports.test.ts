import { HistoryRows } from '../../cli/commands/local/history-counts';
import { awsSource } from '../../cli/page/aws';
import { type AwsPorts, awsPorts } from '../../cli/page/aws-ports';
import { localPorts } from '../../cli/page/local-ports';
import { connectPage } from '../../cli/page/open-aws-page';
import type { PagePorts } from '../../cli/page/ports';
import { RuntimeWatch } from '../../cli/page/watch';
import { environments } from '../../environments';
import { pipelines } from '../../pipelines';
import type { Calls, Source } from '../../ui/server';
import { type AwsWorld, awsWorld, roleWith } from '../ui/aws-world';
import { type PageWorld, startPage } from '../ui/world';
import { pagePortsContract } from './page-ports';

let world: PageWorld;
let aws: AwsWorld;
let watch: RuntimeWatch;
let ports: Readonly<Record<string, PagePorts>>;
/** Actions of the page's role. */
let used: string[] = [];
const environment = environments.find(({ name }) => name === 'dev')!;

beforeAll(async () => {
  world = await startPage(undefined, {
    onAllowed: ({ principal, action }) => {
      if (principal.roleArn?.endsWith('/page-reader')) used.push(action);
    },
  });
  const { runtime, demo, data } = world;
  watch = new RuntimeWatch(runtime, () => pipelines);
  await world.send({ events: 400 });
  await world.merge(20);
  aws = awsWorld(world);
  await aws.ports.look();
  ports = {
    'the local runtime': localPorts({ runtime, demo, dataDir: data }, watch, () => environment, new HistoryRows(demo)),
    AWS: aws.ports,
  };
}, 300_000);
afterAll(async () => {
  watch?.dispose();
  aws?.dispose();
  await world?.dispose();
});

describe.each(['the local runtime', 'AWS'])('over %s', (name) => {
  test.each(Object.entries(pagePortsContract))('%s', async (_, run) => {
    await run({ world, ports: ports[name]! });
  });
});

const sources: (Source & { dispose(): void })[] = [];
afterEach(() => {
  for (const source of sources.splice(0)) source.dispose();
});

/** The page over AWS, with a clock for its pace. */
function pageOf(of: AwsPorts = connectPage(aws.options).ports) {
  const time = { now: 0 };
  const source = awsSource(of, pipelines, { metricsMs: 60_000, warehouseMs: 300_000, elapsed: () => time.now });
  sources.push(source);
  return { source, time, ports: of };
}

/** Statements that the page's role has sent since `used` was emptied. */
const statements = () => used.filter((action) => /:(?:Batch)?ExecuteStatement$/.test(action)).length;
const counted = async (act: () => Promise<unknown>) => {
  used = [];
  await act();
  return statements();
};
const [first, second] = [pipelines.length, 2 * pipelines.length];

describe('the page of an environment in AWS', () => {
  test('a first look reads each pipeline with few statements; the next ones none, while nothing ran', async () => {
    const { source, time } = pageOf();
    const most = 4 * first;
    const sent = await counted(() => source.snapshot());
    expect(sent).toBeGreaterThanOrEqual(second);
    expect(sent).toBeLessThanOrEqual(most);
    const metrics = () => used.filter((action) => action === 'cloudwatch:GetMetricData').length;
    for (const seconds of [10, 30, 59]) {
      time.now = seconds * 1000;
      expect(await counted(() => source.snapshot())).toBe(0);
      expect(metrics()).toBe(0);
    }
    for (let minute = 1; minute < 12; minute++) {
      time.now = minute * 60_000;
      expect(await counted(() => source.snapshot())).toBe(0);
      expect(metrics()).toBeGreaterThan(0);
    }
    await world.merge(6);
    time.now = 12 * 60_000;
    expect(await counted(() => source.snapshot())).toBe(sent);
    await world.merge(6);
    time.now = 13 * 60_000;
    expect(await counted(() => source.snapshot())).toBe(0);
    expect((await source.calls['/api/look']({})).done).toBe('the last look was a moment ago');
    expect(await counted(() => source.snapshot())).toBe(0);
    time.now += 10_000;
    expect((await source.calls['/api/look']({})).done).toBe('looking');
    expect(await counted(() => source.snapshot())).toBe(sent);
  });

  test.each<[keyof Calls, number]>([
    ['/api/rejects', 6 * pipelines.length],
    ['/api/exports', 16],
    ['/api/history', 4 * pipelines.length],
    ['/api/views', 2 * pipelines.length],
    ['/api/endpoints', 0],
  ])('%s sends at most %i statements, and none when it is asked again', async (path, most) => {
    const { source, time } = pageOf();
    const ask = () => (source.calls[path] as (input: object) => Promise<unknown>)({});
    const sent = await counted(ask);
    expect([path, sent]).toEqual([path, Math.min(sent, most)]);
    time.now = 59_000;
    expect(await counted(ask)).toBe(0);
    time.now = 299_000;
    if (path !== '/api/endpoints') expect(await counted(ask)).toBe(0);
  });

  test('charts cost the warehouse nothing, and sum to what the runs have read', async () => {
    const { source } = pageOf();
    await source.snapshot();
    used = [];
    const { charts, times } = await source.calls['/api/series']({ minutes: 24 * 60 });
    expect(statements()).toBe(0);
    const sum = (title: string, name: string) =>
      charts
        .find((chart) => chart.title === title)!
        .lines.find((line) => line.name === name)!
        .values.reduce((total: number, value) => total + (value ?? 0), 0);
    for (const { name } of pipelines) {
      expect([name, sum('Throughput', name)]).toEqual([
        name,
        Number(
          await world.value(
            `select coalesce(sum(events + duplicates + rejects + coalesce(skipped, 0)), 0) from ${name}.runs where source = 'stream'`,
          ),
        ),
      ]);
      expect(sum('Sent to the streams', name)).toBe(world.demo.acceptedRecords(world.demo.streamOf(name)));
    }
    const rejects = charts.find(({ title }) => title === 'Rejects by reason')!;
    expect(rejects.lines.length).toBeGreaterThan(0);
    expect(charts.every(({ lines }) => lines.every(({ values }) => values.length === times.length))).toBe(true);
  });

  test('every view is answered under the printed policy, which has no permission that the page does not use', async () => {
    const { source, ports: own } = pageOf();
    const policy = connectPage(aws.options).policy();
    used = [];
    await source.snapshot();
    const { calls } = source;
    const [id] = (await world.query('select event_id from estore.purchases order by 1 limit 1'))[0]!;
    const { answers } = await calls['/api/why']({ event: id! });
    expect(answers).toMatchObject([{ inEvents: true }]);
    await calls['/api/why']({ event: 'f'.repeat(64), pipeline: 'estore' });
    await calls['/api/rejects']({});
    const { exports } = await calls['/api/exports']({});
    const calendar = exports.find(({ name }) => name === 'estore.hourly_revenue')!;
    const window = calendar.windows.find(({ state }) => state === 'published')!;
    const { files } = await calls['/api/exports/window']({ export: calendar.name, start: window.start, revision: 0 });
    const { body, bytes } = await source.download(files[0]!.key);
    let size = 0;
    for await (const chunk of body) size += (chunk as Buffer).length;
    expect(size).toBe(bytes);
    await calls['/api/history']({});
    await calls['/api/views']({});
    await calls['/api/endpoints']({});
    await calls['/api/series']({ minutes: 60 });
    await calls['/api/runbook']({ heading: 'refresh failed' });
    const long = calls['/api/sql']({
      id: 'long',
      sql: 'select count(*) from estore.events a, estore.events b, estore.events c, estore.events d',
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await calls['/api/sql/cancel']({ id: 'long' });
    expect(await long).toMatchObject({ error: expect.stringMatching(/cancel|abort/i) });
    await expect(own.query('select nosuch')).rejects.toThrow(/nosuch/);
    const allowed = policy.Statement.flatMap(({ Action }) => Action);
    expect([...new Set(used)].filter((action) => !allowed.includes(action))).toEqual([]);
    expect(allowed.filter((action) => !used.includes(action))).toEqual([]);
  });

  test('the console runs a query, refuses what writes before it is sent, and could not write', async () => {
    const { source } = pageOf();
    const sql = (text: string) => source.calls['/api/sql']({ id: 'one', sql: text });
    expect(await sql('select count(*) as events from estore.events')).toMatchObject({
      columns: [{ name: 'events' }],
      rows: [[Number(await world.value('select count(*) from estore.events'))]],
    });
    expect(await sql('select\n  nosuch from estore.events')).toMatchObject({ error: expect.stringMatching(/nosuch/) });
    used = [];
    for (const write of ['delete from estore.events', 'with a as (select 1) delete from estore.events using a'])
      expect(await sql(write)).toMatchObject({ error: expect.stringMatching(/^delete is refused/) });
    expect(statements()).toBe(0);
    // The same transaction without the guard before it.
    const client = new (await import('@aws-sdk/client-redshift-data')).RedshiftDataClient({ ...aws.options.reach });
    const { BatchExecuteStatementCommand, DescribeStatementCommand } = await import('@aws-sdk/client-redshift-data');
    const { kind: _, name: ClusterIdentifier, database: Database, secretArn: SecretArn } = aws.ports.warehouse;
    const { Id } = await client.send(
      new BatchExecuteStatementCommand({
        ClusterIdentifier,
        Database,
        SecretArn,
        Sqls: ['begin read only', 'create table estore.made_by_page (a integer)', 'rollback'],
        ExecutionMode: 'AUTO_COMMIT',
      }),
    );
    const done = await client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: 20 }));
    client.destroy();
    expect(done.SubStatements![1]!.Error).toMatch(/transaction is read-only/);
  });

  test('everything that changes something is refused', async () => {
    const { calls } = pageOf().source;
    const retry = calls['/api/rejects/retry']({ pipeline: 'estore', reason: 'x', apply: true });
    await expect(retry).rejects.toThrow('merging again is refused: the page of an environment in AWS only reads');
    await expect(calls['/api/try']({ kind: 'jump' })).rejects.toThrow(/only reads/);
    const endpoint = calls['/api/endpoints/try']({ endpoint: 'estore.revenue', format: 'json', params: {} });
    await expect(endpoint).rejects.toThrow(/asking an endpoint is refused/);
  });

  test('a part that is denied says so, and the others are shown', async () => {
    const { Statement, ...policy } = connectPage(aws.options).policy();
    const fewer = Statement.map((statement) => ({
      ...statement,
      Action: statement.Action.filter((action) => !/DescribeAlarms|ListBucket/.test(action)),
    })).filter(({ Action }) => Action.length > 0);
    const credentials = roleWith(world, 'page-half', { ...policy, Statement: fewer });
    const reach = { ...aws.options.reach, credentials };
    const { source } = pageOf(connectPage({ ...aws.options, reach }).ports);
    const shown = await source.snapshot();
    expect(shown.problems).toEqual([
      expect.objectContaining({ problem: expect.stringMatching(/^a permission is missing: .*s3:ListBucket/) }),
      expect.objectContaining({ problem: expect.stringMatching(/^a permission is missing: .*DescribeAlarms/) }),
    ]);
    await expect(source.calls['/api/history']({})).rejects.toThrow(
      /a permission is missing: .*s3:ListBucket.*; `npx millrace ui --environment dev --policy` prints all/s,
    );
    expect((await source.calls['/api/views']({})).nodes.length).toBeGreaterThan(0);
  });

  test('credentials that are wrong and a network that is not there are sentences', async () => {
    const { reach, ...rest } = aws.options;
    const wrong = { ...reach, credentials: { accessKeyId: 'AKIAWRONG', secretAccessKey: 'x' } };
    const { source } = pageOf(connectPage({ ...rest, reach: wrong }).ports);
    expect((await source.snapshot()).problems).toEqual([
      {
        part: 'warehouse, alarms, runs, streams',
        problem: expect.stringMatching(/^AWS does not accept the credentials/),
      },
    ]);
    const nowhere = awsPorts({ ...rest, environment, reach: { ...reach, endpoint: 'http://127.0.0.1:9' } }, pipelines);
    const { problems } = await pageOf(nowhere).source.snapshot();
    expect(problems!.map(({ problem }) => problem).join()).toMatch(/nothing answers at 127\.0\.0\.1:9/);
  });

  test('a paused cluster is named, the figures before it stay, and they come back after it', async () => {
    const { source, time } = pageOf();
    const before = await source.snapshot();
    world.runtime.pause!.pause();
    time.now = 300_000;
    await world.merge(3);
    await source.calls['/api/look']({});
    const paused = await source.snapshot();
    expect(paused.warehouse).toBe('paused');
    expect(paused.problems).toEqual([
      { part: 'warehouse', problem: expect.stringMatching(/^the cluster \S+ is paus(?:ed|ing): resume it with/) },
    ]);
    expect(paused.counts).toEqual(before.counts);
    world.runtime.pause!.resume();
    await world.merge(20);
    time.now = 600_000;
    const after = await source.snapshot();
    expect([after.warehouse, after.problems, after.counts.balanced]).toEqual(['available', [], true]);
  });
});
