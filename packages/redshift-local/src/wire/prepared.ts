import type { Prompt } from '../engine/prompt';
import { maxSqlBytes } from '../engine/prompt';
import { inspect } from '../sql/inspect';
import type { BoundParameter, Parameters, RedshiftType, ResultColumn } from '../statement';
import { WireError } from './errors';
import type { MessageReader } from './messages';
import type { Formats } from './query';
import { decoded, oidOf, parameterType } from './types';

/** A statement of Parse. */
export interface Prepared {
  readonly sql: string;
  /** True if the text holds no statement. */
  readonly isEmpty: boolean;
  /** Type numbers of the parameters; 0 where the client leaves it to the server. */
  readonly parameters: readonly number[];
}

/** A statement with its values, of Bind. */
export interface Bound {
  readonly prepared: Prepared;
  readonly values: Parameters;
  readonly formats: Formats;
}

/** The type number of varchar, for a parameter whose use says nothing about its type. */
const anyText = 1043;

/** Reads the rest of a Parse message, after the name: the statement, and the types of its parameters. */
export function readParse(reader: MessageReader): { sql: string; oids: readonly number[] } {
  const sql = reader.text();
  const count = reader.uint16();
  return { sql, oids: Array.from({ length: count }, () => reader.int32()) };
}

/** @param given type numbers. @throws SqlError, WireError */
export function parsePrepared(sql: string, given: readonly number[], prompt: Prompt): Prepared {
  const { kinds, parameters } = inspect(sql, maxSqlBytes);
  if (kinds.length > 1) throw new WireError('42601', 'cannot insert multiple commands into a prepared statement');
  for (const kind of kinds) prompt.requireLive(kind);
  given.forEach((oid, i) => {
    parameterType(oid, null, `parameter $${i + 1}`);
  });
  const length = Math.max(parameters, given.length);
  return { sql, isEmpty: kinds.length === 0, parameters: Array.from({ length }, (_, i) => given[i] ?? 0) };
}

/** Describes a statement whose values are not known yet: the types of its parameters and the columns of its result. */
export async function describePrepared(
  { sql, parameters, isEmpty }: Prepared,
  prompt: Prompt,
  signal: AbortSignal,
): Promise<{ oids: readonly number[]; columns: readonly ResultColumn[] | undefined }> {
  if (isEmpty) return { oids: parameters, columns: undefined };
  const inferred = new Map<number, RedshiftType>();
  const values = parameters.map((oid, i): [string, BoundParameter] => {
    const infer = (type: RedshiftType) => inferred.set(i, inferred.get(i) ?? type);
    return [`$${i + 1}`, { text: null, type: parameterType(oid, null, `parameter $${i + 1}`), infer }];
  });
  const columns = await prompt.describe(sql, Object.fromEntries(values), signal);
  const oids = parameters.map((oid, i) => {
    const type = inferred.get(i);
    return oid || (type ? oidOf(type) : anyText);
  });
  return { oids, columns };
}

/** Reads the rest of a Bind message, after the names. @throws WireError */
export function bindPrepared(reader: MessageReader, prepared: Prepared): Bound {
  const formats = readFormats(reader);
  const count = reader.uint16();
  const expected = prepared.parameters.length;
  if (count !== expected)
    throw new WireError(
      '08P01',
      `bind message supplies ${count} parameters, but prepared statement requires ${expected}`,
    );
  if (formats.length > 1 && formats.length !== count)
    throw new WireError('08P01', `bind message has ${formats.length} parameter formats but ${count} parameters`);
  const values = prepared.parameters.map((oid, i): [string, BoundParameter] => {
    const what = `parameter $${i + 1}`;
    const length = reader.int32();
    const format = (formats.length > 1 ? formats[i] : formats[0]) ?? 0;
    const text = length < 0 ? null : decoded(reader.bytes(length), oid, format, what);
    return [`$${i + 1}`, { text, type: parameterType(oid, text, what) }];
  });
  return { prepared, values: Object.fromEntries(values), formats: readFormats(reader) };
}

function readFormats(reader: MessageReader): number[] {
  const formats = Array.from({ length: reader.uint16() }, () => reader.int16());
  const wrong = formats.find((format) => format !== 0 && format !== 1);
  if (wrong !== undefined) throw new WireError('08P01', `unsupported format code: ${wrong}`);
  return formats;
}
