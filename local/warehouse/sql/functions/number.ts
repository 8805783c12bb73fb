import { compare, resolveBinary, settle, unify, withoutBlanks } from '../resolve/operators';
import { asDecimal, double, integer, isFloat, isInteger, isNumeric, isText, type Type, varchar } from '../types';
import type { Call, FunctionEntry } from './call';

function number(call: Call, i: number): { sql: string; type: Type } {
  const value = settle(call.environment, call.value(i), integer, call.node.at);
  if (!isNumeric(value.type)) throw call.wrongType(i);
  return value;
}

/** On doubles; integers are returned as they are. */
const whole = (name: 'floor' | 'ceil' | 'trunc'): FunctionEntry => ({
  arguments: [1, 1],
  emit: (call) => {
    const { sql, type } = number(call, 0);
    if (isInteger(type)) return { sql, type };
    if (isFloat(type)) return { sql: `${name}(cast(${sql} as double))`, type: double };
    throw call.wrongType(0);
  },
});

const truncDate: FunctionEntry = {
  arguments: [1, 1],
  emit: (call) => {
    const { type } = call.value(0);
    if (type.name === 'timestamp') return { sql: `cast(${call.value(0).sql} as date)`, type: { name: 'date' } };
    return whole('trunc').emit(call);
  },
};

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
  round: {
    arguments: [1, 2],
    emit: (call) => {
      const { sql, type } = number(call, 0);
      const places = call.count === 2 ? call.literalInteger(1, 0, 37) : 0;
      if (isInteger(type)) return { sql, type };
      if (isFloat(type)) return { sql: `round(cast(${sql} as double), ${places})`, type: double };
      const { precision, scale } = asDecimal(type)!;
      return { sql: `cast(round(${sql}, ${places}) as decimal(${precision}, ${scale}))`, type };
    },
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
    return { sql: `${name}(${sql.join(', ')})`, type };
  },
});

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
      const { sql, type } = conditional(call, [call.value(1), call.value(2)]);
      return { sql: `case when ${tested.sql} is not null then ${sql[0]} else ${sql[1]} end`, type };
    },
  },
  nullif: {
    arguments: [2, 2],
    emit: (call) => {
      const first = call.typed(0);
      const { sql } = compare('=', first, call.value(1), call.environment, call.node.at);
      call.repeated(first.sql);
      return { sql: `case when ${sql} then null else ${first.sql} end`, type: first.type };
    },
  },
  /** NULL equals NULL here, unlike in CASE. */
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

const session = (variable: string, type: Type, duckdb: string): FunctionEntry => ({
  arguments: [0, 0],
  mutable: true,
  emit: () => ({ sql: `cast(getvariable('${variable}') as ${duckdb})`, type }),
});

export const sessionFunctions: Readonly<Record<string, FunctionEntry>> = {
  pg_last_copy_id: session('millrace_last_copy_id', { name: 'bigint' }, 'bigint'),
  current_user: session('millrace_user', varchar(128), 'varchar'),
  user: session('millrace_user', varchar(128), 'varchar'),
};
