import { openStreamWarehouse, type StreamWarehouse } from '../../../local/stream-warehouse';
import type { Pipeline } from '../../../pipelines/definition';
import { Failure } from '../../failure';
import { grouped, plural } from '../../terminal';
import { database, install, refresh } from '../../trial/pipeline-warehouse';
import type { SampleRecord } from './records';

/** What the merge made of the sample. */
export interface Proof {
  readonly records: number;
  readonly events: number;
  readonly duplicates: number;
  readonly rejects: number;
}

/** Records and bytes of one merge. */
const batchRecords = 200_000;
const batchBytes = 128 * 1024 * 1024;
/** Rejects that a message names. */
const shownRejects = 5;

export interface ProofOptions {
  readonly pipeline: Pipeline;
  readonly records: AsyncIterable<SampleRecord[]>;
  /** Lines that are known to be no events. */
  readonly foreseen: ReadonlySet<number>;
  readonly now: number;
  readonly onProgress?: (records: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Sends all records through the merge of the pipeline, in a warehouse of its own.
 * @throws Failure for a reject that was not foreseen, and if a record is missing
 */
export async function prove(options: ProofOptions): Promise<Proof> {
  const { pipeline, signal } = options;
  const warehouse = await openStreamWarehouse(database, options.now);
  try {
    await install(warehouse, pipeline);
    let sent = 0;
    let batch: SampleRecord[] = [];
    let bytes = 0;
    const merge = async () => {
      await warehouse.put(batch.map(({ data, line }) => ({ data, partitionKey: String(line) })));
      sent += batch.length;
      [batch, bytes] = [[], 0];
      await refresh(warehouse, pipeline, `proof-${sent}`);
      options.onProgress?.(sent);
    };
    for await (const records of options.records) {
      signal?.throwIfAborted();
      batch = batch.concat(records);
      for (const { data } of records) bytes += data.length;
      if (batch.length >= batchRecords || bytes >= batchBytes) await merge();
    }
    if (batch.length > 0 || sent === 0) await merge();
    return await judge(warehouse, options, sent);
  } finally {
    warehouse.dispose();
  }
}

async function judge(warehouse: StreamWarehouse, options: ProofOptions, sent: number): Promise<Proof> {
  const { name } = options.pipeline;
  const count = async (table: string) =>
    Number((await warehouse.query(`select count(*) from ${name}.${table}`))[0]![0]);
  const [events, duplicates] = [await count('events'), await count('duplicates')];
  const rejected = (await warehouse.query(`select partition_key, reason from ${name}.rejects`)) as [string, string][];
  const unforeseen = rejected.filter(([line]) => !options.foreseen.has(Number(line)));
  if (unforeseen.length > 0) throw new Failure(unforeseenText(unforeseen));
  if (events + duplicates + rejected.length !== sent)
    throw new Failure(
      `${plural(sent, 'record')} gave ${grouped(events)} events, ${grouped(duplicates)} duplicates and ${grouped(rejected.length)} rejects; the sum must be the same`,
    );
  return { records: sent, events, duplicates, rejects: rejected.length };
}

function unforeseenText(rejects: readonly [string, string][]): string {
  const shown = rejects
    .map(([line, reason]) => ({ line: Number(line), reason }))
    .sort((one, other) => one.line - other.line)
    .slice(0, shownRejects)
    .map(({ line, reason }) => `  line ${line}: ${reason}`);
  const more = rejects.length > shownRejects ? [`  and ${grouped(rejects.length - shownRejects)} more`] : [];
  return [
    `the merge rejects ${plural(rejects.length, 'record')} that the report calls sound, so nothing was written:`,
    ...shown,
    ...more,
  ].join('\n');
}
