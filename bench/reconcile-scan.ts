/**
 * Measures time and memory of reconciling a bucket of 1,000,000 keys: list all, write the listing, COPY it, and query
 * the warehouse for missing objects. The keys are entered in the twin's own journal, without bytes, because only a
 * listing reads them. The core of the reconcile function runs in a process of its own with the adapters that it has in
 * AWS, over HTTP. All objects are missing, and it queues 1,000 of them. The listing of 10,000 keys before it queues none,
 * so that no load function works beside the large one. Its largest resident set is compared with that of the small one:
 * flat means that it does not grow with the number of keys.
 */
import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { grouped } from '../cli/terminal';
import { reconcilePlan } from '../sql';
import { type Environment, line, pipeline, withEnvironment } from './environment';
import { print } from './print';
import type { ReconcileTask } from './reconcile-process';

const few = 10_000;

export const reconcileScan = (keys: number) =>
  withEnvironment(async (environment, restart) => {
    enter(environment, 'few', few);
    enter(environment, 'many', keys - few);
    const restarted = await restart();
    const small = await scan(restarted, ['estore/few/*/*.gz'], 1, 0);
    const all = await scan(restarted, ['estore/*/*/*.gz'], 2, 1000);
    const listed = await restarted.number('select count(distinct object_key) from estore.listing');
    if (listed !== keys) throw new Error(`${listed} of ${keys} keys were listed`);
    line(`reconcile of ${grouped(few)} keys`, small.seconds, few, 'keys');
    line(`reconcile of ${grouped(keys)} keys`, all.seconds, keys, 'keys');
    print(
      `largest resident set ${small.megabytes} MB and ${all.megabytes} MB; wanted: flat, and below 12 s and 150 MB for 1,000,000 keys`,
    );
  });

/** Writes keys to the history bucket's journal. The twin reads it when it starts. */
function enter({ runtime, dataDir, output }: Environment, workspace: string, count: number): void {
  const journal = join(dataDir, 's3', output('HistoryBucketName'), '.aws-local', 'journal.jsonl');
  const lastModified = runtime.clock.now() - 86_400_000;
  for (let start = 0; start < count; start += 10_000) {
    const lines: string[] = [];
    for (let i = start; i < Math.min(count, start + 10_000); i += 1) {
      const key = `estore/${workspace}/${1_600_000_000 + Math.floor(i / 1000) * 86_400}/${String(i).padStart(9, '0')}.gz`;
      const etag = `"${i.toString(16).padStart(32, '0')}"`;
      lines.push(
        JSON.stringify({ put: { key, versionId: `v${i}`, size: 1000, etag, lastModified, file: key, headers: {} } }),
      );
    }
    appendFileSync(journal, `${lines.join('\n')}\n`);
  }
}

async function scan(
  environment: Environment,
  globs: readonly string[],
  day: number,
  messages: number,
): Promise<{ seconds: number; megabytes: number }> {
  const { runtime, output, client } = environment;
  const task: ReconcileTask = {
    client,
    plan: { ...reconcilePlan(pipeline), globs },
    historyBucket: output('HistoryBucketName'),
    workBucket: output('WorkBucketName'),
    loadRoleArn: String(runtime.find('Data/WarehouseRoles/Load').attributes['Arn']),
    backlogUrl: String(
      runtime.ofType('AWS::SQS::Queue').find(({ path = '' }) => /backlog/i.test(path) && !/dead/i.test(path))!.ref,
    ),
    warehouse: {
      kind: 'provisioned',
      name: output('WarehouseName'),
      database: output('DatabaseName'),
      secretArn: environment.secretOf('Reconcile'),
    },
    // A run is named after its time. The first one of a day is a full pass.
    now: runtime.clock.now() + day * 86_400_000,
    messages,
  };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['-r', 'tsx/cjs', join(__dirname, 'reconcile-process.ts'), JSON.stringify(task)],
    { maxBuffer: 2 ** 26, cwd: join(__dirname, '..') },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}
