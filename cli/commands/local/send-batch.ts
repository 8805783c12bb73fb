import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import {
  type Generation,
  type GeneratorOptions,
  HOUR_MS,
  type PipelineGenerator,
} from '../../../pipelines/generator/generator';
import { feedStream } from '../feed';
import { type BatchesFile, withBatch } from './batches';
import type { DemoRuntime } from './demo-runtime';

export interface Clients {
  readonly kinesis: Pick<KinesisClient, 'send'>;
  readonly s3: Pick<S3Client, 'send'>;
}

export interface Batch {
  readonly seed: string;
  readonly events: number;
  /** False leaves out history, late events and the overlap: only a trickle of current events. */
  readonly withHistory: boolean;
  /** Shares of odd records. @default - the generator's */
  readonly shape?: Pick<GeneratorOptions, 'malformed' | 'duplicates' | 'overlap'>;
}

export interface Sent {
  readonly file: BatchesFile;
  readonly records: number;
  readonly rows: number;
  readonly objects: number;
}

/**
 * Puts one batch of every pipeline onto its stream and into the history bucket. Returns what is then known of the data
 * folder.
 */
export async function sendBatch(
  runtime: DemoRuntime,
  clients: Clients,
  generators: readonly PipelineGenerator[],
  file: BatchesFile,
  batch: Batch,
  hooks: { readonly signal: AbortSignal; readonly onProgress?: (records: number) => void },
): Promise<Sent> {
  const weights = generators.reduce((total, generator) => total + generator.weight, 0);
  const sent: Record<string, Generation> = {};
  let left = batch.events;
  const result = { records: 0, rows: 0, objects: 0 };
  for (const [index, generator] of generators.entries()) {
    const last = index === generators.length - 1;
    const events = last ? left : Math.floor((batch.events * generator.weight) / weights);
    left -= events;
    const generation = generator.generate({
      seed: batch.seed,
      events,
      ...timing(runtime.now(), file, generator.pipeline),
      ...extras(file, batch),
      ...batch.shape,
    });
    sent[generator.pipeline] = generation;
    for (const object of generation.history()) {
      hooks.signal.throwIfAborted();
      await clients.s3.send(
        new PutObjectCommand({
          Bucket: runtime.historyBucket,
          Key: object.key,
          Body: object.body,
          ContentType: 'application/gzip',
        }),
      );
      result.rows += object.rows;
      result.objects++;
    }
    const before = result.records;
    const fed = await feedStream(clients.kinesis, runtime.streamOf(generator.pipeline), generation.stream(), {
      signal: hooks.signal,
      onProgress: (accepted) => hooks.onProgress?.(before + accepted),
    });
    result.records += fed.accepted;
  }
  return {
    ...result,
    file: { ...file, batches: file.batches + 1, complete: file.complete, pipelines: withBatch(file, sent) },
  };
}

/**
 * The first batch ends at the last full hour, so that no export waits for the current hour. A later batch begins at the
 * clock's time when the batch before was done. So windows that were published by then get no more events.
 */
function timing(
  now: number,
  file: BatchesFile,
  pipeline: string,
): { start: number; notBefore?: number; batch: number } {
  const known = file.pipelines[pipeline];
  const fullHour = Math.floor(now / HOUR_MS) * HOUR_MS;
  if (known === undefined) return { start: fullHour, batch: file.batches };
  const notBefore = Math.max(known.until, file.clock ?? 0);
  return { start: fullHour > notBefore ? fullHour : now, notBefore, batch: file.batches };
}

function extras(file: BatchesFile, batch: Batch) {
  if (file.batches === 0) return {};
  return { late: 0, historyShare: 0, ...(batch.withHistory ? {} : { overlap: 0 }) };
}
