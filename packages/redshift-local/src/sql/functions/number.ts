import { failure, failureWith } from '../failure';
import { blankKey, ofBlankKey, withoutBlanks } from '../resolve/blanks';
import { finite } from '../resolve/cast';
import { compare, resolveBinary, settle, unify } from '../resolve/operators';
import { letting, quoteLiteral, type Value } from '../resolve/value';
import { settings } from '../settings';
import {
  asDecimal,
  bigint,
  decimal,
  double,
  duckdbType,
  integer,
  isFloat,
  isInteger,
  isNumeric,
  isText,
  type Type,
  varchar,
} from '../types';
import type { Call, FunctionEntry } from './call';

/**
 * A numeric argument. A string literal may mean any number type, so it is accepted only where the argument becomes a
 * double.
 */
function number(call: Call, i: number, literals: Type = integer): { sql: string; type: Type } {
  const given = call.value(i);
  if (given.type.name === 'unknown' && typeof given.constant === 'string' && !isFloat(literals))
    throw call.wrongType(i);
  const value = settle(call.environment, given, literals, call.node.at);
  if (!isNumeric(value.type)) throw call.wrongType(i);
  return value;
}

/**
 * A rounded decimal has the requested number of decimal places, as the examples on the functions' pages show. Integers
 * are returned unchanged, unless `places` is negative.
 */
function rounded(call: Call, name: 'floor' | 'ceil' | 'trunc' | 'round', places: number): { sql: string; type: Type } {
  const { sql, type } = number(call, 0);
  if (isFloat(type)) {
    const value = `cast(${sql} as double)`;
    // Rounds halves away from zero, as for decimals. Redshift does not document this for floating-point numbers.
    return { sql: name === 'round' ? `round(${value}, ${places})` : `${name}(${value})`, type: double };
  }
  if (isInteger(type) && places >= 0) return { sql, type };
  if (isInteger(type)) return { sql: `cast(${name}(cast(${sql} as decimal(38, 0)), ${places}) as ${type.name})`, type };
  const { precision, scale } = asDecimal(type)!;
  const kept = Math.max(0, Math.min(scale, places));
  const result = decimal(Math.min(38, Math.max(1, precision - scale + kept + 1)), kept);
  const arguments_ = name === 'round' || name === 'trunc' ? `${sql}, ${Math.min(scale, places)}` : sql;
  return { sql: `cast(${name}(${arguments_}) as ${duckdbType(result)})`, type: result };
}

const whole = (name: 'floor' | 'ceil'): FunctionEntry => ({
  arguments: [1, 1],
  emit: (call) => rounded(call, name, 0),
});

const toPlaces = (name: 'trunc' | 'round'): FunctionEntry => ({
  arguments: [1, 2],
  emit: (call) => {
    const places = call.count === 2 ? call.literalInteger(1, -37, 37) : 0;
    if (name === 'trunc' && places !== 0 && isFloat(call.value(0).type)) throw call.wrongType(0);
    return rounded(call, name, places);
  },
});

const truncDate: FunctionEntry = {
  arguments: [1, 2],
  emit: (call) => {
    const { type } = call.value(0);
    if (type.name === 'timestamp') return { sql: `cast(${call.value(0).sql} as date)`, type: { name: 'date' } };
    return toPlaces('trunc').emit(call);
  },
};

/** Computes with doubles, whatever the argument's type. */
const double_ = (emit: (x: string) => string): FunctionEntry => ({
  arguments: [1, 1],
  emit: (call) => ({ sql: finite(emit(`cast(${number(call, 0, double).sql} as double)`), double), type: double }),
});

const power: FunctionEntry = {
  arguments: [2, 2],
  emit: (call) => {
    const [x, y] = [0, 1].map((i) => `cast(${number(call, i, double).sql} as double)`);
    const complex = failure('a negative number raised to a non-integer power yields a complex result');
    const guarded = letting(
      'n',
      finite(`power(${x}, ${y})`, double),
      (n) => `case when isnan(${n}) then ${complex} else ${n} end`,
    );
    return { sql: guarded, type: double };
  },
};

const doubles: Readonly<Record<string, FunctionEntry>> = {
  sqrt: double_((x) => `sqrt(${x})`),
  exp: double_((x) => `exp(${x})`),
  ln: double_((x) => `ln(${x})`),
  log: double_((x) => `log10(${x})`),
  cbrt: double_((x) => `cbrt(${x})`),
  degrees: double_((x) => `degrees(${x})`),
  radians: double_((x) => `radians(${x})`),
  power,
  pow: power,
  pi: { arguments: [0, 0], emit: () => ({ sql: 'pi()', type: double }) },
  sign: {
    arguments: [1, 1],
    emit: (call) => {
      const { sql, type } = number(call, 0);
      // Whether an integer becomes a decimal or a double is undocumented
      // (https://docs.aws.amazon.com/redshift/latest/dg/r_SIGN.html).
      if (isInteger(type))
        throw call.unsupported('function SIGN of an integer (cast it to decimal or double precision)');
      const result = isFloat(type) ? double : decimal(1, 0);
      return { sql: `cast(sign(${sql}) as ${duckdbType(result)})`, type: result };
    },
  },
};

const digits = '0123456789abcdefghijklmnopqrstuvwxyz';

/**
 * Reads blanks, a sign, `0x` for base 16, and digits; an empty text is 0
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_STRTOL.html). Characters after the digits are refused, because the
 * page does not mention them.
 */
function readInteger(text: string, base: number): string {
  const pattern = `\\s*[+-]?${base === 16 ? '(?:0x)?' : ''}([${digits.slice(0, base)}]+)`;
  return letting('n', text, (n) => {
    const unread = failureWith('STRTOL of this text is not supported by the local warehouse', n);
    const places = `string_split(regexp_extract(lower(${n}), '^${pattern}$', 1), '')`;
    const values = `list_transform(${places}, lambda c: cast(strpos('${digits}', c) - 1 as hugeint))`;
    const total = `list_reduce(list_prepend(0::hugeint, ${values}), lambda sum, place: sum * ${base} + place)`;
    const signed = `case when ltrim(${n}) like '-%' then -${total} else ${total} end`;
    return `case when ${n} is null then null when ${n} = '' then 0 when regexp_full_match(lower(${n}), '${pattern}') then cast(${signed} as bigint) else ${unread} end`;
  });
}

export const numberFunctions: Readonly<Record<string, FunctionEntry>> = {
  abs: {
    arguments: [1, 1],
    emit: (call) => {
      const { sql, type } = number(call, 0);
      return { sql: `abs(${sql})`, type };
    },
  },
  floor: whole('floor'),
  ceil: whole('ceil'),
  ceiling: whole('ceil'),
  trunc: truncDate,
  round: toPlaces('round'),
  ...doubles,
  strtol: {
    arguments: [2, 2],
    emit: (call) => ({ sql: readInteger(call.text(0).sql, call.literalInteger(1, 2, 36)), type: bigint }),
  },
  mod: {
    arguments: [2, 2],
    emit: (call) => {
      const [left, right] = call.node.args as [(typeof call.node.args)[0], (typeof call.node.args)[0]];
      return resolveBinary({ kind: 'binary', operator: '%', left, right, at: call.node.at }, call.environment);
    },
  },
};

function conditional(call: Call, values = call.values): { sql: string[]; type: Type } {
  return unify(call.environment, values, call.node.at, call.name);
}

const variadic = (name: string): FunctionEntry => ({
  arguments: [1, 100],
  emit: (call) => {
    const { sql, type } = conditional(call);
    if (type.name === 'super' && name !== 'coalesce') throw call.wrongType(0);
    if (type.name === 'super') throw call.unsupported(`function ${call.name} with super`);
    if (name !== 'coalesce' && type.name === 'varchar')
      return { sql: ofBlankKey(`${name}(${sql.map((item) => blankKey(call.repeated(item))).join(', ')})`), type };
    return { sql: `${name}(${sql.join(', ')})`, type, tight: isText(type) && call.values.every(isTight) };
  },
});

const isTight = ({ tight, constant }: Value): boolean =>
  tight === true || (typeof constant === 'string' && !constant.endsWith(' '));

const isLiteral = ({ type }: Value): boolean => type.name === 'unknown';
const isTextual = (value: Value): boolean => isLiteral(value) || isText(value.type);

export const conditionalFunctions: Readonly<Record<string, FunctionEntry>> = {
  coalesce: variadic('coalesce'),
  nvl: variadic('coalesce'),
  greatest: variadic('greatest'),
  least: variadic('least'),
  nvl2: {
    arguments: [3, 3],
    emit: (call) => {
      const tested = call.value(0);
      if (tested.type.name === 'super') throw call.wrongType(0);
      // A string literal turns a number beside it into text, so the number's own type would be wrong.
      if (typeof call.value(1).constant === 'string' && isLiteral(call.value(1)) && !isTextual(call.value(2)))
        throw call.unsupported('function NVL2 of a text in quotation marks and another type (cast it)');
      const { sql, type } = conditional(call, [call.value(1), call.value(2)]);
      const texts = new Set([call.value(1).type.name, call.value(2).type.name]);
      if (texts.has('char') && texts.has('varchar')) throw call.unsupported('function NVL2 with CHAR and VARCHAR');
      return { sql: `case when ${tested.sql} is not null then ${sql[0]} else ${sql[1]} end`, type };
    },
  },
  nullif: {
    arguments: [2, 2],
    emit: (call) => {
      const { name } = call.value(1).type;
      const untyped = call.value(0).type.name === 'unknown' && name !== 'unknown' && name !== 'super';
      const first = untyped ? settle(call.environment, call.value(0), call.value(1).type, call.node.at) : call.typed(0);
      const { sql } = compare('=', first, call.value(1), call.environment, call.node.at);
      call.repeated(first.sql);
      return { sql: `case when ${sql} then null else ${first.sql} end`, type: first.type };
    },
  },
  /** In DECODE, NULL equals NULL, unlike in CASE. */
  decode: {
    arguments: [3, 200],
    emit: (call) => {
      const pairs = Math.floor((call.count - 1) / 2);
      const results = Array.from({ length: pairs }, (_, i) => call.value(2 + 2 * i));
      if (call.count % 2 === 0) results.push(call.value(call.count - 1));
      const { sql, type } = conditional(call, results);
      const tested = conditional(call, [
        call.value(0),
        ...Array.from({ length: pairs }, (_, i) => call.value(1 + 2 * i)),
      ]);
      if (tested.type.name === 'super') throw call.wrongType(0);
      call.repeated(tested.sql[0]!);
      const [subject, ...searches] = isText(tested.type)
        ? tested.sql.map((item) => withoutBlanks({ sql: item }))
        : tested.sql;
      const branches = searches.map((search, i) => `when ${subject} is not distinct from ${search} then ${sql[i]}`);
      return { sql: `case ${branches.join(' ')}${sql.length > pairs ? ` else ${sql.at(-1)}` : ''} end`, type };
    },
  },
};

const session = (variable: string, type: Type, duckdb: string, otherwise?: number): FunctionEntry => {
  const value = `getvariable('${variable}')`;
  return {
    arguments: [0, 0],
    mutable: true,
    emit: () => ({
      sql: `cast(${otherwise === undefined ? value : `coalesce(${value}, ${otherwise})`} as ${duckdb})`,
      type,
    }),
  };
};

export const sessionFunctions: Readonly<Record<string, FunctionEntry>> = {
  pg_last_unload_count: session('millrace_last_unload_count', { name: 'bigint' }, 'bigint', 0),
  pg_last_copy_id: session('millrace_last_copy_id', { name: 'integer' }, 'integer', -1),
  current_schema: {
    arguments: [0, 0],
    mutable: true,
    node: 'leader',
    emit: (call) => ({
      sql: quoteLiteral(call.environment.context.catalog.defaultSchema ?? 'public'),
      type: varchar(128),
    }),
  },
  pg_backend_pid: session('millrace_pid', { name: 'integer' }, 'integer', 0),
  /** https://docs.aws.amazon.com/redshift/latest/dg/r_CURRENT_SETTING.html */
  current_setting: {
    arguments: [1, 1],
    mutable: true,
    emit: (call) => {
      const name = call.literal(0).toLowerCase();
      const value = call.environment.context.catalog.setting?.(name) ?? settings[name]?.standard;
      if (value === undefined) throw call.unsupported(`setting ${name} in function CURRENT_SETTING`);
      return { sql: quoteLiteral(value), type: varchar(256) };
    },
  },
  /**
   * Redshift's version is at the end of the text (https://docs.aws.amazon.com/redshift/latest/dg/r_VERSION.html). The
   * local warehouse is not a release of Redshift.
   */
  version: {
    arguments: [0, 0],
    mutable: true,
    node: 'leader',
    emit: () => ({ sql: quoteLiteral('PostgreSQL 8.0.2 on a local warehouse, Redshift 1.0.0'), type: varchar(256) }),
  },
  current_database: session('millrace_database', varchar(128), 'varchar'),
  session_user: session('millrace_user', varchar(128), 'varchar'),
  current_user: session('millrace_user', varchar(128), 'varchar'),
  user: session('millrace_user', varchar(128), 'varchar'),
};
