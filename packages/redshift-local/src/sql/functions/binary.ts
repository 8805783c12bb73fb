import { failure, failureWith } from '../failure';
import { letting, naming } from '../resolve/value';
import { boolean, isInteger, isText, varchar } from '../types';
import type { Call, FunctionEntry } from './call';

const formats = ['hex', 'utf8', 'base64'] as const;

/** Supports all documented formats except `binary`. */
function formatOf(call: Call): (typeof formats)[number] {
  const given = call.literal(1).toLowerCase();
  const name = given === 'utf-8' || given === 'utf_8' ? 'utf8' : given;
  const format = formats.find((candidate) => candidate === name);
  if (!format) throw call.unsupported(`function ${call.name} with the format '${given}'`);
  return format;
}

const base64 = '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?';

/** https://docs.aws.amazon.com/redshift/latest/dg/r_TO_VARBYTE.html and r_FROM_VARBYTE.html */
export const binaryFunctions: Readonly<Record<string, FunctionEntry>> = {
  /** Whether bytes are UTF-8. The preview of streaming ingestion used this function before FROM_VARBYTE existed. */
  is_utf8: {
    arguments: [1, 1],
    emit: (call) => {
      const { type, sql } = call.typed(0);
      if (type.name !== 'varbyte') throw call.wrongType(0);
      const sure = naming('b', sql, (b) => `try(decode(${b}))`);
      return { sql: `(case when ${call.repeated(sql)} is not null then ${sure} is not null end)`, type: boolean };
    },
  },
  to_hex: {
    arguments: [1, 1],
    emit: (call) => {
      const { type, sql } = call.typed(0);
      if (!isInteger(type)) throw call.wrongType(0);
      const refused = failure('function TO_HEX of a negative number is not supported by the local warehouse');
      const hex = letting('h', sql, (h) => `case when ${h} < 0 then ${refused} else lower(to_hex(${h})) end`);
      return { sql: hex, type: varchar(16) };
    },
  },
  to_varbyte: {
    arguments: [2, 2],
    emit: (call) => {
      const { sql, length } = call.text(0);
      const format = formatOf(call);
      const emitted = letting('y', sql, (y) => {
        const wrong = failureWith(`invalid ${format} text`, y);
        const bytes = {
          // An odd number of digits gets a leading zero.
          hex: `case when ${y} is null or regexp_full_match(${y}, '[0-9a-fA-F]*') then unhex(case when strlen(${y}) % 2 = 1 then '0' || ${y} else ${y} end) else ${wrong} end`,
          utf8: `encode(${y})`,
          base64: `case when ${y} is null or regexp_full_match(${y}, '${base64}') then from_base64(${y}) else ${wrong} end`,
        };
        return bytes[format];
      });
      return { sql: emitted, type: { name: 'varbyte', length } };
    },
  },
  from_varbyte: {
    arguments: [2, 2],
    emit: (call) => {
      const { type, sql } = call.typed(0);
      if (type.name !== 'varbyte' && !isText(type)) throw call.wrongType(0);
      const bytes = isText(type) ? `encode(${sql})` : sql;
      // Bytes that are not UTF-8 fail the statement.
      const text = { hex: `lower(hex(${bytes}))`, utf8: `decode(${bytes})`, base64: `to_base64(${bytes})` };
      return { sql: text[formatOf(call)], type: varchar(2 * type.length) };
    },
  },
};
