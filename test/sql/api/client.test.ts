import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { typeScriptClient } from '../../../sql';
import { bearer, fakeEndpoints, settled } from '../../lambda/endpoint/host';
import { items } from './items';

const source = typeScriptClient(items, 'dev');

/** The faults of a program that uses the client, as TypeScript's strict mode finds them. */
function faultsOf(program: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'client-'));
  try {
    writeFileSync(join(folder, 'client.ts'), source);
    writeFileSync(join(folder, 'program.ts'), `import { createClient, ApiError } from './client';\n${program}`);
    const tsc = join(__dirname, '../../../node_modules/.bin/tsc');
    const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
    const libraries = [
      '--lib',
      'es2022,dom',
      '--target',
      'es2022',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
    ];
    execFileSync(tsc, [...options, ...libraries, '--types', '', 'program.ts'], { cwd: folder, stdio: 'pipe' });
    return [];
  } catch (error) {
    const { stdout } = error as { stdout: Buffer };
    return stdout.toString().trim().split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the client compiles, and types parameters and rows', () => {
  const program = `
    const { estore, pageviews } = createClient({ url: 'https://api', token: async () => 't' });
    export async function use() {
      const revenue = await estore.revenue({ since: new Date(), limit: 10 });
      const sales: string | null | undefined = revenue.data[0]?.sales;
      const everything = await estore.everything({ seen: 12n, action: 'view', paid: false });
      const name: string | null | undefined = everything.data[0]?.['odd name'];
      const pages = await pageviews.pages();
      if (pages.truncated) throw new ApiError(500, {}, undefined);
      return [sales, name, revenue.freshness.run];
    }`;
  expect(faultsOf(program)).toEqual([]);
});

test.each([
  ['a missing parameter', 'estore.revenue({ limit: 1 })'],
  ['an unknown parameter', "estore.revenue({ since: 'x', price: 1 })"],
  ['a value that is not allowed', "estore.everything({ seen: 1n, action: 'buy' })"],
  ['the tenant', "estore.everything({ seen: 1n, customer_id: 'c7' })"],
  ['an unknown endpoint', 'estore.nothing()'],
])('the client refuses %s when it is compiled', (_, call) => {
  const faults = faultsOf(`const { estore } = createClient({ url: '', token: '' });\nexport const asked = ${call};`);
  expect(faults.some((fault) => fault.startsWith('program.ts'))).toBe(true);
});

describe('the client', () => {
  interface Answer {
    readonly data: readonly Readonly<Record<string, unknown>>[];
    readonly freshness: Readonly<Record<string, unknown>>;
  }
  interface Generated {
    createClient(options: object): Record<'estore' | 'pageviews', Record<string, (params?: object) => Promise<Answer>>>;
    readonly ApiError: new () => Error;
  }

  const load = (): Generated => {
    const { code } = transformSync(source, { loader: 'ts', format: 'cjs', target: 'node20' });
    const module = { exports: {} as Generated };
    new Function('module', 'exports', code)(module, module.exports);
    return module.exports;
  };

  /** The client in front of the real function. */
  function connect(options: Record<string, unknown> = {}) {
    const { world, get } = fakeEndpoints({ items: [...items] });
    const asked: string[] = [];
    const pauses: number[] = [];
    const fetch = async (address: string, { headers }: { headers: Record<string, string> }) => {
      asked.push(address);
      const answer = await get(address.replace('https://api', ''), { headers });
      const { statusCode: status, headers: sent, body } = answer;
      return new Response(status === 304 ? null : body, { status, headers: sent });
    };
    const sleep = async (ms: number) => {
      pauses.push(ms);
      world.nowMs += ms;
    };
    const { createClient, ApiError } = load();
    const token = bearer({ scopes: ['estore.*', 'pageviews.*'], rps: 2 }).authorization.slice('Bearer '.length);
    const client = createClient({ url: 'https://api/', token, fetch, sleep, ...options });
    return { world, client, ApiError, asked, pauses };
  }

  test('asks with a token and typed parameters', async () => {
    const { client, asked } = connect();
    const answer = await client.estore['revenue']!({ since: new Date('2026-11-21T00:00:00Z'), customer_id: 'ä&b' });
    expect(answer.data[0]!['sales']).toBe('9007199254740993');
    expect(asked).toEqual([
      'https://api/v1/estore/revenue.json?since=2026-11-21T00%3A00%3A00.000Z&customer_id=%C3%A4%26b',
    ]);
  });

  test('gives its own copy after 304, with the newest time of completeness', async () => {
    const { client, world } = connect();
    world.freshness = settled();
    const first = await client.estore['revenue']!({ since: '2026-11-21' });
    world.freshness = settled('20261121T0955Z', {
      done: { ...settled().done!, completeUntil: '2026-11-21T10:10:00.000Z' },
    });
    const second = await client.estore['revenue']!({ since: '2026-11-21' });
    expect(second.data).toBe(first.data);
    expect(second.freshness['completeUntil']).toBe('2026-11-21T10:10:00.000Z');
    expect(world.metrics.map(({ status }) => status)).toEqual([200, 304]);
  });

  test('waits after 429 as long as it is told', async () => {
    const { client, pauses } = connect();
    for (const limit of [1, 2, 3]) await client.estore['revenue']!({ since: '2026-11-21', limit });
    expect(pauses).toEqual([1000]);
  });

  test('throws an error with the problem', async () => {
    const { client, ApiError } = connect({ retries: 0 });
    const error = await client.estore['revenue']!({ since: 'x' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 400, problem: { violations: [{ param: 'since' }] } });
    await client.pageviews['pages']!();
    await expect(client.pageviews['pages']!()).rejects.toMatchObject({ status: 429, retryAfterSeconds: 1 });
  });

  test('does not wait longer than it may', async () => {
    const { client, world, pauses } = connect();
    world.outcome = () => ({ status: 'FAILED', warehouse: { kind: 'paused', status: 'paused' } });
    await expect(client.pageviews['pages']!()).rejects.toMatchObject({ status: 503, retryAfterSeconds: 300 });
    expect(pauses).toEqual([]);
  });
});
