import { createHash } from 'node:crypto';
import type { Column, Pipeline } from '../../../pipelines/definition';
import { Failure } from '../../failure';

/** The requested event: an id, or values of columns. */
export interface Question {
  readonly pipeline: Pipeline;
  readonly id?: string;
  /** Given texts by column. */
  readonly fields: ReadonlyMap<Column, string>;
}

/**
 * Reads `<event id>` or `column=value …`. If the columns make up the identity, the id follows from them.
 * @throws Failure that names the invalid argument
 */
export function parseQuestion(pipeline: Pipeline, args: readonly string[]): Question {
  if (args.length === 1 && /^[0-9a-f]{64}$/.test(args[0]!)) return { pipeline, id: args[0]!, fields: new Map() };
  const names = pipeline.columns.map(({ name }) => name).join(', ');
  const fields = new Map<Column, string>();
  for (const arg of args) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(arg) ?? [];
    const column = pipeline.columns.find((candidate) => candidate.name === name);
    if (value === undefined || column === undefined)
      throw new Failure(
        `<event> must be an event id (64 hexadecimal digits) or column=value with a column of ${names}, got '${arg}'`,
        2,
      );
    if (givenText(column, value) === undefined)
      throw new Failure(`${column.name} must be a ${column.type}, got '${value}'`, 2);
    fields.set(column, value);
  }
  const id = idOf(pipeline, (column) => (fields.has(column) ? givenText(column, fields.get(column)!) : undefined));
  return { pipeline, ...(id === undefined ? {} : { id }), fields };
}

/** True if a record's payload matches the question. A payload that is not an object never does. */
export function matches({ pipeline, id, fields }: Question, payload: unknown): boolean {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return false;
  if (fields.size === 0) return id !== undefined && eventIdOf(pipeline, payload) === id;
  return [...fields].every(([column, given]) => {
    const value = at(payload, column.path);
    if (typeof value === 'string' && value === given) return true;
    const text = columnText(column, value);
    return text !== undefined && text === givenText(column, given);
  });
}

/**
 * Returns the id that the merge gives to a payload: the SHA-256 of the identity columns' values, each text after its
 * length (sql/typing/event-id.ts). Undefined if a column is missing or does not fit, or if the identity is the position
 * on the stream. Numbers beyond 2^53 may be confused here.
 */
export function eventIdOf(pipeline: Pipeline, payload: unknown): string | undefined {
  return idOf(pipeline, (column) => columnText(column, at(payload, column.path)));
}

function idOf({ identity, columns }: Pipeline, textOf: (column: Column) => string | undefined): string | undefined {
  if (identity.by !== 'columns') return undefined;
  const parts: string[] = [];
  for (const name of identity.columns) {
    const column = columns.find((candidate) => candidate.name === name)!;
    const text = textOf(column);
    if (text === undefined) return undefined;
    parts.push(column.type === 'varchar' || column.type === 'char' ? `${Buffer.byteLength(text)}:${text}` : text);
  }
  return createHash('sha256').update(parts.join(',')).digest('hex');
}

/** Returns the id of a record whose identity is its position on the stream. */
export const positionId = (shard: string, sequenceNumber: string) =>
  createHash('sha256').update(`${shard}:${sequenceNumber}`).digest('hex');

function at(payload: unknown, path: readonly string[]): unknown {
  let value = payload;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** Returns a payload's value as the warehouse writes the column; undefined if it does not fit. */
function columnText(column: Column, value: unknown): string | undefined {
  // Only the warehouse knows how the options of a column convert a value in another form.
  if (typeof value === 'string' && column.trim && value.trim() !== value) return undefined;
  switch (column.type) {
    case 'varchar':
      return typeof value === 'string' && Buffer.byteLength(value) <= column.maxBytes ? value : undefined;
    case 'char':
      return typeof value === 'string' && /^[ -~]*$/.test(value) && value.length <= column.length
        ? value.replace(/ +$/, '')
        : undefined;
    case 'timestamp':
    case 'timestamptz':
      return typeof value === 'string' && typeof column.convert !== 'object' ? timestampText(value) : undefined;
    case 'date':
      return typeof value === 'string' && typeof column.convert !== 'object' && dayText(value) ? value : undefined;
    case 'time':
      return typeof value === 'string' && /^\d\d:\d\d:\d\d$/.test(value) ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? String(value) : undefined;
    case 'integer':
    case 'bigint':
      return typeof value === 'number' && Number.isInteger(value) ? String(value) : undefined;
    case 'super':
      return undefined;
    case 'decimal':
      return typeof value === 'number' ? decimalText(String(value), column.scale) : undefined;
    case 'double':
      return typeof value === 'number' ? String(value) : undefined;
  }
}

/** Returns a text of the command line as the warehouse writes the column. */
function givenText(column: Column, given: string): string | undefined {
  switch (column.type) {
    case 'varchar':
      return given;
    case 'boolean':
      return given === 'true' || given === 'false' ? given : undefined;
    case 'timestamp':
    case 'timestamptz':
      return timestampText(given);
    case 'char':
    case 'date':
    case 'time':
    case 'super':
      return columnText({ ...column, convert: undefined } as Column, given);
    default:
      return /^-?\d+(\.\d+)?$/.test(given) ? columnText(column, Number(given)) : undefined;
  }
}

const dayText = (text: string) => timestampText(`${text}T00:00:00`) !== undefined;

function decimalText(text: string, scale: number): string | undefined {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) return undefined;
  const fraction = (match[2] ?? '').replace(/0+$/, '');
  if (fraction.length > scale) return undefined;
  return scale === 0 ? match[1]! : `${match[1]}.${fraction.padEnd(scale, '0')}`;
}

const timestampPattern =
  /^(\d{4}-\d\d-\d\d)[T ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

/** Range of a column's times: the years 1 to 9999. */
const [firstMs, endMs] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('+010000-01-01T00:00:00Z')];

/**
 * Formats a time as the warehouse does: `2026-11-21 09:00:00.5`, UTC, up to six digits of the fraction, no zeros at its
 * end.
 */
export function timestampText(text: string): string | undefined {
  const [, day, time, fraction = '', zone = 'Z'] = timestampPattern.exec(text) ?? [];
  if (day === undefined) return undefined;
  const moment = Date.parse(`${day}T${time}${zone}`);
  const same = Date.parse(`${day}T00:00:00Z`);
  // Some parsers read 31 April as 1 May.
  if (Number.isNaN(moment) || moment < firstMs || moment >= endMs) return undefined;
  if (new Date(same).toISOString().slice(0, 10) !== day) return undefined;
  const digits = fraction.slice(0, 6).replace(/0+$/, '');
  return `${new Date(moment).toISOString().slice(0, 19).replace('T', ' ')}${digits === '' ? '' : `.${digits}`}`;
}
