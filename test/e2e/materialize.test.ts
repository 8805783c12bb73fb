import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { clientsOf } from '../../cli/commands/local/clients';
import { openRuntime } from '../../cli/commands/local/open-runtime';
import { type LocalDependencies, runLocal } from '../../cli/commands/local/run';
import { dev } from '../../environments/dev';
import { createApp, synthesize } from '../../lib/app';
import { EsbuildBundles } from '../../lib/shared/bundles';
import type { Pipeline } from '../../pipelines/definition';
import { generator } from '../../pipelines/estore/generator';
import { pipeline as estore } from '../../pipelines/estore/pipeline';
import { secondTierTest as test } from '../support/tier';

/** `npm start` on an environment with Materialize. */
const folder = mkdtempSync(join(tmpdir(), 'millrace-materialize-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
jest.setTimeout(400_000);

const hourMs = 3_600_000;
/** Before the first events on the stream of a run that begins now. */
const since = `${new Date(Math.floor(Date.now() / hourMs) * hourMs - 6 * hourMs).toISOString().slice(0, 16)}Z`;
const pipeline: Pipeline = {
  ...estore,
  exports: [
    ...estore.exports,
    {
      name: 'live_sales',
      file: 'exports/live_sales.sql',
      query: `select event_id, customer_id, product_id, price, occurred_at from estore.events where action = 'purchase'`,
      engine: 'materialize',
      columns: [
        { name: 'event_id', type: 'text' },
        { name: 'customer_id', type: 'text' },
        { name: 'product_id', type: 'text' },
        { name: 'price', type: 'numeric' },
        { name: 'occurred_at', type: 'timestamp' },
      ],
      content: { kind: 'incremental', timeColumn: 'occurred_at', window: 'hour', latenessMinutes: 15, since },
      format: { kind: 'parquet' },
    },
  ],
};

/** The dev environment with Materialize, whose partner awaits its external id or has it. */
function assemblyTo(outdir: string, externalId: string | undefined): string {
  const bundles = new EsbuildBundles(join(__dirname, '../../lambda'), join(folder, 'lambda'));
  const environment = {
    ...dev,
    materialize: {
      host: 'region.aws.materialize.cloud',
      user: 'exporter@example.com',
      cluster: 'exports',
      connection: 'millrace_exports',
      partner: 'materialize',
    },
    partners: dev.partners.map((partner) =>
      partner.name === 'materialize' && externalId !== undefined
        ? { ...partner, externalId: { kind: 'given' as const, values: [externalId] } }
        : partner,
    ),
  };
  const app = createApp({ environments: [environment], pipelines: [pipeline], bundles, app: { outdir } });
  synthesize(app, [pipeline], () => undefined);
  return outdir;
}

interface Published {
  readonly name: string;
  readonly window: string;
  readonly rows: number;
  readonly files: readonly string[];
}

async function start(externalId?: string) {
  const said = { stdout: '', stderr: '' };
  const output = (stream: 'stdout' | 'stderr') => ({ write: (text: string) => (said[stream] += text) });
  const dependencies: LocalDependencies = {
    pipelines: [pipeline],
    generators: [generator],
    synthesize: async () => assemblyTo(join(folder, `assembly-${externalId ?? 'awaited'}`), externalId),
    open: ({ assemblyDir: _, ...given }) =>
      openRuntime({ ...given, assemblyDir: join(folder, `assembly-${externalId ?? 'awaited'}`) }),
    clients: clientsOf,
  };
  const options = { once: true, json: true, events: 6000, seed: 'materialize', data: join(folder, 'data') };
  const io = { stdout: output('stdout'), stderr: output('stderr'), env: {}, signal: new AbortController().signal };
  const good = await runLocal(options, io, dependencies);
  const { exports } = JSON.parse(said.stdout) as { exports: Published[] };
  return { good, exports, stderr: said.stderr };
}

async function rowsOf(files: readonly string[]): Promise<unknown[][]> {
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  const paths = files.map((file) => `'${file}'`).join(', ');
  const reader = await connection.runAndReadAll(
    `select event_id, customer_id, product_id, price::decimal(12, 2)::varchar, occurred_at::varchar
     from read_parquet([${paths}], hive_partitioning = false) order by event_id`,
  );
  const rows = reader.getRows() as unknown[][];
  database.closeSync();
  return rows;
}

test('an export of Materialize waits for the external id, then publishes what an export of Redshift does', async () => {
  const awaited = await start();
  const isLive = ({ name }: Published) => name === 'estore.live_sales';
  expect(awaited.exports.filter(isLive)).toEqual([]);
  expect(awaited.exports.length).toBeGreaterThan(0);
  const [, externalId] = /the partner materialize trusts nobody yet.*values: \['(mz_[\w-]+_u1)'\]/.exec(
    awaited.stderr,
  )!;

  const { good, exports, stderr } = await start(externalId);
  expect(stderr).not.toContain('trusts nobody yet');
  expect(good).toBe(true);
  const live = exports.filter((item) => isLive(item) && item.rows > 0);
  const windows = new Set(live.map(({ window }) => window));
  const unloaded = exports.filter(({ name, window }) => name === 'estore.purchases' && windows.has(window));
  expect(live.length).toBeGreaterThan(1);
  const rows = await rowsOf(live.flatMap(({ files }) => files));
  expect(rows.length).toBeGreaterThan(20);
  expect(rows).toEqual(await rowsOf(unloaded.flatMap(({ files }) => files)));
});
