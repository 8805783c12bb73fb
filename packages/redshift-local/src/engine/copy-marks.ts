import { allRecords } from './copy-lines';
import type { Copy } from './copy-records';
import type { SourceFile } from './copy-sources';
import { WarehouseError } from './errors';
import { writeCopy } from './file-copy';

/** How fields of delimited text are marked: with ESCAPE by a backslash, with REMOVEQUOTES by quotation marks. */
interface Marks {
  readonly delimiter: string;
  readonly backslashes: boolean;
  readonly quotes: boolean;
  /** The text of NULL. */
  readonly nothing: string;
  /** Number of header lines. */
  readonly skip: number;
}

/** Returns undefined for a COPY without ESCAPE and REMOVEQUOTES. */
export function marksOf({ options }: Copy): Marks | undefined {
  const [backslashes, quotes] = [options['escape'] === true, options['removequotes'] === true];
  if (!backslashes && !quotes) return undefined;
  return {
    delimiter: String(options['delimiter'] ?? '|'),
    backslashes,
    quotes,
    nothing: String(options['null'] ?? '\\N'),
    skip: Number(options['ignoreheader'] ?? 0),
  };
}

/**
 * Rewrites marked text as CSV, in which each value has quotation marks, so that one reader serves both. Lines stay where
 * they are (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html#copy-escape).
 */
export async function rewriteFields(source: SourceFile, path: string, marks: Marks): Promise<void> {
  const output = writeCopy(path);
  const write = (record: string) => output.write(Buffer.from(`${record}\n`, 'latin1'));
  let open = '';
  let read = 0;
  for await (const [bytes, line] of allRecords(source, { skip: 0 })) {
    read += 1;
    const text = open + bytes.toString('latin1');
    open = '';
    if (read <= marks.skip) await write(text);
    else if (marks.backslashes && endsEscaped(text)) open = `${text}\n`;
    else await write(asCsv(text.replace(/\r$/, ''), marks, `line ${line} of ${source.url}`));
  }
  await output.end();
  if (open !== '')
    throw new WarehouseError(
      `the last line of ${source.url} ends with a backslash, which ESCAPE joins with the next line`,
    );
}

const endsEscaped = (text: string) => /\\*$/.exec(text)![0].length % 2 === 1;

function asCsv(record: string, marks: Marks, place: string): string {
  if (/^[ \t]*$/.test(record)) return record;
  const fields: string[] = [];
  for (let at = 0; at <= record.length; ) {
    const { csv, end } = fieldAt(record, at, marks, place);
    fields.push(csv);
    at = end + 1;
  }
  return fields.join(marks.delimiter);
}

/** Reads the field that starts at `start`. `end` is the position of the delimiter after it. */
function fieldAt(record: string, start: number, marks: Marks, place: string): { csv: string; end: number } {
  const sign = record[start];
  const quote = marks.quotes && (sign === '"' || sign === "'") ? sign : undefined;
  if (marks.quotes && /[ \t]+["']/y.test(record.slice(start)))
    throw new WarehouseError(
      `${place}: blanks before a quotation mark with REMOVEQUOTES are not modelled by the local warehouse`,
    );
  let value = '';
  for (let at = quote ? start + 1 : start; ; at += 1) {
    const letter = record[at];
    // A quotation mark that is not closed is written so that no reader of CSV accepts it.
    if (quote && letter === undefined) return { csv: '"a"b"c"', end: record.length };
    if (quote && letter === quote && (record[at + 1] === undefined || record[at + 1] === marks.delimiter))
      return { csv: quotedCsv(value), end: at + 1 };
    if (!quote && (letter === undefined || letter === marks.delimiter)) {
      const isNull = isNothing(record.slice(start, at), marks);
      return { csv: isNull ? marks.nothing : quotedCsv(value), end: at };
    }
    if (marks.backslashes && letter === '\\') at += 1;
    value += record[at] ?? '';
  }
}

const quotedCsv = (value: string) => `"${value.replaceAll('"', '""')}"`;

/** `\N` means NULL escaped or not, unless NULL AS names another text. */
const isNothing = (field: string, { nothing, backslashes }: Marks) =>
  field === nothing || (backslashes && nothing === '\\N' && field === '\\\\N');
