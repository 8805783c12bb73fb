import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRuntimeFile } from '../../cli/commands/runtime-file';
import type { Plan } from '../../cli/plan/plan';
import { type Runtime, startRuntime } from '../../local/runtime';
import { millrace } from '../cli/io';
import { editedAssembly } from '../support/assembly';
import { secondTierTest as test } from '../support/tier';
import { devAssembly } from './image';

const folder = mkdtempSync(join(tmpdir(), 'millrace-unchanged-'));
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

/** Deploys, lets somebody act, and goes off again. */
async function deploy(assembly: string, act: (runtime: Runtime) => Promise<void> = async () => {}): Promise<Deployed> {
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
    await act(runtime);
    return {
      statements,
      registry: Object.fromEntries(registry.map(([kind, name, version]) => [`${kind} ${name}`, version!])),
      views: (await rows('select trim(name) as name from svv_mv_info order by name')).flat(),
    };
  } finally {
    await runtime.dispose();
  }
}

test('an unchanged tree runs no statement, and one that only reads differently none but reads and records', async () => {
  const assemblyDir = await devAssembly();
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
  const second = await deploy(rewritten, planned);
  expect(new Set(second.statements)).toEqual(new Set(['recorded', 'presence', 'record-0']));
  expect(second).toEqual({ ...first, statements: second.statements });
});

async function plan(): Promise<{ code: number; plan: Plan }> {
  const { code, stdout, stderr } = await millrace('plan', '--json', '--data', dataDir);
  if (stdout === '') throw new Error(stderr);
  return { code, plan: JSON.parse(stdout) as Plan };
}

/** The plan finds nothing to do, and then what was changed by hand. */
async function planned(runtime: Runtime): Promise<void> {
  const { endpoint, region } = runtime;
  const { credentials } = runtime.administrator;
  const outputs = runtime.deployment.outputs['millrace-dev-data']!;
  const [ClusterIdentifier, Database, SecretArn] = ['WarehouseName', 'DatabaseName', 'OwnerSecretArn'].map((name) =>
    String(outputs[name]),
  ) as [string, string, string];
  const warehouse = { ClusterIdentifier, Database, SecretArn };
  const pipelineOutputs = runtime.deployment.outputs['millrace-dev-pipelines']!;
  writeRuntimeFile(dataDir, { pid: process.pid, endpoint, region, credentials, warehouse, outputs, pipelineOutputs });
  const before = await plan();
  expect(before).toMatchObject({ code: 0, plan: { environment: 'dev', steps: [], problems: [] } });
  expect(before.plan.comparedWith).toBe(`the registry of the local runtime over ${dataDir}`);

  for (const sql of ['drop view estore.carts', 'create table estore.scratch (a bigint)'])
    await millrace('sql', sql, '--data', dataDir);
  const after = await plan();
  expect(after.code).toBe(4);
  expect(after.plan.problems.map(({ object, stops }) => [object, stops])).toEqual([
    ['view estore.carts', true],
    ['estore.scratch', false],
  ]);
  rmSync(join(dataDir, 'runtime.json'));
  const offline = await plan();
  expect(offline).toMatchObject({ code: 0, plan: { steps: [], problems: [] } });
  expect(offline.plan.comparedWith).toMatch(/whose runtime does not run$/);
}
