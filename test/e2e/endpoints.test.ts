import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis';
import { outsiderPath } from 'aws-local/internal-api';
import { RoleDoor, readSecret } from '../../cli/cloud/partner-access';
import { PartnerEndpoints } from '../../cli/cloud/partner-endpoints';
import { writeRuntimeFile } from '../../cli/commands/runtime-file';
import { dev } from '../../environments/dev';
import type { Environment } from '../../environments/environment';
import { parseKeys, signToken } from '../../lambda/endpoint/token';
import { createApp, synthesize } from '../../lib/app';
import { EsbuildBundles } from '../../lib/shared/bundles';
import { type Runtime, startRuntime } from '../../local/runtime';
import { millrace } from '../cli/io';
import { shopPipeline } from '../lib/fixtures';
import { editedAssembly } from '../support/assembly';
import { secondTierTest } from '../support/tier';

jest.setTimeout(300_000);

const externalId = '0123456789abcdefghij';
const principal = 'arn:aws:iam::111122223333:root';
const environment: Environment = {
  ...dev,
  endpoints: { concurrency: 2 },
  partners: [
    {
      name: 'reader',
      who: { kind: 'aws', principal },
      access: { mode: 'read', exports: [], endpoints: [{ endpoint: 'shop.visits' }] },
      externalId: { kind: 'given', values: [externalId] },
    },
  ],
};

/** The view and the query each say which edition they are. */
const edition = (number: number) =>
  shopPipeline({
    refreshEveryMinutes: 59,
    exports: [],
    views: [
      {
        name: 'hourly_visits',
        file: 'pipelines/shop/views/hourly_visits.sql',
        query: `select date_trunc('hour', happened_at) as hour, count(*) as visits, ${number} as edition from shop.events group by date_trunc('hour', happened_at)`,
      },
    ],
    endpoints: ['visits', 'others'].map((name) => ({
      name,
      file: `pipelines/shop/endpoints/${name}.sql`,
      query: `select hour, visits, edition, ${number} as asked from shop.hourly_visits order by hour limit :limit`,
      params: { limit: { type: 'integer', min: 1, max: 10_000, default: 10 } },
    })),
  });

const folder = mkdtempSync(join(tmpdir(), 'millrace-endpoints-'));
const data = join(folder, 'data');
let runtime: Runtime;
let url: string;

function assembly(number: number): string {
  const bundles = new EsbuildBundles(join(__dirname, '../../lambda'), join(folder, `lambda-${number}`));
  const outdir = join(folder, `assembly-${number}`);
  const pipelines = [edition(number)];
  synthesize(
    createApp({ environments: [environment], pipelines, bundles, app: { outdir } }),
    pipelines,
    () => undefined,
  );
  return outdir;
}

const output = (name: string) => String(runtime.deployment.outputs['millrace-dev-pipelines']![name]);
const reach = () => ({ endpoint: runtime.endpoint, region: runtime.region });
const keys = async () =>
  parseKeys(await readSecret(reach(), runtime.administrator.credentials, output('ApiKeysSecretArn')));

async function token(): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  return signToken({ jti: 't', aud: 'dev', scopes: ['shop.visits'], iat, exp: iat + 600 }, await keys());
}

async function ask(bearer: string, query = ''): Promise<{ status: number; editions?: string }> {
  const answer = await fetch(`${url}/v1/shop/visits.json${query}`, { headers: { authorization: `Bearer ${bearer}` } });
  const text = await answer.text();
  if (answer.status !== 200) return { status: answer.status };
  const [row] = JSON.parse(text).data;
  return { status: 200, editions: `view ${row.edition}, query ${row.asked}` };
}

/** What is answered while something goes on: ten requests a second, of which every third needs a statement. */
async function answersDuring(act: () => Promise<unknown>): Promise<string[]> {
  const bearer = await token();
  const seen: string[] = [];
  let over = false;
  const asking = (async () => {
    for (let turn = 1; !over; turn += 1) {
      const { status, editions } = await ask(bearer, turn % 3 === 0 ? `?limit=${turn}` : '');
      seen.push(editions ?? `status ${status}`);
      await wait(100);
    }
  })();
  try {
    await act();
  } finally {
    await wait(500);
    over = true;
    await asking;
  }
  return seen;
}

/** A route that cannot be created, which comes after the function. */
function withLateFailure(text: string): string {
  if (!text.includes('AWS::ApiGatewayV2::Integration')) return text;
  const template = JSON.parse(text);
  const of = (type: string) =>
    Object.keys(template.Resources).find((id) => template.Resources[id].Type === type && /^Endpoint/.test(id));
  const integration = of('AWS::ApiGatewayV2::Integration')!;
  template.Resources.Late = {
    Type: 'AWS::ApiGatewayV2::Route',
    Properties: {
      ...template.Resources[of('AWS::ApiGatewayV2::Route')!].Properties,
      RouteKey: 'NOWHERE',
    },
    DependsOn: [integration, of('AWS::Lambda::Function')],
  };
  return JSON.stringify(template);
}

beforeAll(async () => {
  runtime = await startRuntime({ assemblyDir: assembly(1), stageName: 'dev', dataDir: data, clock: { rate: 0 } });
  const { endpoint, region, administrator, deployment } = runtime;
  url = output('ApiUrl');
  const client = new KinesisClient({ endpoint, region, credentials: administrator.credentials });
  const Data = Buffer.from(JSON.stringify({ messageId: 'm1', timestamp: '2026-11-21T10:00:00Z' }));
  await client.send(new PutRecordCommand({ StreamName: 'millrace-dev-shop', PartitionKey: 'a', Data }));
  client.destroy();
  writeRuntimeFile(data, {
    pid: process.pid,
    endpoint,
    region,
    credentials: administrator.credentials,
    warehouse: { ClusterIdentifier: 'none', Database: 'none' },
    outputs: deployment.outputs['millrace-dev-data'] as Record<string, string>,
    pipelineOutputs: deployment.outputs['millrace-dev-pipelines'] as Record<string, string>,
  });
  const visits = async () => Number((await runtime.warehouse.query('select count(*) from shop.hourly_visits')).rows[0]);
  for (let steps = 0; steps < 200 && (await visits()) === 0; steps += 1) await runtime.step();
  runtime.clock.setRate(1);
});
afterAll(async () => {
  await runtime?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

secondTierTest(
  'a token of the old key is good after a rotation, new tokens have the new key, and --revoke ends the old one',
  async () => {
    const old = await token();
    expect(await ask(old)).toEqual({ status: 200, editions: 'view 1, query 1' });
    const [first] = Object.keys(await keys());
    const { code, stdout } = await millrace('api', 'rotate-keys', '--json', '--data', data);
    const { added, kept } = JSON.parse(stdout);
    expect([code, kept]).toEqual([0, [first]]);
    const made = await token();
    expect(JSON.parse(Buffer.from(made.split('.')[0]!, 'base64url').toString()).kid).toBe(added);
    expect((await ask(old)).status).toBe(200);
    // A function looks for an unknown key at most every ten seconds.
    for (let tries = 0; tries < 60 && (await ask(made)).status === 401; tries += 1) await wait(500);
    expect((await ask(made)).status).toBe(200);
    expect((await ask(old)).status).toBe(200);
    expect((await millrace('api', 'rotate-keys', '--revoke', '--data', data)).stdout).toContain(
      `removed ${first}, ${added}`,
    );
    const last = await token();
    for (let tries = 0; tries < 60 && (await ask(last)).status === 401; tries += 1) await wait(500);
    expect([(await ask(last)).status, (await ask(old)).status, (await ask(made)).status]).toEqual([200, 401, 401]);
  },
);

test("a partner's role asks the endpoints that it was granted, with a signature, and no others", async () => {
  const answer = await fetch(`${runtime.endpoint}${outsiderPath}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${runtime.controlToken}` },
    body: principal,
  });
  const door = new RoleDoor(reach(), (await answer.json()) as { accessKeyId: string; secretAccessKey: string });
  const { credentials } = await door.open(`arn:aws:iam::${runtime.account}:role/millrace-dev-reader`, externalId);
  door.close();
  const api = new PartnerEndpoints(runtime.region, credentials!);
  const kinds = [
    await api.signed(`${url}/iam/v1/shop/visits.json?limit=3`),
    await api.unsigned(`${url}/iam/v1/shop/visits.json?limit=3`),
    await api.signed(`${url}/iam/v1/shop/others.json`),
    await api.signed(`${url}/v1/shop/visits.json`),
  ].map(({ kind }) => kind);
  expect(kinds).toEqual(['allowed', 'refused', 'refused', 'refused']);
});

test('a deployment that edits a view and its endpoint: each answer is of the old edition or of the new one', async () => {
  const next = assembly(2);
  const seen = await answersDuring(() => runtime.deploy(next));
  expect(new Set(seen)).toEqual(new Set(['view 1, query 1', 'view 2, query 2']));
  expect(seen.at(-1)).toBe('view 2, query 2');
  expect(seen.lastIndexOf('view 1, query 1')).toBeLessThan(seen.indexOf('view 2, query 2'));
});

secondTierTest('a deployment that fails after the function was updated leaves the old edition answering', async () => {
  const next = assembly(3);
  const broken = editedAssembly(next, join(folder, 'broken'), withLateFailure);
  const seen = await answersDuring(() =>
    expect(runtime.deploy(broken)).rejects.toMatchObject({ status: 'UPDATE_ROLLBACK_COMPLETE' }),
  );
  expect(seen.filter((one) => !['view 2, query 2', 'view 3, query 3'].includes(one))).toEqual([]);
  expect(seen.at(-1)).toBe('view 2, query 2');
});
