import { jsonType, quoteLiteral, type Value } from '../resolve/value';
import { boolean, integer, isText, superType, varchar } from '../types';
import { type Call, type FunctionEntry, maxText } from './call';

/** DuckDB reads trailing commas and NaN; Redshift's parser does not. Texts that may hold one are looked at again without their strings. */
const suspicious = ',\\s*[}\\]]|[nN][aA][nN]|[iI][nN][fF]';
const anyString = '"(?:[^"\\\\]|\\\\.)*"';

function isSuspicious(text: string): { sql: string; confirmed: string } {
  const pattern = quoteLiteral(suspicious);
  const withoutStrings = `regexp_replace(${text}, ${quoteLiteral(anyString)}, '0', 'g')`;
  return { sql: `regexp_matches(${text}, ${pattern})`, confirmed: `regexp_matches(${withoutStrings}, ${pattern})` };
}

function strictlyValid(text: string): string {
  const { sql, confirmed } = isSuspicious(text);
  return `case when ${text} is null then null when not json_valid(${text}) then false when ${sql} then not ${confirmed} else true end`;
}

/** Text, or bytes that have to be UTF-8; `lenient` gives NULL for those that are not. */
function jsonInput(call: Call, lenient: boolean): string {
  const value = call.typed(0);
  if (isText(value.type)) return call.repeated(value.sql);
  if (value.type.name === 'varbyte')
    return call.repeated(lenient ? `try(decode(${value.sql}))` : `decode(${value.sql})`);
  throw call.wrongType(0);
}

const typeNames = { OBJECT: 'object', ARRAY: 'array', VARCHAR: 'string', BOOLEAN: 'boolean', NULL: 'null' };

const typeof_ = (value: Value) => {
  const known = Object.entries(typeNames).map(([duckdb, name]) => `when '${duckdb}' then '${name}'`);
  const type = jsonType(value);
  return `case ${type} ${known.join(' ')} else case when ${type} is not null then 'number' end end`;
};

const isOfType = (...types: readonly string[]): FunctionEntry => ({
  arguments: [1, 1],
  emit: (call) => ({
    sql: `coalesce(${jsonType(call.super(0))} in (${types.map(quoteLiteral).join(', ')}), false)`,
    type: boolean,
  }),
});

export const jsonFunctions: Readonly<Record<string, FunctionEntry>> = {
  json_parse: {
    arguments: [1, 1],
    emit: (call) => {
      const text = jsonInput(call, false);
      const { sql, confirmed } = isSuspicious(text);
      const refused = `case when ${confirmed} then error('invalid JSON') else cast(${text} as json) end`;
      return { sql: `case when ${sql} then ${refused} else cast(${text} as json) end`, type: superType };
    },
  },
  can_json_parse: {
    arguments: [1, 1],
    emit: (call) => {
      const value = call.typed(0);
      const text = jsonInput(call, true);
      const valid = strictlyValid(text);
      return {
        sql:
          value.type.name === 'varbyte'
            ? `case when ${value.sql} is not null then coalesce(${valid}, false) end`
            : `(${valid})`,
        type: boolean,
      };
    },
  },
  json_serialize: {
    arguments: [1, 1],
    emit: (call) => ({ sql: `cast(json(${call.super(0).sql}) as varchar)`, type: maxText }),
  },
  json_size: {
    arguments: [1, 1],
    emit: (call) => ({ sql: `cast(strlen(cast(json(${call.super(0).sql}) as varchar)) as integer)`, type: integer }),
  },
  json_typeof: { arguments: [1, 1], emit: (call) => ({ sql: typeof_(call.super(0)), type: varchar(16) }) },
  is_object: isOfType('OBJECT'),
  is_array: isOfType('ARRAY'),
  is_boolean: isOfType('BOOLEAN'),
  is_varchar: isOfType('VARCHAR'),
  get_array_length: {
    arguments: [1, 1],
    emit: (call) => {
      const value = call.super(0);
      return {
        sql: `case when ${jsonType(value)} = 'ARRAY' then cast(json_array_length(${value.sql}) as integer) end`,
        type: integer,
      };
    },
  },
};
