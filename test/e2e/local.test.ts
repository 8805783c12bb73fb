import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Template } from 'aws-cdk-lib/assertions';
import { generators } from '../../cli/commands/generators';
import { clientsOf } from '../../cli/commands/local/clients';
import { openRuntime } from '../../cli/commands/local/open-runtime';
import { type LocalDependencies, runLocal } from '../../cli/commands/local/run';
import { parseKeys, signToken } from '../../lambda/endpoint/token';
import { type Runtime, startRuntime } from '../../local/runtime';
import { pipelines } from '../../pipelines';
import { dashboardsOf, metricsOf } from '../support/dashboard';
import { devAssembly } from './image';

const dataDir = mkdtempSync(join(tmpdir(), 'millrace-e2e-'));
const assemblyDir = join(dataDir, 'cdk.out');
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));
jest.setTimeout(180_000);

interface Result {
  produced: number;
  events: number;
  duplicates: number;
  rejects: number;
  skipped: number;
  pending: number;
  views: Record<string, number>;
  exports: { name: string; window: string; rows: number; files: string[]; format: string }[];
  oracle: { known: boolean; agrees: boolean; differences: string[] };
}

/** The metrics that each run's functions wrote. */
const published: Runtime['metrics'][] = [];

/** Runs the demo to its end over the shared folder. */
async function demo(events: number) {
  const said = { stdout: '', stderr: '' };
  const output = (stream: 'stdout' | 'stderr') => ({ write: (text: string) => (said[stream] += text) });
  const dependencies: LocalDependencies = {
    pipelines,
    generators: generators(),
    async synthesize(folder) {
      cpSync(await devAssembly(), folder, { recursive: true });
      return folder;
    },
    open: (given) => openRuntime(given, { onStarted: ({ metrics }) => published.push(metrics) }),
    clients: clientsOf,
  };
  const options = { once: true, json: true, events, seed: 'e2e', data: dataDir };
  const io = { stdout: output('stdout'), stderr: output('stderr'), env: {}, signal: new AbortController().signal };
  const good = await runLocal(options, io, dependencies);
  const lines = said.stdout.trimEnd().split('\n');
  return { good, lines, result: JSON.parse(lines[0]!) as Result, stderr: said.stderr };
}

/** Metrics of the dashboard that a run does not write in which nothing fails and nobody was forgotten. */
const unwritten = ['ParkedObjects', 'ExportFailed', 'LateRows', 'MergedForgotten'];

/** Fails unless the functions wrote the metrics of the dashboard, with the dimensions by which it shows them. */
function expectShownMetrics(pipeline: string): void {
  const file = readdirSync(assemblyDir, { recursive: true, encoding: 'utf8' }).find((name) =>
    /pipelines[^/]*\.template\.json$/i.test(name),
  )!;
  const [dashboard] = dashboardsOf(Template.fromJSON(JSON.parse(readFileSync(join(assemblyDir, file), 'utf8'))));
  const shown = metricsOf(dashboard!).filter(({ dimensions }) => dimensions['Pipeline'] === pipeline);
  const missing = shown.filter(
    ({ namespace, name, dimensions }) =>
      !unwritten.includes(name) &&
      !published
        .flatMap((metrics) => metrics.find(namespace, name))
        .some((value) => isDeepStrictEqual(value.dimensions, dimensions)),
  );
  expect(missing).toEqual([]);
}

test('every record of the dev environment is accounted for, as the generator knows it, and a restart goes on', async () => {
  const first = await demo(1500);
  expect(first.result.oracle).toEqual({ known: true, agrees: true, differences: [] });
  expect(first.good).toBe(true);
  expect(first.lines).toHaveLength(1);
  const { produced, events, duplicates, rejects, skipped, pending, views, exports } = first.result;
  expect(produced).toBe(events + duplicates + rejects + skipped + pending);
  expect({ events, pending }).toEqual({ events: 1500, pending: 0 });
  for (const term of [duplicates, rejects]) expect(term).toBeGreaterThan(0);
  expect(Object.keys(views)).toEqual(
    expect.arrayContaining(['estore.hourly_revenue', 'estore.revenue_by_product', 'pageviews.hourly_pages']),
  );
  for (const format of ['parquet', 'csv']) expect(exports.some((item) => item.format === format)).toBe(true);
  for (const { files } of exports) for (const file of files) expect(readFileSync(file).length).toBeGreaterThan(0);

  const second = await demo(500);
  expect(second.result.oracle).toEqual({ known: true, agrees: true, differences: [] });
  expect(second.result.events).toBe(2000);
  const windows = (result: Result) => result.exports.map((item) => `${item.name} ${item.window} ${item.files.join()}`);
  expect(windows(second.result)).toEqual(expect.arrayContaining(windows(first.result)));
});

test('an endpoint answers what its query answers, and the functions wrote the metrics of the dashboard', async () => {
  const runtime = await startRuntime({ assemblyDir, stageName: 'dev', dataDir, clock: { rate: 0 } });
  try {
    published.push(runtime.metrics);
    const { ApiUrl, ApiKeysSecretArn } = runtime.deployment.outputs['millrace-dev-pipelines']!;
    const keys = parseKeys(
      await runtime.secrets.getSecretString(runtime.administrator.principal, String(ApiKeysSecretArn)),
    );
    // Functions have the clock of the machine.
    const iat = Math.floor(Date.now() / 1000);
    const token = signToken({ jti: 'e2e', aud: 'dev', scopes: ['estore.revenue'], iat, exp: iat + 60 }, keys);
    const ask = (path: string, authorization?: string) =>
      fetch(`${String(ApiUrl)}${path}`, { headers: authorization === undefined ? {} : { authorization } });
    const answer = await ask('/v1/estore/revenue.json?limit=1000', `Bearer ${token}`);
    expect(answer.status).toBe(200);
    const { data, rows, truncated, freshness } = (await answer.json()) as Record<string, unknown>;
    const held = await runtime.warehouse.query(
      'select hour, purchases, revenue from estore.hourly_revenue order by hour desc',
    );
    const texts = held.rows.map(([hour, purchases, revenue]) => ({
      hour: `${String(hour).slice(0, 19).replace(' ', 'T')}Z`,
      purchases: String(purchases),
      revenue: String(revenue),
    }));
    expect({ data, rows, truncated }).toEqual({ data: texts, rows: texts.length, truncated: false });
    expect(freshness).toMatchObject({ run: expect.any(String), refreshedAt: expect.any(String) });
    expect((await ask('/v1/estore/revenue.json')).status).toBe(401);
    expect((await ask('/v1/estore/top_products.json', `Bearer ${token}`)).status).toBe(403);
    expectShownMetrics('estore');
  } finally {
    await runtime.dispose();
  }
});

test('a partner’s role opens with its external id only, and only to its own exports', async () => {
  const runtime = await startRuntime({ assemblyDir, stageName: 'dev', dataDir, clock: { rate: 0 } });
  try {
    const role = runtime.find('PartnerAnalytics/Access/Role').attributes['Arn'] as string;
    const secret = runtime.find('PartnerAnalytics/Access/ExternalId').ref;
    const id = await runtime.secrets.getSecretString(runtime.administrator.principal, secret);
    const partner = runtime.iam.outsider('arn:aws:iam::111122223333:root').principal;
    const open = (externalId?: string) =>
      runtime.iam.sts.assumeRole(partner, { roleArn: role, sessionName: 'e2e', externalId });
    expect(() => open()).toThrow(/not authorized/);
    expect(() => open(`${id}x`)).toThrow(/not authorized/);

    const { principal } = open(id);
    const outputs = runtime.deployment.outputs['millrace-dev-data']!;
    const exportBucket = String(outputs['ExportsBucketName']);
    const published = await runtime.s3.list(principal, exportBucket, 'exports/estore/purchases/');
    expect(published.length).toBeGreaterThan(0);
    expect((await runtime.s3.get(principal, exportBucket, published[0]!.key)).length).toBeGreaterThan(0);
    await expect(runtime.s3.list(principal, exportBucket, 'exports/')).rejects.toThrow(/not authorized/);
    await expect(runtime.s3.list(principal, String(outputs['HistoryBucketName']), 'estore/')).rejects.toThrow(
      /not authorized/,
    );
    await expect(runtime.s3.put(principal, exportBucket, published[0]!.key, Buffer.from('x'))).rejects.toThrow(
      /not authorized/,
    );
  } finally {
    await runtime.dispose();
  }
});
