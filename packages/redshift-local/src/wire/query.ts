import type { Prompt, Ran } from '../engine/prompt';
import type { Field, RowCursor } from '../engine/result';
import type { ResultColumn } from '../statement';
import { WireError } from './errors';
import { commandComplete, dataRow, emptyQuery, problemResponse, rowDescription } from './messages';
import type { Outbox } from './outbox';
import { tagOf } from './tags';
import { describedColumn, encoded } from './types';

/** Formats of a result: none for text, one for all columns, or one each. */
export type Formats = readonly number[];

const formatOf = (formats: Formats, column: number): number => (formats.length > 1 ? formats[column] : formats[0]) ?? 0;

export const descriptionOf = (columns: readonly ResultColumn[], formats: Formats): Buffer =>
  rowDescription(columns.map((column, i) => describedColumn(column, formatOf(formats, i))));

/** Rows of a result that a client reads a part at a time. */
export class RowStream {
  private readonly chunks: AsyncIterator<Field[][]>;
  private waiting: Field[][] = [];

  constructor(
    private readonly cursor: RowCursor,
    private readonly formats: Formats,
  ) {
    this.chunks = cursor.chunks()[Symbol.asyncIterator]();
    if (formats.length > 1 && formats.length !== cursor.columns.length)
      throw new WireError(
        '08P01',
        `bind message has ${formats.length} result formats but query has ${cursor.columns.length} columns`,
      );
  }

  /** Sends rows. Returns true if there may be more. @param most 0 for all */
  async send(out: Outbox, most: number, signal: AbortSignal): Promise<boolean> {
    const { columns } = this.cursor;
    let sent = 0;
    for (;;) {
      if (this.waiting.length === 0) {
        const { done, value } = await this.chunks.next();
        if (done) return false;
        this.waiting = value.reverse();
      }
      signal.throwIfAborted();
      while (this.waiting.length > 0) {
        if (most > 0 && sent === most) return true;
        const row = this.waiting.pop()!;
        out.add(dataRow(row.map((field, i) => encoded(field, columns[i]!.type, formatOf(this.formats, i)))));
        sent += 1;
        if (out.isFull) await out.flush();
      }
    }
  }
}

/** Sends what a statement that has no rows left says at its end. */
export function complete(out: Outbox, ran: Ran): void {
  if (ran.warning !== undefined) out.add(problemResponse({ severity: 'WARNING', code: '25001', message: ran.warning }));
  out.add(commandComplete(tagOf(ran)));
}

/** Runs a message of the simple protocol: a text of any number of statements, one transaction. */
export async function simpleQuery(prompt: Prompt, sql: string, out: Outbox, signal: AbortSignal): Promise<void> {
  let last: Ran | undefined;
  for await (const ran of prompt.run(sql, undefined, signal)) {
    // The last statement is complete when its transaction is.
    if (last) complete(out, last);
    last = ran;
    const { cursor } = ran.done;
    if (!cursor) continue;
    out.add(descriptionOf(cursor.columns, []));
    await new RowStream(cursor, []).send(out, 0, signal);
  }
  await prompt.finish(signal);
  if (last) complete(out, last);
  else out.add(emptyQuery);
}
