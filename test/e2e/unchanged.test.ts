import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../../bin/commands/local/synth';
import { startRuntime } from '../../local/runtime';
import { editedAssembly } from '../support/assembly';

const folder = mkdtempSync(join(tmpdir(), 'millrace-unchanged-'));
const assemblyDir = join(folder, 'cdk.out');
const dataDir = join(folder, 'data');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
jest.setTimeout(180_000);

interface Deployed {
  /** Last part of the name of every statement that the deployment submitted. */
  readonly statements: readonly string[];
  /** By kind and name. */
  readonly registry: Readonly<Record<string, string>>;
  readonly views: readonly string[];
}

/** Deploys and goes off again. */
async function deploy(assembly: string): Promise<Deployed> {
  const statements: string[] = [];
  const runtime = await startRuntime({
    assemblyDir: assembly,
    stageName: 'dev',
    dataDir,
    clock: { rate: 0 },
    faults: {
      delivery: () => undefined,
      call: () => undefined,
      statement: (name) => {
        if (name.startsWith('millrace/dev/deploy/')) statements.push(name.split('/').at(-1)!);
        return undefined;
      },
    },
  });
  try {
    const rows = async (sql: string) => (await runtime.warehouse.query(sql)).rows.map((row) => row.map(String));
    const registry = await rows('select kind, name, version from millrace.objects order by kind, name');
    return {
      statements,
      registry: Object.fromEntries(registry.map(([kind, name, version]) => [`${kind} ${name}`, version!])),
      views: (await rows('select name from svv_mv_info order by name')).flat(),
    };
  } finally {
    await runtime.dispose();
  }
}

test('an unchanged tree runs no statement, and one that only reads differently none but reads and records', async () => {
  await synthesize(assemblyDir, new AbortController().signal);
  const first = await deploy(assemblyDir);
  expect(first.statements.filter((name) => name === 'record-0').length).toBeGreaterThan(30);
  expect(Object.keys(first.registry)).toEqual(
    expect.arrayContaining(['table millrace.objects', 'pipeline estore', 'public-view estore.hourly_views']),
  );
  expect(first.registry).not.toHaveProperty(['owner millrace_owner']);

  expect(await deploy(assemblyDir)).toEqual({ ...first, statements: [] });

  const rewritten = editedAssembly(assemblyDir, join(folder, 'rewritten'), (text) =>
    text
      .replaceAll('drop materialized view if exists', 'drop  materialized view if exists')
      .replaceAll('create materialized view', 'CREATE /* filled at once */ MATERIALIZED VIEW')
      .replaceAll('Submits the statements of a warehouse object', 'Brings a warehouse object about'),
  );
  const second = await deploy(rewritten);
  expect(new Set(second.statements)).toEqual(new Set(['recorded', 'presence', 'record-0']));
  expect(second).toEqual({ ...first, statements: second.statements });
});
