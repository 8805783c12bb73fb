import type { Column } from '../../../pipelines/definition';
import { type Block, CsvReader, mostRecordBytes, type Profile, type Row, rowFault } from '../../profile';
import type { PlannedField } from './make-plan';

/** A record as a producer would put it onto the stream. */
export interface SampleRecord {
  readonly data: Buffer;
  readonly line: number;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The records of a sample in their order, in lists. Rows of a CSV become JSON: numbers and booleans where the column
 * has such, texts elsewhere, nothing for an empty cell. Records that no stream takes are left out, and rows with other
 * cells than the header.
 */
export async function* recordsOf(
  blocks: AsyncIterable<Block>,
  profile: Profile,
  fields: readonly PlannedField[],
): AsyncGenerator<SampleRecord[]> {
  const rows = profile.format === 'csv' ? rowsReader(profile, fields) : undefined;
  let isFirst = true;
  let taken = 0;
  for await (const { bytes, line } of blocks) {
    const begins = isFirst && bytes.subarray(0, 3).equals(byteOrderMark);
    const block = { bytes: begins ? bytes.subarray(3) : bytes, line };
    isFirst = false;
    const found = rows ? rows(block) : linesOf(block);
    // Blank lines are no records, so both readings count alike.
    const room = profile.records - taken;
    const list = found.slice(0, room);
    taken += list.length;
    yield list.filter((record): record is SampleRecord => record !== undefined);
    if (taken >= profile.records) return;
  }
}

/** A record, or undefined for one that is counted and left out. */
type Found = (SampleRecord | undefined)[];

function linesOf({ bytes, line }: Block): Found {
  const found: Found = [];
  let start = 0;
  for (let number = line; start < bytes.length; number += 1) {
    const end = bytes.indexOf(NEWLINE, start);
    const last = bytes[end - 1] === RETURN && end > start ? end - 1 : end;
    const data = bytes.subarray(start, last);
    if (data.length > mostRecordBytes) found.push(undefined);
    else if (/\S/.test(data.toString('latin1', 0, 64)) || data.toString('latin1').trim() !== '')
      found.push({ data, line: number });
    start = end + 1;
  }
  return found;
}

function rowsReader(
  { header = [], delimiter = ',' }: Profile,
  fields: readonly PlannedField[],
): (block: Block) => Found {
  const reader = new CsvReader(delimiter.charCodeAt(0));
  const columns = header.map((name) => cellWriter(name, fields.find(({ path }) => path[0] === name)?.column));
  let hasHeader = false;
  return (block) => {
    const found: Found = [];
    reader.read(block, (row) => {
      if (!hasHeader) hasHeader = true;
      else if (
        rowFault(row, columns.length) !== undefined ||
        row.ends[row.count - 1]! - row.starts[0]! > mostRecordBytes
      )
        found.push(undefined);
      else found.push({ data: Buffer.from(jsonOf(row, columns)), line: row.line });
    });
    return found;
  };
}

type CellWriter = (text: string) => string;

function jsonOf({ bytes, starts, ends }: Row, columns: readonly CellWriter[]): string {
  const parts: string[] = [];
  for (const [cell, write] of columns.entries())
    if (ends[cell]! > starts[cell]!) parts.push(write(bytes.toString('utf8', starts[cell]!, ends[cell]!)));
  return `{${parts.join(',')}}`;
}

const numberForm = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function cellWriter(name: string, column: Column | undefined): CellWriter {
  const key = `${JSON.stringify(name)}:`;
  const isBare = bareForm(column);
  return (text) => key + (isBare?.test(text) ? text : JSON.stringify(text));
}

/** The texts that COPY would make numbers or booleans of, for a column of such a type. */
function bareForm(column: Column | undefined): RegExp | undefined {
  switch (column?.type) {
    case 'bigint':
    case 'integer':
    case 'decimal':
    case 'double':
      return numberForm;
    case 'boolean':
      return /^(?:true|false)$/;
    default:
      return undefined;
  }
}
