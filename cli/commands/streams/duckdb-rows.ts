import {
  type DuckDBAppender,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBTimestampMillisecondsValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { CopiedRecord } from './sink';

/** The columns of a table of records. */
export const columns = `msg_id varchar, shard_id varchar, seq_no varchar, arrived_at timestamp_ms, partition_key varchar,
  stream_name varchar, value json, undecodable varchar, bytes blob`;
const columnCount = columns.split(',').length;

/** Rows of a data chunk, DuckDB's own size. */
const CHUNK_ROWS = 2_048;
/** Characters after which DuckDB takes what its appender holds. */
const FLUSH_CHARACTERS = 16_000_000;

/** Puts records into a table of `columns`, a data chunk at a time: a call for each value of a row takes twice as long. */
export class RowAppender {
  readonly #appender: DuckDBAppender;
  readonly #types;
  #values: DuckDBValue[][] = emptyColumns();
  #unflushed = 0;

  private constructor(appender: DuckDBAppender) {
    this.#appender = appender;
    this.#types = Array.from({ length: columnCount }, (_, index) => appender.columnType(index));
  }

  static async open(connection: DuckDBConnection, table: string): Promise<RowAppender> {
    return new RowAppender(await connection.createAppender(table));
  }

  /** @returns the size of the payloads, in characters or bytes */
  add(records: readonly CopiedRecord[]): number {
    let size = 0;
    for (const record of records) {
      size += this.#add(record);
      if (this.#values[0]!.length === CHUNK_ROWS) this.#append();
    }
    this.#unflushed += size;
    if (this.#unflushed >= FLUSH_CHARACTERS) this.flush();
    return size;
  }

  /** Puts into the table what was added last. */
  flush(): void {
    this.#append();
    this.#appender.flushSync();
    this.#unflushed = 0;
  }

  /** Drops what was not flushed. */
  close(): void {
    this.#appender.clear();
    this.#appender.closeSync();
  }

  #add({ value, undecodable, _kinesis: at, _kinesis_msg_id }: CopiedRecord): number {
    const unreadable = undecodable ?? (typeof value === 'string' ? unreadableByDuckdb(value) : undefined);
    const bytes = unreadable?.bytes ?? (typeof value === 'string' ? undefined : value);
    const [ids, shards, numbers, times, keys, streams, payloads, reasons, blobs] = this.#values as Columns;
    ids.push(_kinesis_msg_id);
    shards.push(at.shard_id);
    numbers.push(at.seq_no);
    times.push(new DuckDBTimestampMillisecondsValue(BigInt(at.ts.getTime())));
    keys.push(at.partition);
    streams.push(at.stream_name);
    payloads.push(bytes ? null : (value as string));
    reasons.push(unreadable?.reason ?? null);
    blobs.push(bytes ? new DuckDBBlobValue(bytes) : null);
    return bytes?.length ?? value.length;
  }

  #append(): void {
    const rows = this.#values[0]!.length;
    if (rows === 0) return;
    const chunk = DuckDBDataChunk.create(this.#types, rows);
    chunk.setColumns(this.#values);
    this.#appender.appendDataChunk(chunk);
    this.#values = emptyColumns();
  }
}

type Column = DuckDBValue[];
type Columns = [Column, Column, Column, Column, Column, Column, Column, Column, Column];

const emptyColumns = () => Array.from({ length: columnCount }, (): Column => []);

/** A surrogate without its pair. */
const loneSurrogate = /\p{Surrogate}/u;

/**
 * JavaScript's JSON may have a surrogate without its pair, as in "\ud800". DuckDB's may not: a value that has one fails
 * every query of its column.
 */
function unreadableByDuckdb(json: string): CopiedRecord['undecodable'] {
  if (!json.includes('\\u')) return undefined;
  let found = false;
  JSON.parse(json, (key, value) => {
    found ||= loneSurrogate.test(key) || (typeof value === 'string' && loneSurrogate.test(value));
    return value;
  });
  if (!found) return undefined;
  return { reason: 'DuckDB does not read JSON with a surrogate that has no pair', bytes: Buffer.from(json) };
}
