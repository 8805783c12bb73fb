import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { python, runProgram } from '../ministack/processes';

/** A Python with dlt, and a folder from which scripts import its Kinesis source. */
export interface DltSource {
  readonly program: string;
  readonly work: string;
}

/**
 * Installs dlt and its Kinesis source. Returns undefined if GitHub, from which dlt loads its sources, cannot be reached.
 * MILLRACE_DLT_SOURCES names a local copy of verified-sources.
 */
export async function dltSource(folder: string, log: string): Promise<DltSource | undefined> {
  const program = await python('dlt', ['dlt[duckdb]>=1', 'boto3'], log);
  const work = join(folder, 'dlt');
  mkdirSync(work);
  const given = process.env['MILLRACE_DLT_SOURCES'];
  const init = ['-m', 'dlt', '--non-interactive', 'init', 'kinesis', 'duckdb'];
  if (given !== undefined) cpSync(join(given, 'sources/kinesis'), join(work, 'kinesis'), { recursive: true });
  else await runProgram(program, init, {}, log, 120_000, work).catch(() => undefined);
  return existsSync(join(work, 'kinesis')) ? { program, work } : undefined;
}
