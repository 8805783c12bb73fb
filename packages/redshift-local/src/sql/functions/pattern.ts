import { failure } from '../failure';
import { bounded } from '../resolve/cast';
import { alternated, regularExpression } from '../resolve/regexp';
import { letting, quoteLiteral } from '../resolve/value';
import { integer, varchar } from '../types';
import { type Call, type FunctionEntry, maxText } from './call';

/** The text to search, from a position that counts characters from 1. */
function searched(call: Call, position: number): string {
  const { sql } = call.text(0);
  if (call.count <= position) return sql;
  if (typeof call.value(position).constant !== 'string') return searchedFrom(call, sql, call.position(position));
  const start = call.literalInteger(position, 1);
  return start === 1 ? sql : `substring(${sql}, ${start})`;
}

/** A position that each row gives. Below 1 it is refused, as a literal is. */
function searchedFrom(call: Call, sql: string, start: string): string {
  const refused = failure(`a position below 1 in function ${call.name} is not supported by the local warehouse`);
  return letting('s', start, (s) => `substring(${sql}, case when ${s} < 1 then ${refused} else ${s} end)`);
}

/** `i` for the parameter `i` (ignore case), empty for `c`. The parameter `p` is not supported. */
function insensitive(call: Call, position: number): string {
  const given = call.count > position ? call.literal(position) : 'c';
  if (!/^[ci]$/.test(given)) throw call.unsupported(`the parameters '${given}' of function ${call.name}`);
  return given === 'i' ? 'i' : '';
}

/**
 * Tries the alternatives of a pattern in several orders and returns their common result. If the results differ, the
 * longest match is not DuckDB's match, and the statement fails.
 */
function inAnyOrder(call: Call, pattern: string, emit: (pattern: string) => string): string {
  const orders = pattern.includes('|') ? (alternated(pattern) ?? [pattern]) : [pattern];
  if (orders.length === 1) return emit(pattern);
  const refused = failure(
    `alternatives of ${call.name} of which one begins like another is not supported by the local warehouse`,
  );
  const all = `[${call.repeated(orders.map(emit).join(', '))}]`;
  return letting('o', all, (o) => `case when len(list_distinct(${o})) > 1 then ${refused} else ${o}[1] end`);
}

const patternOf = (call: Call) => regularExpression(call.node.args[1]!, call.environment, 'substring');

export const patternFunctions: Readonly<Record<string, FunctionEntry>> = {
  /** https://docs.aws.amazon.com/redshift/latest/dg/REGEXP_SUBSTR.html */
  regexp_substr: {
    arguments: [2, 5],
    emit: (call) => {
      const grouped = call.count > 4 && /^(?:e|ei|ie)$/.test(call.literal(4));
      const given = patternOf(call);
      const group = grouped ? firstGroup(call, given) : 0;
      const options = quoteLiteral(`s${grouped ? call.literal(4).replace('e', '') : insensitive(call, 4)}`);
      const text = call.repeated(searched(call, 2));
      const whole = call.repeated(call.text(0).sql);
      const occurrence = call.count > 3 ? call.literalInteger(3, 1) : 1;
      const found = inAnyOrder(call, given, (one) => {
        const pattern = quoteLiteral(one);
        return occurrence === 1
          ? `regexp_extract(${text}, ${pattern}, ${group}, ${options})`
          : `coalesce(regexp_extract_all(${text}, ${pattern}, ${group}, ${options})[${occurrence}], '')`;
      });
      // NULL for an occurrence beyond the number of characters. Whether this holds for the first occurrence in an empty
      // text is undocumented.
      const none =
        occurrence === 1 ? failure('REGEXP_SUBSTR of an empty text is not supported by the local warehouse') : 'null';
      const sql = `case when ${whole} is null then null when length(${whole}) < ${occurrence} then ${none} else ${found} end`;
      return { sql: `(${sql})`, type: varchar(call.text(0).length) };
    },
  },
  regexp_count: {
    arguments: [2, 4],
    emit: (call) => {
      const options = quoteLiteral(`s${insensitive(call, 3)}`);
      const text = call.repeated(searched(call, 2));
      const found = inAnyOrder(call, patternOf(call), (one) => {
        return `len(regexp_extract_all(${text}, ${quoteLiteral(one)}, 0, ${options}))`;
      });
      return { sql: `cast(${found} as integer)`, type: integer };
    },
  },
  regexp_instr: {
    arguments: [2, 6],
    emit: (call) => {
      const pattern = patternOf(call);
      if (pattern.startsWith('^')) throw call.unsupported(`an anchored pattern in function ${call.name}`);
      if (call.count > 3 && call.literalInteger(3, 1) !== 1)
        throw call.unsupported(`an occurrence other than the first in function ${call.name}`);
      const behind = call.count > 4 && call.literalInteger(4, 0, 1) === 1;
      const start = call.count > 2 ? call.literalInteger(2, 1) : 1;
      const options = `'s${insensitive(call, 5)}'`;
      const text = call.repeated(searched(call, 2));
      const sql = inAnyOrder(call, pattern, (one) => {
        const before = `regexp_extract(${text}, ${quoteLiteral(`^(.*?)(?:${one})`)}, 1, ${options})`;
        const within = `regexp_extract(${text}, ${quoteLiteral(one)}, 0, ${options})`;
        const place = `length(${before}) + ${start}${behind ? ` + length(${within})` : ''}`;
        return `case when regexp_matches(${text}, ${quoteLiteral(one)}, ${options}) then ${place} when ${text} is not null then 0 end`;
      });
      return { sql: `cast(${sql} as integer)`, type: integer };
    },
  },
  /** https://docs.aws.amazon.com/redshift/latest/dg/REGEXP_REPLACE.html */
  regexp_replace: {
    arguments: [2, 5],
    emit: (call) => {
      const given = call.count > 4 ? call.literal(4) : 'c';
      if (!/^(?:c|i|p|ip|pi|cp|pc)$/.test(given))
        throw call.unsupported(`the parameters '${given}' of function REGEXP_REPLACE`);
      const perl = given.includes('p');
      const pattern = regularExpression(call.node.args[1]!, call.environment, perl ? 'perl' : 'substring');
      const options = `gs${given.includes('i') ? 'i' : ''}`;
      const start = call.count > 3 ? call.literalInteger(3, 1) : 1;
      const replacement = quoteLiteral(replacementOf(call, perl));
      const replaced = (sql: string) => {
        const emit = (one: string) => `regexp_replace(${sql}, ${quoteLiteral(one)}, ${replacement}, '${options}')`;
        return perl ? emit(pattern) : inAnyOrder(call, pattern, emit);
      };
      const text = call.repeated(call.text(0).sql);
      // The text before the position is unchanged.
      const sql =
        start === 1 ? replaced(text) : `(left(${text}, ${start - 1}) || ${replaced(`substring(${text}, ${start})`)})`;
      return { sql: bounded(call.repeated(sql)), type: maxText };
    },
  },
};

/** The number of the first group, which the parameter `e` requests; 0, the whole match, if there is no group. */
function firstGroup(call: Call, pattern: string): number {
  if (!/(?<!\\)\((?!\?)/.test(pattern)) return 0;
  if (pattern.includes('|')) throw call.unsupported(`a group beside alternatives in function ${call.name}`);
  return 1;
}

/**
 * With `p`, `$1` is a group; Redshift does not document this. Without `p`, a backslash or a dollar sign may mean a
 * group or itself, so both are refused.
 */
function replacementOf(call: Call, perl: boolean): string {
  const replacement = call.count > 2 ? call.literal(2) : '';
  if (perl && !/\\|\$(?![1-9])/.test(replacement)) return replacement.replace(/\$([1-9])/g, '\\$1');
  if (/[\\$&]/.test(replacement)) throw call.unsupported(`replacement '${replacement}'`);
  return replacement;
}
