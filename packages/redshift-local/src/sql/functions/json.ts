import { decimalText } from '../../decimal';
import {
  compactJson,
  faultFunction,
  faultOf,
  isLenientJson,
  isUsual,
  raisingVariable,
  typesVariable,
} from '../../json-text';
import { failure, failureMark, overflow } from '../failure';
import { bounded } from '../resolve/cast';
import { elementsOf, jsonText, jsonType, navigated, numberText } from '../resolve/super';
import { isColumn, letting, looksLikeString, naming, quoteLiteral, type Value } from '../resolve/value';
import { boolean, integer, isFloat, isInteger, isText, superType, varchar } from '../types';
import { type Call, type FunctionEntry, maxText } from './call';

function strictlyValid(text: string): string {
  return `case when ${text} is null then null when not json_valid(${text}) then false else (${faultOf(text)}) is null end`;
}

const invalidJson = 'invalid JSON';

const parsedJson = (text: string) =>
  naming('f', faultOf(text), (fault) => {
    const words = `error('${failureMark}${invalidJson}: ' || ${fault})`;
    const isInvalid = `not json_valid(${text}) or ${fault} = 'not JSON'`;
    return `case when ${text} is null then null when ${isInvalid} then ${failure(invalidJson)} when ${fault} is not null then ${words} else cast(${text} as json) end`;
  });

/**
 * The text to parse: a text, or bytes in UTF-8. For bytes that are not UTF-8, `lenient` gives NULL; without it, the
 * statement fails.
 */
function jsonInput(call: Call, lenient: boolean): string {
  const value = call.typed(0);
  if (isText(value.type)) return call.repeated(value.sql);
  if (value.type.name === 'varbyte') {
    if (!lenient) return call.repeated(`decode(${value.sql})`);
    // DuckDB's TRY accepts no argument with a function that raises errors itself. A named value hides the function.
    const attempt = (bytes: string) => `try(decode(${bytes}))`;
    return call.repeated(isColumn(value.sql) ? attempt(value.sql) : naming('b', value.sql, attempt));
  }
  throw call.wrongType(0);
}

/** Translates `case when can_json_parse(x) then json_parse(x) end` so that `x` is read once. */
export function parsedIfValid(call: Call): { sql: string; type: typeof superType } {
  const input = jsonInput(call, true);
  const parsed = (text: string) =>
    `case when ${isUsual(text)} then try_cast(${text} as json) when json_valid(${text}) and ${faultFunction}(${text}) is null then cast(${text} as json) end`;
  // Decoding a column several times is cheaper than naming its text.
  return { sql: isColumn(call.typed(0).sql) ? parsed(input) : naming('p', input, parsed), type: superType };
}

const typeof_ = (value: Value) => {
  const looked = `getvariable('${typesVariable}')[${jsonType(value)}]`;
  return isColumn(value.sql) ? `case when ${looksLikeString(value.sql)} then 'string' else ${looked} end` : looked;
};

/** Fails the statement for a value that a test has chosen. */
const raising = (call: Call, body: (value: Value) => string) => {
  const value = call.super(0);
  if (!call.environment.context.mayRaise) return `(${body(value)})`;
  const chosen = `getvariable('${raisingVariable}')`;
  return `(case when ${chosen} is not null and list_contains(${chosen}, cast(${value.sql} as varchar)) then ${failure(overflow)} else ${body(value)} end)`;
};

const isOfType = (...types: readonly string[]): FunctionEntry => ({
  arguments: [1, 1],
  emit: (call) => ({
    sql: `coalesce(${jsonType(call.super(0))} in (${types.map(quoteLiteral).join(', ')}), false)`,
    type: boolean,
  }),
});

const constructed = (open: string, parts: readonly string[], close: string) =>
  `cast('${open}' || ${parts.length > 0 ? `${parts.join(" || ',' || ")} || ` : ''}'${close}' as json)`;

/**
 * The JSON text of a value; NULL becomes null. Dates and times are refused, because Redshift does not convert them to
 * SUPER.
 */
function elementText(call: Call, i: number): string {
  const value = call.typed(i);
  const { type, sql } = value;
  if (value.constant === null) return `'null'`;
  if (type.name === 'super') return `coalesce(cast(${sql} as varchar), 'null')`;
  // A decimal keeps its decimal places.
  if (type.name === 'decimal') return `coalesce(${decimalText(sql, type)}, 'null')`;
  const plain = isText(type) || isInteger(type) || isFloat(type) || type.name === 'boolean';
  if (!plain) throw call.wrongType(i);
  return `coalesce(cast(to_json(${sql}) as varchar), 'null')`;
}

/**
 * NULL if the path leads nowhere. A value is returned as the text spells it. The statement fails if DuckDB's spelling
 * of a number or a nested value could differ.
 * https://docs.aws.amazon.com/redshift/latest/dg/JSON_EXTRACT_PATH_TEXT.html
 */
function extractPathText(call: Call): { sql: string; type: typeof maxText } {
  const last = call.value(call.count - 1);
  const lenient = last.type.name === 'boolean';
  if (lenient && !/^(?:true|false)$/.test(last.sql)) throw call.wrongType(call.count - 1);
  const elements = Array.from({ length: call.count - (lenient ? 2 : 1) }, (_, i) => call.literal(i + 1));
  if (elements.length < 1 || elements.length > 5)
    throw call.unsupported(`a path of ${elements.length} elements in function ${call.name}`);
  const odd = elements.find((element) => element === '' || /["*\\\p{Cc}]/u.test(element));
  if (odd !== undefined) throw call.unsupported(`path element ${JSON.stringify(odd)}`);
  if (call.value(0).constant === null) return { sql: 'cast(null as varchar)', type: maxText };
  const invalid = last.sql === 'true' ? 'null' : failure('invalid json object');
  const sql = letting('j', `cast(${call.text(0).sql} as varchar)`, (j) => {
    const arrays = elements.map((_, i) => `${jsonType(navigated(j, elements.slice(0, i)))} = 'ARRAY'`);
    const within = `when ${arrays.join(' or ')} then ${failure('JSON_EXTRACT_PATH_TEXT of what an array holds is not supported by the local warehouse (use JSON_PARSE)')}`;
    return `case when ${j} is null then null when not (${strictlyValid(j)}) then ${invalid} ${within} else ${spelledValue(j, elements)} end`;
  });
  return { sql, type: maxText };
}

/**
 * The value below a path. A nested value must occur in the text without blanks, and a number must have no exponent;
 * otherwise the statement fails.
 */
function spelledValue(text: string, path: readonly string[]): string {
  const found = navigated(text, path);
  const exact = numberText(found);
  const nested = `strpos(${text}, ${exact}) > 0`;
  const known = `case when ${jsonType(found)} = 'DOUBLE' then not contains(lower(${exact}), 'e') when ${jsonType(found)} in ('OBJECT', 'ARRAY') then ${nested} else true end`;
  const shown = `case when ${jsonType(found)} in ('DOUBLE', 'OBJECT', 'ARRAY') then ${exact} else ${jsonText(found)} end`;
  const unknown = failure(
    'JSON_EXTRACT_PATH_TEXT of a value that may be spelled otherwise is not supported by the local warehouse (use JSON_PARSE)',
  );
  return `case when ${jsonType(found)} = 'NULL' then null when ${known} then ${shown} else ${unknown} end`;
}

/** The JSON text of a SUPER value without blanks. Numbers keep their digits. */
function serialized(call: Call): string {
  return letting('z', `cast(${call.super(0).sql} as varchar)`, (z) => compactJson(z));
}

/**
 * Whether a text is one JSON object, or one array; NULL for NULL
 * (https://docs.aws.amazon.com/redshift/latest/dg/IS_VALID_JSON.html, IS_VALID_JSON_ARRAY). Duplicate attributes are
 * refused, because their result is undocumented.
 */
const isValid = (type: 'OBJECT' | 'ARRAY'): FunctionEntry => ({
  arguments: [1, 1],
  emit: (call) => {
    const twice = failure(
      `an attribute that is there twice in a text of ${call.name} is not supported by the local warehouse`,
    );
    const sql = letting('v', `cast(${call.text(0).sql} as varchar)`, (v) => {
      const isOne = `case when ${faultOf(v)} = 'an object has an attribute twice' then ${twice} else (${faultOf(v)}) is null end`;
      return `case when ${v} is null then null when not json_valid(${v}) then false when json_type(${v}) = '${type}' then ${isOne} else false end`;
    });
    return { sql: `(${sql})`, type: boolean };
  },
});

/** Applies `body` to a text that is a JSON array. Any other text is an error, or NULL with null_if_invalid. */
function ofArray(call: Call, nullIfInvalidAt: number, body: (array: string) => string): string {
  const flag = call.count > nullIfInvalidAt ? call.value(nullIfInvalidAt).sql : 'false';
  if (!/^(?:true|false)$/.test(flag)) throw call.wrongType(nullIfInvalidAt);
  const invalid = flag === 'true' ? 'null' : failure('invalid json array object');
  return letting('a', `cast(${call.text(0).sql} as varchar)`, (a) => {
    const isArray = `json_type(${a}) = 'ARRAY'`;
    return `case when ${a} is null then null when not json_valid(${a}) then ${invalid} when ${isLenientJson(a)} then ${invalid} when not ${isArray} then ${invalid} else ${body(a)} end`;
  });
}

/** https://docs.aws.amazon.com/redshift/latest/dg/JSON_ARRAY_LENGTH.html */
const arrayLength: FunctionEntry = {
  arguments: [1, 2],
  emit: (call) => ({ sql: ofArray(call, 1, (a) => `cast(json_array_length(${a}) as integer)`), type: integer }),
};

/**
 * NULL for a negative position and for one past the end
 * (https://docs.aws.amazon.com/redshift/latest/dg/JSON_EXTRACT_ARRAY_ELEMENT_TEXT.html). Only texts, booleans and whole
 * numbers are supported, because the spelling of other elements is undocumented.
 */
const arrayElement: FunctionEntry = {
  arguments: [2, 3],
  emit: (call) => {
    const constant = call.value(1).constant;
    if (typeof constant !== 'string' || !/^-?\d{1,9}$/.test(constant))
      throw call.unsupported(`argument 2 of function ${call.name} that is not an integer literal`);
    const unknown = failure(
      `a ${call.name} that is no text, boolean or whole number of 18 digits is not supported by the local warehouse (use JSON_PARSE)`,
    );
    const element = (a: string) => {
      const at = `'$[${constant}]'`;
      const text = `json_extract_string(${a}, ${at})`;
      return `case when json_type(${a}, ${at}) is null then null when json_type(${a}, ${at}) in ('VARCHAR', 'BOOLEAN') or (json_type(${a}, ${at}) in ('BIGINT', 'UBIGINT') and length(${text}) <= 18 and ${text} <> '0') then ${text} else ${unknown} end`;
    };
    const sql = ofArray(call, 2, constant.startsWith('-') ? () => 'null' : element);
    return { sql: `cast(${sql} as varchar)`, type: maxText };
  },
};

/**
 * The elements of an argument that must be an array; NULL for NULL. Other values are refused, because their result is
 * undocumented.
 */
function elements(call: Call, i: number): string {
  const value = call.super(i);
  const refused = failure(`function ${call.name} of a value that is no array is not supported by the local warehouse`);
  return `cast(case when coalesce(${call.repeated(jsonType(value))}, 'NULL') = 'NULL' then null when ${jsonType(value)} = 'ARRAY' then ${elementsOf(value)} else ${refused} end as json[])`;
}

const joined = (list: string) =>
  `cast('[' || array_to_string(list_transform(${list}, lambda millrace_let_y: cast(millrace_let_y as varchar)), ',') || ']' as json)`;

const noArray = { sql: 'cast(null as json)', type: superType } as const;
const isNull = (call: Call) => call.values.some(({ constant }) => constant === null);

/** https://docs.aws.amazon.com/redshift/latest/dg/Array_Functions.html */
const arrayFunctions: Readonly<Record<string, FunctionEntry>> = {
  array_concat: {
    arguments: [2, 2],
    emit: (call) => {
      if (isNull(call)) return noArray;
      const both = `{'a': ${elements(call, 0)}, 'b': ${elements(call, 1)}}`;
      const sql = naming('c', both, (c) => {
        const whole = joined(`list_concat(${c}.a, ${c}.b)`);
        return `case when ${c}.a is null or ${c}.b is null then null else ${whole} end`;
      });
      return { sql, type: superType };
    },
  },
  /**
   * Flattens one level, as the example of https://docs.aws.amazon.com/redshift/latest/dg/r_array_flatten.html does.
   * Deeper arrays are refused.
   */
  array_flatten: {
    arguments: [1, 1],
    emit: (call) => {
      if (isNull(call)) return noArray;
      const deep = failure('function ARRAY_FLATTEN of deeper arrays is not supported by the local warehouse');
      const inner = (list: string) =>
        `flatten(list_transform(${list}, lambda millrace_let_z: case when json_type(millrace_let_z) = 'ARRAY' then json_extract(millrace_let_z, '$[*]') else [millrace_let_z] end))`;
      const sql = naming('f', elements(call, 0), (f) => {
        const flat = inner(f);
        const isDeep = `len(list_filter(${flat}, lambda millrace_let_v: json_type(millrace_let_v) = 'ARRAY')) > 0`;
        return `case when ${f} is null then null when ${isDeep} then ${deep} else ${joined(flat)} end`;
      });
      return { sql, type: superType };
    },
  },
  subarray: {
    arguments: [3, 3],
    emit: (call) => {
      if (isNull(call)) return noArray;
      const [start, count] = [call.literalInteger(1, 0), call.literalInteger(2, 0)];
      const sql = naming('u', elements(call, 0), (u) => {
        return `case when ${u} is null then null else ${joined(`list_slice(${u}, ${start + 1}, ${start + count})`)} end`;
      });
      return { sql, type: superType };
    },
  },
  split_to_array: {
    arguments: [1, 2],
    emit: (call) => {
      const delimiter = call.count === 2 ? call.literal(1) : ',';
      if (delimiter === '') throw call.unsupported('function SPLIT_TO_ARRAY with an empty delimiter');
      const parts = `string_split(${call.text(0).sql}, ${quoteLiteral(delimiter)})`;
      return { sql: `cast(to_json(${parts}) as json)`, type: superType };
    },
  },
};

export const jsonFunctions: Readonly<Record<string, FunctionEntry>> = {
  ...arrayFunctions,
  json_parse: {
    arguments: [1, 1],
    emit: (call) => ({ sql: letting('t', jsonInput(call, false), parsedJson), type: superType }),
  },
  can_json_parse: {
    arguments: [1, 1],
    emit: (call) => {
      const value = call.typed(0);
      const text = jsonInput(call, true);
      const valid = letting('t', text, strictlyValid);
      return {
        sql:
          value.type.name === 'varbyte'
            ? `case when ${value.sql} is not null then coalesce(${valid}, false) end`
            : `(${valid})`,
        type: boolean,
      };
    },
  },
  is_valid_json: isValid('OBJECT'),
  is_valid_json_array: isValid('ARRAY'),
  json_array_length: arrayLength,
  json_extract_array_element_text: arrayElement,
  json_extract_path_text: { arguments: [2, 7], emit: extractPathText },
  json_serialize: {
    arguments: [1, 1],
    // https://docs.aws.amazon.com/redshift/latest/dg/JSON_SERIALIZE.html
    emit: (call) => ({ sql: bounded(call.repeated(serialized(call))), type: maxText }),
  },
  json_size: {
    arguments: [1, 1],
    emit: (call) => {
      const { sql } = call.super(0);
      // The serialized text has no blanks and no needless escapes, so it is never longer than the original.
      const atMost = isColumn(sql) ? `strlen(cast(${sql} as varchar))` : undefined;
      return { sql: `cast(strlen(${serialized(call)}) as integer)`, type: integer, atMost };
    },
  },
  json_typeof: { arguments: [1, 1], emit: (call) => ({ sql: raising(call, typeof_), type: varchar(16), tight: true }) },
  is_object: isOfType('OBJECT'),
  is_array: isOfType('ARRAY'),
  is_boolean: isOfType('BOOLEAN'),
  is_varchar: {
    arguments: [1, 1],
    emit: (call) => {
      const { sql } = isOfType('VARCHAR').emit(call);
      const body = ({ sql: value }: Value) =>
        isColumn(value) ? `case when ${looksLikeString(value)} then true else ${sql} end` : sql;
      return { sql: raising(call, body), type: boolean };
    },
  },
  is_scalar: isOfType('VARCHAR', 'BOOLEAN', 'UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE'),
  object: {
    arguments: [0, 200],
    emit: (call) => {
      if (call.count % 2 === 1) throw call.unsupported('function OBJECT with a key that has no value');
      const pairs = Array.from({ length: call.count / 2 }, (_, i) => {
        const key = call.text(2 * i).sql;
        const named = `coalesce(${call.repeated(key)}, ${failure('the key of an object is NULL')})`;
        return `cast(to_json(${named}) as varchar) || ':' || ${elementText(call, 2 * i + 1)}`;
      });
      return { sql: constructed('{', pairs, '}'), type: superType };
    },
  },
  array: {
    arguments: [0, 200],
    emit: (call) => {
      const elements = Array.from({ length: call.count }, (_, i) => elementText(call, i));
      return { sql: constructed('[', elements, ']'), type: superType };
    },
  },
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
