import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { dev } from '../../environments/dev';
import { createApp, synthesize } from '../../lib/app';
import { EsbuildBundles } from '../../lib/shared/bundles';
import { type Runtime, startRuntime } from '../../local/runtime';
import type { Pipeline } from '../../pipelines/definition';
import { secondTierTest as test } from '../support/tier';
import { attributesOf, twentyPipelines, widePipeline } from '../support/wide';

jest.setTimeout(1_800_000);

const folder = mkdtempSync(join(tmpdir(), 'millrace-wide-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The dev environment with these pipelines in place of its own. */
function assemblyOf(name: string, pipelines: readonly Pipeline[]): string {
  const bundles = new EsbuildBundles(join(__dirname, '../../lambda'), join(folder, `${name}-lambda`));
  const outdir = join(folder, name);
  const environment = { ...dev, partners: [], exportNotifications: [] };
  const app = createApp({ environments: [environment], pipelines, bundles, app: { outdir } });
  synthesize(app, pipelines, () => undefined);
  return outdir;
}

async function send(runtime: Runtime, pipeline: Pipeline, count: number): Promise<void> {
  const { endpoint, region, administrator } = runtime;
  const client = new KinesisClient({ endpoint, region, credentials: administrator.credentials });
  const attributes = pipeline.columns.length - 2;
  await client.send(
    new PutRecordsCommand({
      StreamName: `millrace-dev-${pipeline.name.replaceAll('_', '-')}`,
      Records: Array.from({ length: count }, (_, i) => ({
        PartitionKey: 'key',
        Data: Buffer.from(
          JSON.stringify({
            messageId: `m${i}`,
            timestamp: '2026-11-21T10:00:00Z',
            attributes: attributesOf(attributes, i),
          }),
        ),
      })),
    }),
  );
  client.destroy();
}

async function settled(runtime: Runtime, name: string, events: number): Promise<void> {
  const count = async () => {
    const { rows } = await runtime.warehouse.query(`select coalesce(sum(events), 0) from ${name}.hourly`);
    return Number(rows[0]![0]);
  };
  for (let steps = 0; steps < 500 && (await count()) !== events; steps += 1) await runtime.step();
  expect(await count()).toBe(events);
}

const start = (assemblyDir: string, data: string) =>
  startRuntime({
    assemblyDir,
    stageName: 'dev',
    dataDir: join(folder, data),
    clock: { start: Date.UTC(2026, 10, 21, 9), rate: 0 },
  });

test('a pipeline of 200 columns is deployed and merges what arrives', async () => {
  const pipeline = widePipeline('wide', 200);
  const runtime = await start(assemblyOf('one', [pipeline]), 'one-data');
  try {
    await send(runtime, pipeline, 20);
    await settled(runtime, 'wide', 20);
    const { rows } = await runtime.warehouse.query(
      'select count(*), count(attribute_1), count(attribute_198), sum(attribute_3) from wide.events',
    );
    expect(rows[0]!.map(Number)).toEqual([20, 20, 20, 190]);
  } finally {
    await runtime.dispose();
  }
});

test('twenty pipelines of 30 columns are deployed in four stacks, and merge what arrives', async () => {
  const pipelines = twentyPipelines();
  const runtime = await start(assemblyOf('twenty', pipelines), 'twenty-data');
  try {
    expect(Object.keys(runtime.deployment.statuses)).toHaveLength(5);
    for (const pipeline of [pipelines[0]!, pipelines[19]!]) {
      await send(runtime, pipeline, 10);
      await settled(runtime, pipeline.name, 10);
    }
  } finally {
    await runtime.dispose();
  }
});
