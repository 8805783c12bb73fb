import { sortKey } from '../resolve/order';
import { bigint, decimal, double, isFloat, isInteger, isNumeric, isText, isTime, type Type } from '../types';
import type { Call, FunctionEntry } from './call';

function extreme(name: 'min' | 'max'): FunctionEntry {
  return {
    arguments: [1, 1],
    kind: 'aggregate',
    emit: (call) => {
      const { sql, type } = call.typed(0);
      if (!isNumeric(type) && !isText(type) && !isTime(type)) throw call.wrongType(0);
      return { sql: `${name}(${sql})${call.over}`, type };
    },
  };
}

/** INTEGER adds up to BIGINT, BIGINT to NUMERIC(38,0), a decimal keeps its scale. */
function sum(call: Call): { sql: string; type: Type } {
  const { sql, type } = call.typed(0);
  if (isFloat(type)) return { sql: `sum(cast(${sql} as double))${call.over}`, type: double };
  if (type.name === 'decimal') return { sql: `sum(${sql})${call.over}`, type: decimal(38, type.scale) };
  if (type.name === 'bigint') return { sql: `cast(sum(${sql})${call.over} as decimal(38, 0))`, type: decimal(38, 0) };
  if (isInteger(type)) return { sql: `cast(sum(${sql})${call.over} as bigint)`, type: bigint };
  throw call.wrongType(0);
}

/** The average of integers is an integer, cut off. */
function average(call: Call): { sql: string; type: Type } {
  const { sql, type } = call.typed(0);
  if (isFloat(type)) return { sql: `avg(cast(${sql} as double))${call.over}`, type: double };
  if (isInteger(type))
    return { sql: `cast(sum(${call.repeated(sql)})${call.over} // count(${sql})${call.over} as bigint)`, type: bigint };
  throw call.wrongType(0);
}

function count(call: Call): { sql: string; type: Type } {
  if (call.node.star) return { sql: `count(*)${call.over}`, type: bigint };
  if (call.count !== 1) throw call.unsupported(`function COUNT with ${call.count} arguments`);
  const value = call.typed(0);
  if (value.type.name === 'super') throw call.wrongType(0);
  const counted = call.node.distinct ? `distinct ${sortKey(value)}` : value.sql;
  return { sql: `count(${counted})${call.over}`, type: bigint };
}

const ranking = (name: string): FunctionEntry => ({
  arguments: [0, 0],
  kind: 'window',
  emit: (call) => ({ sql: `${name}()${call.over}`, type: bigint }),
});

const nulls = (call: Call) => (call.node.ignoreNulls ? ' ignore nulls' : '');

const neighbour = (name: 'lag' | 'lead'): FunctionEntry => ({
  arguments: [1, 2],
  kind: 'window',
  emit: (call) => {
    const { sql, type } = call.typed(0);
    const offset = call.count === 2 ? call.literalInteger(1, 0) : 1;
    return { sql: `${name}(${sql}, ${offset}${nulls(call)})${call.over}`, type };
  },
});

const edge = (name: 'first_value' | 'last_value'): FunctionEntry => ({
  arguments: [1, 1],
  kind: 'window',
  emit: (call) => {
    const { sql, type } = call.typed(0);
    return { sql: `${name}(${sql}${nulls(call)})${call.over}`, type };
  },
});

export const aggregateFunctions: Readonly<Record<string, FunctionEntry>> = {
  count: { arguments: [0, 1], kind: 'aggregate', emit: count },
  sum: { arguments: [1, 1], kind: 'aggregate', emit: sum },
  avg: { arguments: [1, 1], kind: 'aggregate', emit: average },
  min: extreme('min'),
  max: extreme('max'),
  row_number: ranking('row_number'),
  rank: ranking('rank'),
  dense_rank: ranking('dense_rank'),
  lag: neighbour('lag'),
  lead: neighbour('lead'),
  first_value: edge('first_value'),
  last_value: edge('last_value'),
};

/** Take no frame; the others must have one when they have an order (https://docs.aws.amazon.com/redshift/latest/dg/r_Window_function_synopsis.html). */
export const framelessFunctions: ReadonlySet<string> = new Set(['row_number', 'rank', 'dense_rank', 'lag', 'lead']);
export const orderedFunctions: ReadonlySet<string> = new Set(['rank', 'dense_rank', 'lag', 'lead']);
