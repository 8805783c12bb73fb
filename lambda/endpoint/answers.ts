import { asRecord } from '../shared/parse';
import type { Table } from './render';

/** Answers that are exact, the least recently used first, up to a number of bytes. */
export class Answers {
  private readonly kept = new Map<string, Table>();
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  get(key: string): Table | undefined {
    const found = this.kept.get(key);
    if (found === undefined) return undefined;
    this.kept.delete(key);
    this.kept.set(key, found);
    return found;
  }

  keep(key: string, table: Table): void {
    this.remove(key);
    this.kept.set(key, table);
    this.bytes += size(key, table);
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= this.maxBytes) return;
      this.remove(oldest);
    }
  }

  private remove(key: string): void {
    const found = this.kept.get(key);
    if (found === undefined) return;
    this.kept.delete(key);
    this.bytes -= size(key, found);
  }
}

/** The text of an answer for other instances: how many rows it has and whether there are more, a line break, the body. */
export const sharedText = ({ rows, truncated, body }: Table) => `${JSON.stringify({ rows, truncated })}\n${body}`;

/** @throws Error for a text that no function wrote */
export function parseShared(text: string): Table {
  const end = text.indexOf('\n');
  const { rows, truncated } = asRecord(JSON.parse(text.slice(0, end)), 'answer');
  if (typeof rows !== 'number' || typeof truncated !== 'boolean') throw new Error('answer has no rows or no truncated');
  return { rows, truncated, body: text.slice(end + 1) };
}

/** JavaScript keeps a text with one or two bytes for each character. */
const size = (key: string, { body }: Table) => 2 * (key.length + body.length);

/** Lets callers that ask for the same thing at the same time share one call. */
export class Flights<Result> {
  private readonly running = new Map<string, Promise<Result>>();

  share(key: string, call: () => Promise<Result>): Promise<Result> {
    const running = this.running.get(key) ?? call().finally(() => this.running.delete(key));
    this.running.set(key, running);
    return running;
  }
}
