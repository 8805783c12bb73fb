import { isText, varchar } from '../types';
import type { Call, FunctionEntry } from './call';

const formats = ['hex', 'utf8', 'base64'] as const;

/** Of the documented formats all but `binary`. */
function formatOf(call: Call): (typeof formats)[number] {
  const given = call.literal(1).toLowerCase();
  const name = given === 'utf-8' || given === 'utf_8' ? 'utf8' : given;
  const format = formats.find((candidate) => candidate === name);
  if (!format) throw call.unsupported(`function ${call.name} with the format '${given}'`);
  return format;
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_TO_VARBYTE.html and r_FROM_VARBYTE.html */
export const binaryFunctions: Readonly<Record<string, FunctionEntry>> = {
  to_varbyte: {
    arguments: [2, 2],
    emit: (call) => {
      const { sql, length } = call.text(0);
      const bytes = {
        // An odd number of digits gets a zero in front.
        hex: `unhex(case when strlen(${call.repeated(sql)}) % 2 = 1 then '0' || ${sql} else ${sql} end)`,
        utf8: `encode(${sql})`,
        base64: `from_base64(${sql})`,
      };
      return { sql: bytes[formatOf(call)], type: { name: 'varbyte', length } };
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
