import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { appendWhole, type Clock, FullDiskError, replaceFile } from 'aws-local-kit';
import { isTerminal, type StatementRecord } from './records';

/** Results and descriptions are kept for 24 hours, client tokens for 8 (Redshift management guide, Data API). */
const store = 'the record of statements';

export const retentionMs = 24 * 3_600_000;

/** Stores the statement records that survive a restart. Results are in separate files. */
export interface StatementJournal {
  /**
   * @param kept all statements to keep, for when the journal is rewritten
   * @throws FullDiskError if the disk is full
   */
  write(record: StatementRecord, kept: () => Iterable<StatementRecord>): void;
  load(): StatementRecord[];
}

/**
 * A journal of JSON lines: one when a statement is submitted, and one when it ends. Client tokens, descriptions and the
 * positions of results therefore outlive the process. A statement that was running when the process ended is loaded as
 * ABORTED, until its database reports that it was committed.
 * @param compactBytes bytes after which the file is rewritten with only the statements to keep
 */
export function fileJournal(file: string, clock: Clock, compactBytes = 32 * 2 ** 20): StatementJournal {
  mkdirSync(dirname(file), { recursive: true });
  let written = 0;
  const rewrite = (records: Iterable<StatementRecord>) => {
    replaceFile(store, file, [...records].map(line).join(''));
    written = 0;
  };
  return {
    write(record, kept) {
      const text = line(record);
      appendWhole(store, file, text);
      written += text.length;
      if (written <= compactBytes) return;
      try {
        rewrite(kept());
      } catch (error) {
        if (!(error instanceof FullDiskError)) throw error;
        // The journal is complete without the rewrite. The next one is tried after as many bytes again.
        written = 0;
      }
    },
    load() {
      const records = existsSync(file) ? readRecords(readFileSync(file, 'utf8'), clock.now() - retentionMs) : [];
      for (const record of records) if (!isTerminal(record.status)) abort(record);
      rewrite(records);
      return records;
    },
  };
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
