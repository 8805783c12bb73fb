import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { appendWhole, type Clock, FullDiskError, replaceFile } from 'aws-local-kit';
import { isTerminal, type StatementRecord } from './records';

const store = 'the record of statements';

/** Results and descriptions are kept for 24 hours, client tokens for 8 (Redshift management guide, Data API). */
export const retentionMs = 24 * 3_600_000;

/** Stores the statement records that survive a restart. Results are in separate files. */
export interface StatementJournal {
  /**
   * @param kept the ids of all statements to keep, for when the journal is rewritten
   * @throws FullDiskError if the disk is full
   */
  write(record: StatementRecord, kept: () => Iterable<string>): void;
  /** Reads a statement as it was last written. @throws Error if it was never written */
  read(id: string): StatementRecord;
  load(): StatementRecord[];
}

/** Bytes of a line in the file. */
interface Position {
  readonly at: number;
  readonly bytes: number;
}

/**
 * A journal of JSON lines: one when a statement is submitted, and one when it ends. Client tokens, descriptions and the
 * positions of results therefore outlive the process, and memory needs only the position of each statement's last line.
 * A statement that was running when the process ended is loaded as ABORTED, until its database reports that it was
 * committed.
 * @param compactBytes bytes after which the file is rewritten with only the statements to keep
 */
export function fileJournal(file: string, clock: Clock, compactBytes = 32 * 2 ** 20): StatementJournal {
  mkdirSync(dirname(file), { recursive: true });
  let written = 0;
  let size = 0;
  let positions = new Map<string, Position>();
  const rewrite = (lines: Iterable<readonly [id: string, line: Buffer]>) => {
    const kept = [...lines];
    replaceFile(store, file, Buffer.concat(kept.map(([, bytes]) => bytes)));
    written = 0;
    size = 0;
    positions = new Map();
    for (const [id, { length }] of kept) {
      positions.set(id, { at: size, bytes: length });
      size += length;
    }
  };
  const linesOf = (ids: Iterable<string>) =>
    reading(file, (lineAt) => [...ids].map((id) => [id, lineAt(positions.get(id)!)] as const));
  return {
    write(record, kept) {
      const text = line(record);
      appendWhole(store, file, text);
      const bytes = Buffer.byteLength(text);
      positions.set(record.id, { at: size, bytes });
      size += bytes;
      written += bytes;
      if (written <= compactBytes) return;
      try {
        rewrite(linesOf(kept()));
      } catch (error) {
        if (!(error instanceof FullDiskError)) throw error;
        // The journal is complete without the rewrite. The next one is tried after as many bytes again.
        written = 0;
      }
    },
    read(id) {
      const position = positions.get(id);
      if (position === undefined) throw new Error(`the record of statements has no statement ${id}`);
      return JSON.parse(reading(file, (lineAt) => lineAt(position)).toString('utf8')) as StatementRecord;
    },
    load() {
      const records = existsSync(file) ? readRecords(readFileSync(file, 'utf8'), clock.now() - retentionMs) : [];
      for (const record of records) if (!isTerminal(record.status)) abort(record);
      rewrite(records.map((record) => [record.id, Buffer.from(line(record))]));
      return records;
    },
  };
}

/** Opens the file for the reads of `work`. */
function reading<T>(file: string, work: (lineAt: (position: Position) => Buffer) => T): T {
  const descriptor = openSync(file, 'r');
  try {
    return work(({ at, bytes }) => {
      const found = Buffer.alloc(bytes);
      readSync(descriptor, found, 0, bytes, at);
      return found;
    });
  } finally {
    closeSync(descriptor);
  }
}

const line = (record: StatementRecord) => `${JSON.stringify(record)}\n`;

function readRecords(text: string, oldestMs: number): StatementRecord[] {
  const byId = new Map<string, StatementRecord>();
  for (const row of text.split('\n')) {
    const record = parse(row);
    if (record && record.createdMs > oldestMs) byId.set(record.id, record);
  }
  return [...byId.values()];
}

/** Returns undefined for a torn line, which a killed process may leave at the end. */
function parse(row: string): StatementRecord | undefined {
  try {
    return JSON.parse(row) as StatementRecord;
  } catch {
    return undefined;
  }
}

/** The error of statements that were running when the process ended. */
export const interruptedError = 'the warehouse was stopped while the statement ran';

function abort(record: StatementRecord): void {
  record.status = 'ABORTED';
  record.error = interruptedError;
  for (const member of record.members) if (!isTerminal(member.status)) member.status = 'ABORTED';
}
