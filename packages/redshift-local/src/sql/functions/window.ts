import { failure } from '../failure';
import { finite } from '../resolve/cast';
import { letting } from '../resolve/value';
import { bigint, double, isNumeric } from '../types';
import type { Call, FunctionEntry } from './call';

const ranking = (name: string, type = bigint): FunctionEntry => ({
  arguments: [0, 0],
  kind: 'window',
  emit: (call) => ({ sql: `${name}()${call.over}`, type }),
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

export const windowFunctions: Readonly<Record<string, FunctionEntry>> = {
  row_number: ranking('row_number'),
  rank: ranking('rank'),
  dense_rank: ranking('dense_rank'),
  percent_rank: ranking('percent_rank', double),
  cume_dist: ranking('cume_dist', double),
  ntile: {
    arguments: [1, 1],
    kind: 'window',
    emit: (call) => ({ sql: `ntile(${call.literalInteger(0, 1)})${call.over}`, type: bigint }),
  },
  lag: neighbour('lag'),
  lead: neighbour('lead'),
  first_value: edge('first_value'),
  last_value: edge('last_value'),
  nth_value: {
    arguments: [2, 2],
    kind: 'window',
    emit: (call) => {
      const { sql, type } = call.typed(0);
      return { sql: `nth_value(${sql}, ${call.literalInteger(1, 1)}${nulls(call)})${call.over}`, type };
    },
  },
  ratio_to_report: {
    arguments: [1, 1],
    kind: 'window',
    emit: (call) => {
      const { sql, type } = call.typed(0);
      if (!isNumeric(type)) throw call.wrongType(0);
      const value = `cast(${call.repeated(sql)} as double)`;
      const ratio = letting('r', `{'part': ${value}, 'all': ${finite(`sum(${value})${call.over}`, double)}}`, (r) => {
        const none = failure('RATIO_TO_REPORT of values that add up to 0 is not supported by the local warehouse');
        return `case when ${r}.part is null then null when ${r}.all = 0 then ${none} else ${r}.part / ${r}.all end`;
      });
      return { sql: ratio, type: double };
    },
  },
};

/**
 * Functions that take no frame. The others need a frame if they have an ORDER BY
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_Window_function_synopsis.html).
 */
export const framelessFunctions: ReadonlySet<string> = new Set([
  'row_number',
  'rank',
  'dense_rank',
  'percent_rank',
  'cume_dist',
  'ntile',
  'lag',
  'lead',
  'ratio_to_report',
  'median',
  'percentile_cont',
  'percentile_disc',
]);
/** Functions that need an ORDER BY. */
export const orderedFunctions: ReadonlySet<string> = new Set([
  'rank',
  'dense_rank',
  'percent_rank',
  'cume_dist',
  'ntile',
  'lag',
  'lead',
]);
export const unorderedFunctions: ReadonlySet<string> = new Set([
  'ratio_to_report',
  'median',
  'percentile_cont',
  'percentile_disc',
]);
/** Functions that accept IGNORE NULLS and RESPECT NULLS. */
export const nullTreatments: ReadonlySet<string> = new Set(['lag', 'lead', 'first_value', 'last_value', 'nth_value']);
