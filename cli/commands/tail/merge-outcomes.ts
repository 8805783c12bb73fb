import type { StreamRecord } from 'kinesis-reader';
import type { ScratchWarehouse } from 'redshift-local';
import { base64Of } from '../../../lambda/shared/base64';
import type { Pipeline } from '../../../pipelines/definition';
import { aggregateStart, outcomeStatements, type RecordBytes } from '../../../sql';

/** What the merge will do with a record that does not become an event. */
export interface MergeOutcome {
  /** The reason that `rejects` will have. */
  readonly reject?: string;
  /** The name under which `where` leaves it to another pipeline. */
  readonly skipped?: string;
}

/** The bytes of a record beside what they decode to. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly value: unknown;
}

const OBJECT = 'records';

/**
 * Says what the merge of a pipeline will do with records: it runs the merge's own typing statements in a local
 * warehouse, which starts with the first records.
 */
export class MergeOutcomes {
  readonly #statements: readonly string[];
  #warehouse: Promise<ScratchWarehouse> | undefined;

  constructor(pipeline: Pipeline) {
    this.#statements = outcomeStatements(pipeline, `s3://scratch/${OBJECT}`);
  }

  /**
   * Returns the outcome of each record, in order. Undefined for one that becomes an event, or a duplicate.
   * @throws Error if the warehouse does not start or a record makes a statement fail
   */
  async of(records: readonly StreamRecord<Payload>[]): Promise<readonly (MergeOutcome | undefined)[]> {
    if (records.length === 0) return [];
    this.#warehouse ??= openWarehouse();
    const warehouse = await this.#warehouse;
    const lines = records.map((record, index) => {
      const line: RecordBytes = { key: String(index), unparsed: base64Of(bytesInStream(record)) };
      return JSON.stringify(line);
    });
    const found = new Map<number, MergeOutcome>();
    for (const [key, reason, skipped] of await warehouse.run(this.#statements, {
      [OBJECT]: Buffer.from(lines.join('\n')),
    }))
      note(found, String(key), reason, skipped);
    return records.map((_, index) => found.get(index));
  }

  async dispose(): Promise<void> {
    const warehouse = await this.#warehouse?.catch(() => undefined);
    warehouse?.dispose();
  }
}

/** Loaded when it is needed: the library is large. */
const openWarehouse = () => (require('redshift-local') as typeof import('redshift-local')).openScratchWarehouse();

/**
 * The stream has an aggregate as one record, and the merge rejects it by its first bytes. The reader yields its parts,
 * whose ids end in `#<n>`.
 */
function bytesInStream({ value, undecodable, _kinesis_msg_id }: StreamRecord<Payload>): Buffer {
  if (_kinesis_msg_id.includes('#')) return Buffer.from(aggregateStart, 'hex');
  return Buffer.from(undecodable?.bytes ?? value.bytes);
}

/** Notes the outcome of a record, or of the events in it: their keys have the event's index after a point. */
function note(found: Map<number, MergeOutcome>, key: string, reason: unknown, skipped: unknown): void {
  const [record, event] = key.split('.');
  const known = found.get(Number(record));
  const add = (all: string | undefined, one: unknown) => {
    if (typeof one !== 'string') return all;
    const named = event === undefined ? one : `event ${event}: ${one}`;
    return all === undefined ? named : `${all}; ${named}`;
  };
  const [reject, left] = [add(known?.reject, reason), add(known?.skipped, skipped)];
  found.set(Number(record), {
    ...(reject !== undefined && { reject }),
    ...(left !== undefined && { skipped: left }),
  });
}
