import { blameOf } from '../../lambda/shared/blame';
import { StatementError } from '../../lambda/shared/warehouse';
import type { Pipeline } from '../../pipelines/definition';
import { maxRaisedBytes, pieceBytes, raisedBytesQuery, raisedRejectsQuery } from '../../sql/forget/raised';
import { Failure } from '../failure';
import { plural } from '../terminal';
import { bytesOf, parsed, subjectColumns } from './judges';
import { ask, type Work } from './statements';
import { type Known, SubjectFinder } from './subject-finder';

/**
 * Rejects of records that made a statement fail. Every statement that looks into them would fail again, so they are read
 * as they are, and searched here.
 */
export interface RaisedRejects {
  readonly records: readonly RaisedRecord[];
  /** What could not be searched, one sentence each. */
  readonly unsearched: readonly string[];
}

interface RaisedRecord {
  /** See sql/forget/raised.ts. */
  readonly key: string;
  /** The JSON texts that may be the record. */
  readonly texts: readonly Buffer[];
}

const unsearchedOnly = (text: string): RaisedRejects => ({ records: [], unsearched: [text] });

export async function readRaised(work: Work, pipeline: Pipeline): Promise<RaisedRejects> {
  try {
    return await read(work, pipeline);
  } catch (error) {
    const cause = error instanceof Failure ? error.cause : undefined;
    if (!(cause instanceof StatementError) || blameOf(cause.state) === 'other') throw error;
    return unsearchedOnly(
      `rejects of records that made a statement fail, since reading them fails too: ${cause.message}`,
    );
  }
}

async function read(work: Work, pipeline: Pipeline): Promise<RaisedRejects> {
  const rows = await ask(work, pipeline, 'forget-raised', raisedRejectsQuery(pipeline));
  if (rows.length > 0 && holdsSeveral(pipeline))
    return unsearchedOnly(`${plural(rows.length, 'reject')} that made a statement fail, and may hold several events`);
  const pieces = new Map<string, string[]>();
  const hasBytesFrom = (from: number) =>
    rows.some(({ unparsed_bytes: size }) => Number(size) >= from && Number(size) <= maxRaisedBytes);
  for (let n = 0; hasBytesFrom(1 + n * pieceBytes); n += 1)
    for (const row of await ask(work, pipeline, 'forget-raised', raisedBytesQuery(pipeline, 1 + n * pieceBytes))) {
      const list = pieces.get(String(row['row_key'])) ?? [];
      list[n] = String(row['piece']);
      pieces.set(String(row['row_key']), list);
    }
  const records: RaisedRecord[] = [];
  const unsearched: string[] = [];
  for (const row of rows) {
    const { row_key: key, payload, payload_bytes, unparsed_bytes } = row;
    const bytes = pieces.get(String(key))?.join('');
    if (typeof key === 'string' && typeof payload === 'string') records.push({ key, texts: textsOf(payload) });
    else if (typeof key === 'string' && bytes !== undefined) records.push({ key, texts: [Buffer.from(bytes, 'hex')] });
    else
      unsearched.push(
        `the reject ${placeOf(row)}, which made a statement fail and is too long to be read: ${Number(payload_bytes ?? unparsed_bytes)} bytes; look at the record yourself`,
      );
  }
  return { records, unsearched };
}

const holdsSeveral = ({ stream, history = [] }: Pipeline) =>
  stream.records !== undefined || history.some(({ records }) => records !== undefined);

/** A record of the archive that is not plain JSON is kept as base64. */
function textsOf(payload: string): Buffer[] {
  const bytes = bytesOf(parsed(Buffer.from(payload)));
  return [Buffer.from(payload), ...(bytes === undefined ? [] : [bytes])];
}

function placeOf({
  source,
  shard_id: shard,
  sequence_number: number,
  object_key: key,
  line,
  run_id: run,
}: Row): string {
  if (shard !== null) return `at ${shard} ${number}`;
  return `of ${key ?? source}${line === null ? '' : `, line ${line}`}, run ${run}`;
}

type Row = Awaited<ReturnType<typeof ask>>[number];

/** The keys of the records that are of subjects. A key is there as often as rejects have it. */
export function keysOfSubjects(pipeline: Pipeline, { records }: RaisedRejects, known: Known): string[] {
  const finder = new SubjectFinder(subjectColumns(pipeline), known);
  return records.flatMap(({ key, texts }) => (texts.some((text) => finder.isForgotten(text)) ? [key] : []));
}
