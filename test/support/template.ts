import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalWarehouse } from 'redshift-local';
import { asksForKeys, forgetKeys, parametersOf } from '../../lambda/shared/forget-keys';
import type { Step } from '../../lambda/shared/plan';
import { asked, renderAll } from '../../lambda/shared/statement';
import type { FaultSource } from '../../local/faults';
import type { Pipeline } from '../../pipelines/definition';
import { ownerObject, registryObject, warehouseObjects } from '../../sql';
import {
  admin,
  cluster,
  createCloud,
  database,
  environment,
  forgetSecret,
  outsider,
  owner,
  roles,
  userPassword,
} from './cloud';
import { memoryFolder } from './memory';
import { isTestRun, once } from './once';
import { longRetentionHours } from './pipeline';
import { withUsers } from './users';

export interface Template {
  readonly pipeline: Pipeline;
  readonly streamName: string;
  readonly databaseFile: string;
  readonly startMs: number;
  remove(): void;
}

/**
 * Makes a warehouse file that has all objects of the pipeline, for tests to copy. All suites of a test run share one
 * file, which is deleted with the run.
 */
export async function templateOf(pipeline: Pipeline, startMs: number): Promise<Template> {
  const streamName = streamOf(pipeline);
  const template = (folder: string, remove: () => void) => ({
    pipeline,
    streamName,
    databaseFile: join(folder, databaseName),
    startMs,
    remove,
  });
  if (isTestRun()) {
    const key = createHash('sha256')
      .update(JSON.stringify([pipeline, startMs]))
      .digest('hex');
    const shared = await once(`template-${pipeline.name}-${key.slice(0, 16)}`, (made) => make(made, pipeline, startMs));
    return template(shared, () => undefined);
  }
  const folder = mkdtempSync(join(memoryFolder() ?? tmpdir(), 'millrace-template-'));
  await make(folder, pipeline, startMs);
  return template(folder, () => rmSync(folder, { recursive: true, force: true }));
}

const databaseName = 'warehouse.duckdb';
const streamOf = ({ name }: Pipeline) => `millrace-${environment}-${name}`;

async function make(folder: string, pipeline: Pipeline, startMs: number): Promise<void> {
  const streamName = streamOf(pipeline);
  const nothing: FaultSource = { delivery: () => undefined, statement: () => undefined, call: () => undefined };
  mkdirSync(folder, { recursive: true });
  const cloud = await createCloud({
    startMs,
    streamName,
    shards: 1,
    retentionHours: longRetentionHours,
    faults: nothing,
    killNext: () => undefined,
    handlers: () => ({}),
  });
  try {
    const objects = [
      ownerObject(database),
      registryObject(),
      ...withUsers(pipeline, warehouseObjects(pipeline, { streamName, streamRoleArn: roles.stream, database })),
    ];
    for (const { properties } of objects)
      for (const step of JSON.parse(properties.create) as Step[])
        await runStep(cloud.warehouse, step, properties.identity === 'admin' ? admin.name : owner.name);
  } finally {
    await cloud.dispose((file) => copyFileSync(file, join(folder, databaseName)));
  }
}

/** Runs a step's statements as a deployment does. */
export async function runStep(warehouse: LocalWarehouse, { mode, statements }: Step, user: string): Promise<void> {
  const values = asked(statements, { owner_password: owner.password, user_password: userPassword, run_id: 'deploy' });
  const Sqls = renderAll(statements, values);
  const keys = parametersOf(forgetKeys(forgetSecret, 'shop'));
  const Parameters = Object.entries(keys).map(([name, value]) => ({ name, value }));
  const { Id } = (await warehouse.operations['BatchExecuteStatement']!(
    {
      ClusterIdentifier: cluster,
      Database: database,
      SecretArn: user,
      Sqls,
      ...(asksForKeys(Sqls) && { Parameters }),
      ExecutionMode: mode === 'transaction' ? 'TRANSACTION' : 'AUTO_COMMIT',
      WaitTimeSeconds: 30,
    },
    outsider,
  )) as { Id: string };
  const ended = (await warehouse.operations['DescribeStatement']!({ Id }, outsider)) as {
    Status: string;
    Error?: string;
  };
  if (ended.Status !== 'FINISHED') throw new Error(`${ended.Status}: ${ended.Error}: ${statements.join(';\n')}`);
}
