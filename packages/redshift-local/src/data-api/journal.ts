import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from 'aws-local-kit';
import { isTerminal, type StatementRecord } from './records';

/** Results and descriptions are kept for 24 hours, client tokens for 8 (Redshift management guide, Data API). */
export const retentionMs = 24 * 3_600_000;

/** What a restart has to know of a statement; its results are files of their own. */
export interface StatementJournal {
  /** @param kept all statements that are to be remembered, for when the journal is written anew */
  write(record: StatementRecord, kept: () => Iterable<StatementRecord>): void;
  load(): StatementRecord[];
}

/**
 * Statements as lines of JSON, one when submitted and one when ended, so that client tokens, descriptions and where results lie outlive the process.
 * A statement that was running when the process ended comes back as ABORTED, until its database tells that it was committed.
 * @param compactBytes after so many bytes the file is written anew with what is kept
 */
export function fileJournal(file: string, clock: Clock, compactBytes = 32 * 2 ** 20): StatementJournal {
  mkdirSync(dirname(file), { recursive: true });
  let written = 0;
  const rewrite = (records: Iterable<StatementRecord>) => {
    writeFileSync(`${file}.new`, [...records].map(line).join(''));
    renameSync(`${file}.new`, file);
    written = 0;
  };
  return {
    write(record, kept) {
      const text = line(record);
      appendFileSync(file, text);
      written += text.length;
      if (written > compactBytes) rewrite(kept());
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

/** The last line may be torn by a kill. */
function parse(row: string): StatementRecord | undefined {
  try {
    return JSON.parse(row) as StatementRecord;
  } catch {
    return undefined;
  }
}

/** The error of statements that ran when the process ended. */
export const interruptedError = 'the warehouse was stopped while the statement ran';

function abort(record: StatementRecord): void {
  record.status = 'ABORTED';
  record.error = interruptedError;
  for (const member of record.members) if (!isTerminal(member.status)) member.status = 'ABORTED';
}
