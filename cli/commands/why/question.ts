import { createHash } from 'node:crypto';
import type { Column, Pipeline } from '../../../pipelines/definition';
import { Failure } from '../../failure';

/** Which event is asked for: by its id, or by columns that it has. */
export interface Question {
  readonly pipeline: Pipeline;
  readonly id?: string;
  /** Given texts by column name. */
  readonly fields: ReadonlyMap<Column, string>;
}

/**
 * Reads `<event id>` or `column=value …`. Columns that make up the identity give the id too.
 * @throws Failure naming the argument that makes no sense
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

/** Whether a record's payload is what is asked for. A payload that is no object never is. */
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
 * The id that the merge gives to a payload: the SHA-256 of the identity columns' values, each text behind its length (sql/typing/event-id.ts).
 * Undefined where a column is missing or does not fit, and for a pipeline whose identity is the position on the stream. Numbers beyond
 * 2^53 are not told apart here.
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
    parts.push(column.type === 'varchar' ? `${Buffer.byteLength(text)}:${text}` : text);
  }
  return createHash('sha256').update(parts.join(',')).digest('hex');
}

/** The id of a record where the position on the stream is the identity. */
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

/** A payload's value as the warehouse writes the column; undefined where it does not fit. */
function columnText(column: Column, value: unknown): string | undefined {
  switch (column.type) {
    case 'varchar':
      return typeof value === 'string' && Buffer.byteLength(value) <= column.maxBytes ? value : undefined;
    case 'timestamp':
      return typeof value === 'string' ? timestampText(value) : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? String(value) : undefined;
    case 'bigint':
      return typeof value === 'number' && Number.isInteger(value) ? String(value) : undefined;
    case 'decimal':
      return typeof value === 'number' ? decimalText(String(value), column.scale) : undefined;
    case 'double':
      return typeof value === 'number' ? String(value) : undefined;
  }
}

/** The same of a text from the command line. */
function givenText(column: Column, given: string): string | undefined {
  switch (column.type) {
    case 'varchar':
      return given;
    case 'boolean':
      return given === 'true' || given === 'false' ? given : undefined;
    case 'timestamp':
      return timestampText(given);
    default:
      return /^-?\d+(\.\d+)?$/.test(given) ? columnText(column, Number(given)) : undefined;
  }
}

function decimalText(text: string, scale: number): string | undefined {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) return undefined;
  const fraction = (match[2] ?? '').replace(/0+$/, '');
  if (fraction.length > scale) return undefined;
  return scale === 0 ? match[1]! : `${match[1]}.${fraction.padEnd(scale, '0')}`;
}

const timestampPattern =
  /^(\d{4}-\d\d-\d\d)[T ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

/** Times that columns hold: the years 1 to 9999. */
const [firstMs, endMs] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('+010000-01-01T00:00:00Z')];

/** `2026-11-21 09:00:00.5`: UTC, at most six digits of the fraction, none that are zero at the end. */
export function timestampText(text: string): string | undefined {
  const [, day, time, fraction = '', zone = 'Z'] = timestampPattern.exec(text) ?? [];
  if (day === undefined) return undefined;
  const moment = Date.parse(`${day}T${time}${zone}`);
  const same = Date.parse(`${day}T00:00:00Z`);
  // 31 April is the 1 May for some parsers
  if (Number.isNaN(moment) || moment < firstMs || moment >= endMs) return undefined;
  if (new Date(same).toISOString().slice(0, 10) !== day) return undefined;
  const digits = fraction.slice(0, 6).replace(/0+$/, '');
  return `${new Date(moment).toISOString().slice(0, 19).replace('T', ' ')}${digits === '' ? '' : `.${digits}`}`;
}
