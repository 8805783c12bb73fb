import { s3Buckets, sqsQueues } from '../../cli/cloud/sdk';
import { backfill } from '../../cli/commands/backfill';
import type { Context } from '../../cli/commands/context';
import { previewRetry, type RetryResult, retryRejects } from '../../cli/commands/rejects/retry';
import { markRuns } from '../../cli/forget/marks';
import { sweepExports } from '../../cli/forget/sweep-exports';
import { Progress } from '../../cli/progress';
import { styleFor } from '../../cli/terminal';
import { forgetKeys } from '../../lambda/shared/forget-keys';
import type { Pipeline } from '../../pipelines/definition';
import { buckets, type Cloud, environment, forgetSecret } from './cloud';
import { clientsOf, queueUrl } from './functions';
import type { Calls, Outcome } from './invocation';

const timeoutMs = 3_600_000;

/** Runs `npx millrace backfill --from archive --apply` as an invocation, which may be killed and waits on the clock. */
export function backfillFromArchive(cloud: Cloud, pipeline: Pipeline): Promise<unknown> {
  const start = (calls: Calls) => () => backfill(workOf(cloud, calls), pipeline, { from: 'archive', apply: true });
  return cloud.invocations.run('backfill', { timeoutMs, start }, undefined);
}

/** Runs `npx millrace rejects --retry`, with `--apply` or without. */
export async function retryOf(cloud: Cloud, pipeline: Pipeline, apply: boolean): Promise<RetryResult> {
  let result: RetryResult | undefined;
  const start = (calls: Calls) => async () => {
    result = await (apply ? retryRejects : previewRetry)(workOf(cloud, calls), pipeline, {});
  };
  await cloud.invocations.run('retry', { timeoutMs, start }, undefined);
  return result!;
}

/** Deletes the files of exports that corrections have replaced, as `npx millrace forget --apply` does. */
export function sweepExportsOf(cloud: Cloud, pipeline: Pipeline): Promise<Outcome> {
  const start = (calls: Calls) => async () => {
    const work = workOf(cloud, calls);
    const markedAt = Math.min(...(await markRuns(work, pipeline)).map((run) => run.markedAt));
    await sweepExports(work, pipeline, { markedAt, erasedAt: markedAt }, undefined);
  };
  return cloud.invocations.run('forget', { timeoutMs, start }, undefined);
}

/** Makes the context of a command that calls no stream. */
function workOf(cloud: Cloud, calls: Calls): Context {
  const { warehouse, s3, sqs } = clientsOf(cloud, 'operator', calls);
  const silent = { write: () => undefined };
  const style = styleFor(silent, {});
  return {
    cloud: {
      names: {
        environment,
        historyBucket: buckets.history,
        archiveBucket: buckets.archive,
        exportsBucket: buckets.exports,
        workBucket: buckets.work,
        forgetSecretArn: () => 'forget-secret',
        fullExportRoleArn: '',
        stream: () => '',
        queues: () => ({
          history: queueUrl('queue'),
          backlog: queueUrl('backlog'),
          deadLetters: queueUrl('letters'),
        }),
      },
      buckets: s3Buckets(s3),
      queues: sqsQueues(sqs, calls.sleep),
      streams: {
        identity: async (stream) => stream,
        shards: notAsked,
        records: notAsked,
        record: notAsked,
      },
      warehouse,
      forgetKeys: async (pipeline) => forgetKeys(forgetSecret, pipeline),
      close: () => undefined,
    },
    stdout: silent,
    progress: new Progress(silent, style, { now: () => 0 }),
    style,
    json: true,
    remainingMs: calls.remainingMs,
    sleep: calls.sleep,
  };
}

function notAsked(): never {
  throw new Error('these commands do not ask the stream');
}
