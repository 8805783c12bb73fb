import { putAt } from '../../../../lambda/load/payload';
import type { Column, Pipeline } from '../../../../pipelines/definition';

/** The instant of the nth sample event: half past ten, half past eleven, … */
export const instantOf = (n: number): Date => new Date(Date.UTC(2026, 0, 15, 10 + n, 30));

/**
 * An event that the pipeline takes, in the form in which its producers send it. Events of different numbers are
 * different events.
 * @param also columns that get a value although they are not required
 */
export function sampleEvent(pipeline: Pipeline, n: number, also: readonly string[]): unknown {
  const { stream, where = [], identity, columns } = pipeline;
  const named = [...also, ...(identity.by === 'columns' ? identity.columns : [])];
  const payload: Record<string, unknown> = {};
  for (const { path, oneOf } of where) putAt(payload, path, oneOf[0]);
  for (const column of columns)
    if (column.required || named.includes(column.name)) {
      const filter = where.find(({ path }) => path.join('\0') === column.path.join('\0'));
      putAt(payload, column.path, filter ? filter.oneOf[0] : cellOf(column, n));
    }
  const { format, unwrap = [], base64 = false } = stream.records ?? {};
  if (format === 'text') return typeof payload['text'] === 'string' ? payload['text'] : `text ${n + 1}`;
  const event = base64 ? Buffer.from(JSON.stringify(payload)).toString('base64') : payload;
  return [...unwrap].reverse().reduce<unknown>((inner, name) => (name === '*' ? [inner] : { [name]: inner }), event);
}

function cellOf(column: Column, n: number): unknown {
  switch (column.type) {
    case 'varchar':
      return column.oneOf?.[0] ?? textOf(column.name, n, column.maxBytes);
    case 'char':
      return column.oneOf?.[0] ?? textOf(column.name, n, column.length);
    case 'integer':
    case 'bigint':
      return n + 1;
    case 'double':
      return n + 1.5;
    case 'decimal':
      return column.precision > column.scale ? n + 1 : 0;
    case 'boolean':
      return true;
    case 'super':
      return {};
    default:
      return timeOf(column, instantOf(n));
  }
}

/** The end of the text makes it one of its own. */
const textOf = (name: string, n: number, most: number) => `${name}_${n + 1}`.slice(-most);

function timeOf(column: Extract<Column, { type: 'timestamp' | 'timestamptz' | 'date' | 'time' }>, at: Date): unknown {
  const { convert, type } = column;
  if (convert === 'epochseconds') return at.getTime() / 1000;
  if (convert === 'epochmillis') return at.getTime();
  if (typeof convert === 'object') return formatted(convert.format, at);
  const text = at.toISOString().replace('.000Z', 'Z');
  if (type === 'date') return text.slice(0, 10);
  return type === 'time' ? text.slice(11, 19) : text;
}

/** A time in a custom format (definition.ts, `TimeConversion`). */
function formatted(format: string, at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const parts: Readonly<Record<string, string>> = {
    YYYY: String(at.getUTCFullYear()),
    MM: two(at.getUTCMonth() + 1),
    Mon: at.toLocaleString('en', { month: 'short', timeZone: 'UTC' }),
    DD: two(at.getUTCDate()),
    HH24: two(at.getUTCHours()),
    HH12: two(((at.getUTCHours() + 11) % 12) + 1),
    MI: two(at.getUTCMinutes()),
    SS: two(at.getUTCSeconds()),
    MS: '000',
    US: '000000',
    AM: at.getUTCHours() < 12 ? 'AM' : 'PM',
    OF: '+00',
  };
  return format.replace(/FM/g, '').replace(/YYYY|HH24|HH12|Mon|MM|DD|MI|SS|MS|US|AM|OF/g, (token) => parts[token]!);
}
