import { failure, overflow } from '../failure';
import { blankKey } from '../resolve/blanks';
import { finite } from '../resolve/cast';
import { scaled, unscaled } from '../resolve/decimals';
import { groupedBy, groupingOf } from '../resolve/grouping';
import { groupable, orderSql, sortKey } from '../resolve/order';
import { letting, quoteLiteral, type Value } from '../resolve/value';
import { bigint, boolean, decimal, double, integer, isFloat, isInteger, isNumeric, isText, isTime } from '../types';
import { type Call, type FunctionEntry, maxText } from './call';

type Emitted = ReturnType<FunctionEntry['emit']>;

/** Adds DISTINCT if the call has it. The caller passes texts without their trailing blanks, which do not count. */
const each = (call: Call, sql: string) => `${call.node.distinct ? 'distinct ' : ''}${sql}`;

function extreme(name: 'min' | 'max'): FunctionEntry {
  return {
    arguments: [1, 1],
    kind: 'aggregate',
    distinct: true,
    emit: (call) => {
      const { sql, type } = call.typed(0);
      if (!isNumeric(type) && !isText(type) && !isTime(type)) throw call.wrongType(0);
      const value = call.repeated(sql);
      const arguments_ = type.name === 'varchar' ? `arg_${name}(${value}, ${blankKey(value)})` : `${name}(${value})`;
      return { sql: `${arguments_}${call.over}`, type };
    },
  };
}

/** A sum with fewer digits would need billions of rows to overflow. */
const safePrecision = 28;

/**
 * Guards `emitted`, an expression over a sum of decimals, against overflow. A sum of more than 38 digits fails the
 * statement; DuckDB's own sum would wrap around.
 */
function in38Digits(call: Call, { sql, type }: Value, emitted: string): string {
  if (type.name !== 'decimal' || type.precision <= safePrecision) return emitted;
  const about = `sum(${each(call, `cast(${sql} as double)`)})${call.over}`;
  const most = `${'9'.repeat(38 - type.scale) || '0'}${type.scale > 0 ? `.${'9'.repeat(type.scale)}` : ''}`;
  const total = `sum(${each(call, sql)})${call.over}`;
  const beyond = `abs(${about}) > 1.001e${38 - type.scale} or abs(${total}) > cast('${most}' as decimal(38, ${type.scale}))`;
  return `case when ${beyond} then ${failure(overflow)} else ${emitted} end`;
}

/** The sum of INTEGER is BIGINT and that of BIGINT is NUMERIC(38,0). The sum of a decimal keeps its scale. */
function sum(call: Call): Emitted {
  const value = call.typed(0);
  const { sql, type } = value;
  if (isFloat(type))
    return { sql: finite(`sum(${each(call, `cast(${sql} as double)`)})${call.over}`, double), type: double };
  const total = `sum(${each(call, sql)})${call.over}`;
  if (type.name === 'decimal')
    return {
      sql: in38Digits(call, value, `cast(${total} as decimal(38, ${type.scale}))`),
      type: decimal(38, type.scale),
    };
  if (type.name === 'bigint') return { sql: `cast(${total} as decimal(38, 0))`, type: decimal(38, 0) };
  if (isInteger(type)) return { sql: `cast(${total} as bigint)`, type: bigint };
  throw call.wrongType(0);
}

/**
 * The average of integers is an integer, and that of decimals keeps their scale. Both are truncated, as the examples of
 * https://docs.aws.amazon.com/redshift/latest/dg/r_AVG.html show.
 */
function average(call: Call): Emitted {
  const value = call.typed(0);
  const { sql, type } = value;
  if (isFloat(type))
    return { sql: finite(`avg(${each(call, `cast(${sql} as double)`)})${call.over}`, double), type: double };
  const total = `sum(${each(call, type.name === 'decimal' ? unscaled(value) : sql)})${call.over}`;
  const quotient = `${total} // count(${each(call, call.repeated(sql))})${call.over}`;
  if (type.name === 'decimal') {
    const result = { name: 'decimal', precision: 38, scale: type.scale } as const;
    return { sql: in38Digits(call, value, scaled(quotient, result)), type: result };
  }
  if (isInteger(type)) return { sql: `cast(${quotient} as bigint)`, type: bigint };
  throw call.wrongType(0);
}

function count(call: Call): Emitted {
  if (call.node.star) return { sql: `count(*)${call.over}`, type: bigint };
  if (call.count !== 1) throw call.unsupported(`function COUNT with ${call.count} arguments`);
  const value = call.typed(0);
  if (value.type.name === 'super' && !call.node.distinct) throw call.wrongType(0);
  return {
    sql: `count(${each(call, call.node.distinct ? sortKey(groupable(value)) : value.sql)})${call.over}`,
    type: bigint,
  };
}

/**
 * Computes with doubles, whatever the argument's type
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_STDDEV_functions.html).
 */
const spread = (name: string): FunctionEntry => ({
  arguments: [1, 1],
  kind: 'aggregate',
  distinct: true,
  emit: (call) => {
    const { sql, type } = call.typed(0);
    if (!isNumeric(type)) throw call.wrongType(0);
    return { sql: `${name}(${each(call, `cast(${sql} as double)`)})${call.over}`, type: double };
  },
});

const truth = (name: 'bool_and' | 'bool_or'): FunctionEntry => ({
  arguments: [1, 1],
  kind: 'aggregate',
  distinct: true,
  emit: (call) => ({ sql: `${name}(${call.of(0, 'boolean').sql})${call.over}`, type: boolean }),
});

/** https://docs.aws.amazon.com/redshift/latest/dg/r_BIT_AND.html */
const bits = (name: 'bit_and' | 'bit_or'): FunctionEntry => ({
  arguments: [1, 1],
  kind: 'aggregate',
  distinct: true,
  alone: true,
  emit: (call) => {
    const { sql, type } = call.typed(0);
    if (!isInteger(type)) throw call.wrongType(0);
    return { sql: `${name}(${sql})`, type };
  },
});

/**
 * GROUPING: 1 for a row of a grouping without the key, otherwise 0
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_GROUP_BY_aggregation-extensions.html).
 */
const grouped: FunctionEntry = {
  arguments: [1, 1],
  kind: 'aggregate',
  alone: true,
  emit: (call) => {
    const value = call.typed(0);
    const { scope, context } = call.environment;
    if (!groupingOf(scope)?.find(value))
      throw context.source.error('arguments to GROUPING must be grouping expressions', call.node.at);
    return { sql: `cast(grouping(${groupedBy(value)}) as integer)`, type: integer };
  },
};

const anyValue: FunctionEntry = {
  arguments: [1, 1],
  kind: 'aggregate',
  distinct: true,
  emit: (call) => {
    const { sql, type } = call.typed(0);
    if (type.name === 'super' || type.name === 'varbyte') throw call.wrongType(0);
    return { sql: `min(${sql})${call.over}`, type };
  },
};

/**
 * LISTAGG skips NULLs and empty texts. A result longer than a VARCHAR is an error
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_LISTAGG.html).
 */
function listed(call: Call): Emitted {
  const value = call.typed(0);
  const text = isInteger(value.type) ? call.cast(value, maxText) : value;
  if (!isText(text.type)) throw call.wrongType(0);
  const separator = call.count === 2 ? call.literal(1) : '';
  const order = call.withinGroup();
  if (order) call.environment.context.sortAggregate(order, call.node.at);
  const list = `list(${text.sql}${order}) filter (where ${call.repeated(text.sql)} <> '')`;
  const first = `list_filter(l, lambda x, i: list_position(list_transform(l, lambda y: rtrim(y, ' ')), rtrim(x, ' ')) = i)`;
  const joined = `array_to_string(${call.node.distinct ? first : 'l'}, ${quoteLiteral(separator)})`;
  const limited = `list_transform([${joined}], lambda t: case when strlen(t) > 65535 then ${failure('Result size exceeds LISTAGG limit')} else t end)[1]`;
  return { sql: `list_transform([${list}], lambda l: ${limited})[1]`, type: maxText };
}

/**
 * The value at the given share of the sorted values, interpolated between two neighbours. For decimals the result keeps
 * their scale and is truncated, as averages are; Redshift does not document this. The median of integers has one
 * decimal place, as the examples of https://docs.aws.amazon.com/redshift/latest/dg/r_WF_MEDIAN.html show.
 */
function percentile(call: Call, value: Value, share: string, descending = false): Emitted {
  const { sql, type } = value;
  if (!call.over)
    call.environment.context.sortAggregate(` order by ${orderSql(sortKey(value), { descending })}`, call.node.at);
  const part = `cast(${share} as double)`;
  if (isFloat(type) || type.name === 'timestamp' || type.name === 'timestamptz') {
    const of = isFloat(type) ? `cast(${sql} as double)` : sql;
    const emitted = `quantile_cont(${of}, ${descending ? `1 - ${part}` : part})${call.over}`;
    return { sql: emitted, type: isFloat(type) ? double : type };
  }
  if (!isNumeric(type)) throw call.unsupported(`function ${call.name} of ${type.name}`);
  const scale = type.name === 'decimal' ? type.scale : 1;
  const result = { name: 'decimal', precision: 38, scale } as const;
  const places = (share.split('.')[1] ?? '').length;
  if (places > 6) throw call.unsupported(`function ${call.name} of ${share}`);
  const unit = 10 ** places;
  const all = `list(${unscaled(value)}) filter (where ${call.repeated(sql)} is not null)${call.over}`;
  const units = `list_sort(${all}, '${descending ? 'desc' : 'asc'}')`;
  const between = letting('p', `{'l': ${units}}`, (p) => {
    const place = `(${Math.round(Number(share) * unit)} * (len(${p}.l) - 1))`;
    const [low, part] = [`${p}.l[${place} // ${unit} + 1]`, `(${place} % ${unit})`];
    const high = `coalesce(${p}.l[${place} // ${unit} + 2], 0)`;
    const between = `(${low} * (${unit} - ${part}) + ${high} * ${part}) * ${isInteger(type) ? 10 : 1}`;
    if (!isInteger(type)) return `${between} // ${unit}`;
    // For whole numbers, the number of decimal places is documented for MEDIAN only (one).
    const unknown = failure(
      `a result of ${call.name} of ${type.name} with more than one place is not supported by the local warehouse (cast it to double precision)`,
    );
    return `case when (${between}) % ${unit} <> 0 then ${unknown} else (${between}) // ${unit} end`;
  });
  return { sql: scaled(between, result), type: result };
}

function share(call: Call): string {
  const text = call.constant(0);
  if (!/^[+]?(\d+(?:\.\d*)?|\.\d+)$/.test(text) || Number(text) > 1)
    throw call.unsupported(`function ${call.name} of ${text}`);
  return text;
}

function percentileCont(call: Call): Emitted {
  const { value, descending } = call.withinGroupValue();
  return percentile(call, value, share(call), descending);
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_APPROXIMATE_PERCENTILE_DISC.html */
function percentileDisc(call: Call): Emitted {
  if (!call.node.approximate && !call.node.over)
    throw call.unsupported('function PERCENTILE_DISC without APPROXIMATE or OVER');
  const { value, descending } = call.withinGroupValue();
  if (!isNumeric(value.type) && !isTime(value.type))
    throw call.unsupported(`function PERCENTILE_DISC of ${value.type.name}`);
  const part = `cast(${share(call)} as double)`;
  return { sql: `quantile_disc(${value.sql}, ${descending ? `1 - ${part}` : part})${call.over}`, type: value.type };
}

export const aggregateFunctions: Readonly<Record<string, FunctionEntry>> = {
  count: { arguments: [0, 1], kind: 'aggregate', distinct: true, emit: count },
  sum: { arguments: [1, 1], kind: 'aggregate', distinct: true, emit: sum },
  avg: { arguments: [1, 1], kind: 'aggregate', distinct: true, emit: average },
  min: extreme('min'),
  max: extreme('max'),
  stddev: spread('stddev_samp'),
  stddev_samp: spread('stddev_samp'),
  stddev_pop: spread('stddev_pop'),
  variance: spread('var_samp'),
  var_samp: spread('var_samp'),
  var_pop: spread('var_pop'),
  bool_and: truth('bool_and'),
  bool_or: truth('bool_or'),
  any_value: anyValue,
  listagg: {
    arguments: [1, 2],
    kind: 'aggregate',
    ordered: true,
    distinct: true,
    alone: true,
    node: 'compute',
    emit: listed,
  },
  median: {
    arguments: [1, 1],
    kind: 'aggregate',
    node: 'compute',
    emit: (call) => percentile(call, call.typed(0), '0.5'),
  },
  percentile_disc: {
    arguments: [1, 1],
    kind: 'aggregate',
    ordered: true,
    node: 'compute',
    emit: percentileDisc,
  },
  /** HLL is exact here; Redshift estimates it (https://docs.aws.amazon.com/redshift/latest/dg/r_HLL_function.html). */
  hll: {
    arguments: [1, 1],
    kind: 'aggregate',
    alone: true,
    emit: (call) => ({ sql: `count(distinct ${sortKey(groupable(call.typed(0)))})`, type: bigint }),
  },
  grouping: grouped,
  bit_and: bits('bit_and'),
  bit_or: bits('bit_or'),
  percentile_cont: {
    arguments: [1, 1],
    kind: 'aggregate',
    ordered: true,
    node: 'compute',
    emit: percentileCont,
  },
};
