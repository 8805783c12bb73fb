import type { BinaryOperator, Expression } from '../ast';
import {
  asDecimal,
  bigint,
  boolean,
  commonType,
  date,
  decimal,
  describe,
  double,
  duckdbType,
  integer,
  isFloat,
  isInteger,
  isNumeric,
  isText,
  isTime,
  type Type,
  timestamp,
  varchar,
} from '../types';
import type { Environment } from './environment';
import { quoteLiteral, type Value } from './value';

type Binary = Expression & { kind: 'binary' };

const flags = (...values: Value[]) => ({
  aggregate: values.some((value) => value.aggregate),
  window: values.some((value) => value.window),
});

/** Turns a literal of unknown type into one of the given type; other values stay as they are. */
export function settle(environment: Environment, value: Value, type: Type, at: number): Value {
  if (value.type.name !== 'unknown') return value;
  return environment.caster.cast(
    value,
    type.name === 'unknown' ? varchar(Math.max(1, Buffer.byteLength(value.constant ?? ''))) : type,
    'explicit',
    at,
  );
}

/** Values made one type, as for CASE, COALESCE, IN and UNION. */
export function unify(
  environment: Environment,
  values: readonly Value[],
  at: number,
  what: string,
): { type: Type; sql: string[] } {
  let type: Type = { name: 'unknown' };
  for (const value of values) {
    const common = commonType(type, value.type);
    if (!common)
      throw environment.context.source.error(
        `${what} types ${describe(type)} and ${describe(value.type)} cannot be matched`,
        at,
      );
    type = common;
  }
  if (type.name === 'unknown')
    type = varchar(Math.max(1, ...values.map((value) => Buffer.byteLength(value.constant ?? ''))));
  return { type, sql: values.map((value) => widen(environment, value, type, at)) };
}

function widen(environment: Environment, value: Value, type: Type, at: number): string {
  if (value.type.name === 'unknown') return settle(environment, value, type, at).sql;
  const same = duckdbType(value.type) === duckdbType(type);
  return same ? value.sql : `cast(${value.sql} as ${duckdbType(type)})`;
}

export function resolveBinary(node: Binary, environment: Environment): Value {
  const { context, resolve } = environment;
  const { operator, at } = node;
  if (node.right.kind === 'interval') return addInterval(node, node.right.text, environment);
  const left = resolve(node.left, environment);
  const right = resolve(node.right, environment);
  if (['=', '<>', '<', '>', '<=', '>='].includes(operator)) return compare(operator, left, right, environment, at);
  if (operator === '||') return concatenate(left, right, environment, at);
  const fallback = left.type.name === 'unknown' ? right.type : left.type;
  const a = settle(environment, left, isNumeric(fallback) ? fallback : right.type, at);
  const b = settle(environment, right, isTime(a.type) ? integer : fallback, at);
  if (isTime(a.type) || isTime(b.type)) return { ...dateArithmetic(operator, a, b, environment, at), ...flags(a, b) };
  if (!isNumeric(a.type) || !isNumeric(b.type)) {
    throw context.source.unsupported(
      `operator ${operator} between ${describe(left.type)} and ${describe(right.type)}`,
      at,
    );
  }
  return { ...arithmetic(operator, a, b, environment, at), ...flags(a, b) };
}

function dateArithmetic(operator: BinaryOperator, a: Value, b: Value, { context }: Environment, at: number): Value {
  if (a.type.name === 'date' && isInteger(b.type) && (operator === '+' || operator === '-')) {
    return { sql: `(${a.sql} ${operator} cast(${b.sql} as integer))`, type: date };
  }
  if (a.type.name === 'date' && b.type.name === 'date' && operator === '-')
    return { sql: `cast(${a.sql} - ${b.sql} as integer)`, type: integer };
  throw context.source.unsupported(`operator ${operator} between ${describe(a.type)} and ${describe(b.type)}`, at);
}

const intervalUnits = /^\s*(-?\d{1,9})\s+(year|month|week|day|hour|minute|second)s?\s*$/i;

function addInterval(node: Binary, text: string, environment: Environment): Value {
  const { source } = environment.context;
  const found = intervalUnits.exec(text);
  if (!found || (node.operator !== '+' && node.operator !== '-'))
    throw source.unsupported(`interval '${text}' with operator ${node.operator}`, node.right.at);
  const left = settle(environment, environment.resolve(node.left, environment), timestamp, node.at);
  if (left.type.name !== 'date' && left.type.name !== 'timestamp')
    throw source.unsupported(`operator ${node.operator} between ${describe(left.type)} and interval`, node.at);
  return {
    sql: `(cast(${left.sql} as timestamp) ${node.operator} interval '${found[1]} ${found[2]!.toLowerCase()}s')`,
    type: timestamp,
    ...flags(left),
  };
}

function arithmetic(operator: BinaryOperator, a: Value, b: Value, environment: Environment, at: number): Value {
  const { source } = environment.context;
  if (isFloat(a.type) || isFloat(b.type)) {
    if (operator === '%')
      throw source.unsupported(`operator % between ${describe(a.type)} and ${describe(b.type)}`, at);
    const [x, y] = [`cast(${a.sql} as double)`, `cast(${b.sql} as double)`];
    return { sql: operator === '/' ? divided(x, y, '/', b, environment, at) : `(${x} ${operator} ${y})`, type: double };
  }
  if (isInteger(a.type) && isInteger(b.type)) {
    const type = commonType(a.type, b.type)!;
    const operands = [a, b].map((value) =>
      value.type.name === type.name ? value.sql : `cast(${value.sql} as ${type.name})`,
    ) as [string, string];
    if (operator === '/') return { sql: divided(...operands, '//', b, environment, at), type };
    if (operator === '%') return { sql: divided(...operands, '%', b, environment, at), type };
    return { sql: `(${operands[0]} ${operator} ${operands[1]})`, type };
  }
  return decimalArithmetic(operator, a, b, environment, at);
}

/** DuckDB answers NULL or infinity where Redshift reports an error. */
function divided(x: string, y: string, operator: string, divisor: Value, { caster }: Environment, at: number): string {
  if (divisor.constant !== undefined && Number(divisor.constant) !== 0) return `(${x} ${operator} ${y})`;
  caster.repeated(y, at);
  return `case when ${y} = 0 then error('division by zero') else ${x} ${operator} ${y} end`;
}

/** Precision and scale as in https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html */
function decimalArithmetic(operator: BinaryOperator, a: Value, b: Value, { context }: Environment, at: number): Value {
  const [x, y] = [asDecimal(a.type)!, asDecimal(b.type)!];
  if (operator === '/' || operator === '%') {
    throw context.source.unsupported(
      `operator ${operator} between ${describe(a.type)} and ${describe(b.type)} (cast to double precision or bigint)`,
      at,
    );
  }
  const scale = operator === '*' ? x.scale + y.scale : Math.max(x.scale, y.scale);
  const precision =
    operator === '*'
      ? x.precision + y.precision + 1
      : Math.max(x.precision - x.scale, y.precision - y.scale) + scale + 1;
  if (operator === '*' && precision > 38)
    throw context.source.unsupported(
      `a product of ${describe(a.type)} and ${describe(b.type)}, which has more than 38 digits`,
      at,
    );
  return { sql: `(${a.sql} ${operator} ${b.sql})`, type: decimal(Math.min(38, precision), scale) };
}

function concatenate(left: Value, right: Value, environment: Environment, at: number): Value {
  const parts = [left, right].map((value) => {
    const settled = settle(environment, value, { name: 'unknown' }, at);
    if (isText(settled.type)) return settled;
    if (isInteger(settled.type)) return environment.caster.cast(settled, varchar(20), 'explicit', at);
    throw environment.context.source.unsupported(`operator || with ${describe(settled.type)} (cast it to varchar)`, at);
  });
  const length = parts.reduce((sum, part) => sum + (isText(part.type) ? part.type.length : 0), 0);
  return { sql: `(${parts[0]!.sql} || ${parts[1]!.sql})`, type: varchar(length), ...flags(left, right) };
}

/** Both sides ready to be compared with each other. */
export function comparable(
  left: Value,
  right: Value,
  environment: Environment,
  at: number,
  what: string,
): [string, string] {
  const plain = (type: Type): Type => (type.name === 'super' ? { name: 'unknown' } : type);
  const a = settle(environment, left, plain(right.type), at);
  const b = settle(environment, right, plain(a.type), at);
  const type = commonType(a.type, b.type);
  if (!type || type.name === 'super' || type.name === 'varbyte') {
    const hint = a.type.name === 'super' || b.type.name === 'super' ? ' (cast the super value)' : '';
    throw environment.context.source.unsupported(
      `${what} between ${describe(a.type)} and ${describe(b.type)}${hint}`,
      at,
    );
  }
  const mixed = isTime(a.type) && a.type.name !== b.type.name;
  if (mixed) return [widen(environment, a, type, at), widen(environment, b, type, at)];
  return isText(type) ? [withoutBlanks(a), withoutBlanks(b)] : [a.sql, b.sql];
}

/** Trailing blanks count for nothing where texts are compared (https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html). */
export function withoutBlanks({ sql, tight }: Pick<Value, 'sql' | 'tight'>): string {
  if (tight) return sql;
  if (/^'(?:[^']|'')*'$/.test(sql)) return quoteLiteral(sql.slice(1, -1).replaceAll("''", "'").replace(/ +$/, ''));
  return `rtrim(${sql}, ' ')`;
}

export function compare(operator: string, left: Value, right: Value, environment: Environment, at: number): Value {
  const [a, b] = comparable(left, right, environment, at, `operator ${operator}`);
  return { sql: `(${a} ${operator} ${b})`, type: boolean, ...flags(left, right) };
}

export function negate(value: Value, environment: Environment, at: number): Value {
  if (value.constant !== undefined && isNumeric(value.type))
    return { ...value, sql: `(-${value.sql})`, constant: `-${value.constant}` };
  if (!isNumeric(value.type))
    throw environment.context.source.unsupported(`operator - with ${describe(value.type)}`, at);
  return { sql: `(-${value.sql})`, type: value.type, ...flags(value) };
}

/** An integer literal has the smallest type that holds it, from INTEGER on; one with a point is a DECIMAL of its digits. */
export function numberLiteral(text: string, environment: Environment, at: number): Value {
  const [whole = '', fraction] = text.split('.');
  if (fraction === undefined) {
    const value = BigInt(whole);
    if (value <= 2147483647n) return { sql: String(value), type: integer, constant: String(value) };
    if (value <= 9223372036854775807n)
      return { sql: `cast(${value} as bigint)`, type: bigint, constant: String(value) };
  }
  const digits = whole.replace(/^0+/, '');
  const scale = fraction?.length ?? 0;
  const precision = Math.max(1, digits.length + scale);
  if (precision > 38) throw environment.context.source.unsupported('a number of more than 38 digits', at);
  const sql = `cast(${quoteLiteral(`${digits || '0'}${scale > 0 ? `.${fraction}` : ''}`)} as decimal(${precision}, ${scale}))`;
  return { sql, type: decimal(precision, scale), constant: text };
}
