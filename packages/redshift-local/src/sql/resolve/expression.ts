import type { Body, Expression, FunctionCall } from '../ast';
import { parsedIfValid } from '../functions/json';
import { isAggregate, resolveCall } from '../functions/registry';
import { boolean, describe, isFloat, isText, type Type, varchar } from '../types';
import { holdsAggregate } from './aggregates';
import { withoutBlanks } from './blanks';
import { numberLiteral } from './decimals';
import type { Environment, ResolvedQuery } from './environment';
import { activeGroupings } from './grouping';
import { itemAt, listOf } from './lists';
import { navigate, resolveName } from './names';
import { comparable, compare, negate, resolveBinary, settle, unify } from './operators';
import { regularExpression, similarPattern } from './regexp';
import { jsonType } from './super';
import { nullValue, quoteLiteral, type Value } from './value';

const flags = (values: readonly Value[]) => ({
  aggregate: values.some((value) => value.aggregate),
  window: values.some((value) => value.window),
});

/** Resolves a condition. A literal of unknown type is read as a boolean. */
export function resolveCondition(node: Expression, environment: Environment, what = environment.clause): Value {
  const value = settle(environment, environment.resolve(node, environment), boolean, node.at);
  if (value.type.name !== 'boolean')
    throw environment.context.source.error(
      `argument of ${what} must be type boolean, not type ${describe(value.type)}`,
      node.at,
    );
  return value;
}

export function resolveExpression(node: Expression, environment: Environment): Value {
  const { context, caster } = environment;
  for (const grouping of activeGroupings(environment.scope)) {
    const key = grouping.expression(node, environment);
    if (key) return key;
  }
  switch (node.kind) {
    case 'number':
      return numberLiteral(node.text, environment, node.at);
    case 'string':
      return text(node.text);
    case 'parameter':
      return parameterValue(node, environment);
    case 'null':
      return nullValue;
    case 'boolean':
      return { sql: String(node.value), type: boolean };
    case 'typed-literal':
      return caster.constant(node.text, { name: node.type }, 'explicit', node.at);
    case 'interval':
      throw context.source.unsupported('an interval that is not added to or taken from a timestamp', node.at);
    case 'name':
      return resolveName(node, environment);
    case 'navigate':
      return navigate(environment.resolve(node.from, environment), node.steps, environment, node.at);
    case 'item':
      return itemAt(node, environment);
    case 'binary':
      return resolveBinary(node, environment);
    case 'negate':
      return negate(environment.resolve(node.operand, environment), environment, node.at);
    case 'exponent':
      throw context.source.unsupported('a number with an exponent (cast it to double precision)', node.at);
    case 'cast':
      return caster.cast(
        scientific(node.operand, node.type) ?? environment.resolve(node.operand, environment),
        node.type,
        node.lenient ? 'lenient' : 'explicit',
        node.at,
      );
    case 'call':
      return resolveCall(node, environment);
    case 'case':
      return resolveCase(node, environment);
    case 'subquery':
      return scalarSubquery(node, environment);
    case 'row':
      throw context.source.unsupported('a row of values', node.at);
    default:
      return resolvePredicate(node, environment);
  }
}

/**
 * A number in scientific notation that becomes a floating-point number, read from its text. Undefined for anything
 * else.
 */
function scientific(node: Expression, type: Type): Value | undefined {
  const operand = node.kind === 'negate' ? node.operand : node;
  if (operand.kind !== 'exponent' || !isFloat(type)) return undefined;
  return text(`${node.kind === 'negate' ? '-' : ''}${operand.text}`);
}

const text = (constant: string): Value => ({ sql: quoteLiteral(constant), type: { name: 'unknown' }, constant });

/** A placeholder's value: like a literal, unless its type is given. */
function parameterValue(node: Expression & { kind: 'parameter' }, { context, caster }: Environment): Value {
  const bound = context.parameter(node);
  const value = { ...(bound.text === null ? nullValue : text(bound.text)), infer: bound.infer, isParameter: true };
  return bound.type ? caster.cast(value, bound.type, 'explicit', node.at) : value;
}

type Predicate = Exclude<
  Expression,
  {
    kind:
      | 'number'
      | 'exponent'
      | 'string'
      | 'parameter'
      | 'null'
      | 'boolean'
      | 'typed-literal'
      | 'interval'
      | 'name'
      | 'navigate'
      | 'item'
      | 'binary'
      | 'negate'
      | 'cast'
      | 'call'
      | 'case'
      | 'row'
      | 'subquery';
  }
>;

function resolvePredicate(node: Predicate, environment: Environment): Value {
  const { resolve, context } = environment;
  const not = 'negated' in node && node.negated ? 'not ' : '';
  switch (node.kind) {
    case 'logic': {
      const operands = node.operands.map((operand) =>
        resolveCondition(operand, environment, node.operator.toUpperCase()),
      );
      return {
        sql: `(${operands.map(({ sql }) => sql).join(` ${node.operator} `)})`,
        type: boolean,
        ...flags(operands),
      };
    }
    case 'not': {
      const operand = resolveCondition(node.operand, environment, 'NOT');
      return { sql: `(not ${operand.sql})`, type: boolean, ...flags([operand]) };
    }
    case 'is':
      return resolveIs(node, environment, not);
    case 'in': {
      const operand = resolve(node.operand, environment);
      const list = node.list.map((item) => resolve(item, environment));
      return resolveIn(operand, list, not, environment, node.at);
    }
    case 'in-query':
      return inQuery(node, environment, not);
    case 'exists': {
      context.markSubquery(node.at);
      const { sql } = environment.resolveQuery(node.query, context, environment.scope);
      return { sql: `exists (${sql})`, type: boolean };
    }
    case 'between': {
      const [operand, low, high] = [node.operand, node.low, node.high].map((part) => resolve(part, environment)) as [
        Value,
        Value,
        Value,
      ];
      const [a, from] = comparable(operand, low, environment, node.at, 'BETWEEN');
      const [b, to] = comparable(operand, high, environment, node.at, 'BETWEEN');
      const sql = a === b ? `(${a} ${not}between ${from} and ${to})` : `(${not}(${a} >= ${from} and ${b} <= ${to}))`;
      return { sql, type: boolean, ...flags([operand, low, high]) };
    }
    case 'like':
      return resolveLike(node, environment, not);
    case 'match': {
      const operand = settle(environment, resolve(node.operand, environment), { name: 'unknown' }, node.at);
      if (operand.type.name !== 'varchar')
        throw context.source.unsupported(`operator ~ with ${describe(operand.type)}`, node.at);
      const pattern = regularExpression(node.pattern, environment, 'match');
      return {
        sql: `(${not}regexp_matches(${operand.sql}, ${quoteLiteral(pattern)}, 's'))`,
        type: boolean,
        ...flags([operand]),
      };
    }
  }
}

function resolveIs(node: Predicate & { kind: 'is' }, environment: Environment, not: string): Value {
  if (node.what !== 'null') {
    const operand = resolveCondition(node.operand, environment, 'IS');
    return {
      sql: `(${operand.sql} is ${not}${node.what === 'unknown' ? 'null' : node.what})`,
      type: boolean,
      ...flags([operand]),
    };
  }
  const operand = environment.resolve(node.operand, environment);
  // A JSON null counts as NULL too.
  const sql =
    operand.type.name === 'super'
      ? `(coalesce(${jsonType(operand)}, 'NULL') ${node.negated ? '<>' : '='} 'NULL')`
      : `(${operand.sql} is ${not}null)`;
  return { sql, type: boolean, ...flags([operand]) };
}

function resolveIn(operand: Value, list: readonly Value[], not: string, environment: Environment, at: number): Value {
  if (operand.type.name === 'super') {
    const equal = list.map((item) => compare('=', operand, item, environment, at));
    environment.caster.repeated(equal.map(({ sql }) => sql).join(''), at);
    return { sql: `(${not}(${equal.map(({ sql }) => sql).join(' or ')}))`, type: boolean, ...flags(equal) };
  }
  const typed = list.find((item) => item.type.name !== 'unknown');
  const subject = settle(environment, operand, typed?.type ?? { name: 'unknown' }, at);
  const items = list.map((item) => settle(environment, item, subject.type, at));
  for (const item of items) comparable(subject, item, environment, at, 'IN');
  const unified = unify(environment, [subject, ...items], at, 'IN');
  const sql = isText(unified.type) ? unified.sql.map((item) => withoutBlanks({ sql: item })) : unified.sql;
  const [value, ...found] = sql;
  // DuckDB turns five or more constants into a join.
  const listed = found.length >= 5 && found.every((item) => /^'(?:[^']|'')*'$/.test(item));
  return {
    sql: listed
      ? `(${not}list_contains([${found.join(', ')}], ${value}))`
      : `(${value} ${not}in (${found.join(', ')}))`,
    type: boolean,
    ...flags([operand, ...list]),
  };
}

/**
 * Whether a grouped subquery has an aggregate other than MIN or MAX. Redshift cannot decorrelate it
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_correlated_subqueries.html).
 */
function sumsGroups(body: Body): boolean {
  if (body.kind !== 'select' || body.groupBy.length === 0) return false;
  const isSum = (name: string) => isAggregate(name) && name !== 'min' && name !== 'max';
  return body.items.some((item) => item.kind === 'expression' && holdsAggregate(item.expression, isSum));
}

function inQuery(node: Predicate & { kind: 'in-query' }, environment: Environment, not: string): Value {
  const { context } = environment;
  context.markSubquery(node.at);
  const before = context.correlations;
  const query = environment.resolveQuery(node.query, context, environment.scope);
  if (context.correlations > before && sumsGroups(node.query.body))
    throw context.source.unsupported('IN with a correlated subquery of an aggregate and GROUP BY', node.at);
  if (node.operand.kind === 'row') return rowInQuery(node.operand, query, not, environment, node.at);
  const column = query.columns[0]!;
  if (query.columns.length !== 1) throw context.source.error('subquery has too many columns', node.at);
  const operand = settle(environment, environment.resolve(node.operand, environment), column.type, node.at);
  comparable(operand, { sql: '', type: column.type }, environment, node.at, 'IN');
  const text = isText(operand.type);
  const list = text
    ? `select ${withoutBlanks({ sql: '"list"."item"' })} from (${query.sql}) as "list"("item")`
    : query.sql;
  const subject = text ? withoutBlanks(operand) : operand.sql;
  return { sql: `(${subject} ${not}in (${list}))`, type: boolean, ...flags([operand]) };
}

/** True if the row equals a row of the query. Unknown if it equals none, but NULLs alone prevent that. */
function rowInQuery(
  row: Expression & { kind: 'row' },
  query: ResolvedQuery,
  not: string,
  environment: Environment,
  at: number,
): Value {
  const { source } = environment.context;
  if (query.columns.length !== row.items.length)
    throw source.error(`subquery has too ${query.columns.length > row.items.length ? 'many' : 'few'} columns`, at);
  const values: Value[] = [];
  const equal = row.items.map((item, i) => {
    const column = { sql: `"list"."c${i + 1}"`, type: query.columns[i]!.type };
    const value = settle(environment, environment.resolve(item, environment), column.type, item.at);
    values.push(value);
    return compare('=', value, column, environment, item.at).sql;
  });
  const list = `from (${query.sql}) as "list"(${equal.map((_, i) => `"c${i + 1}"`).join(', ')})`;
  const found = `exists (select 1 ${list} where ${equal.join(' and ')})`;
  const possible = `exists (select 1 ${list} where ${equal.map((one) => `${one} is not false`).join(' and ')})`;
  const sql = `case when ${found} then true when ${possible} then null else false end`;
  return { sql: `(${not}${sql})`, type: boolean, ...flags(values) };
}

function resolveLike(node: Predicate & { kind: 'like' }, environment: Environment, not: string): Value {
  const { source } = environment.context;
  const [operand, pattern] = [node.operand, node.pattern].map((part) =>
    settle(environment, environment.resolve(part, environment), { name: 'unknown' }, node.at),
  ) as [Value, Value];
  for (const value of [operand, pattern]) {
    if (!isText(value.type)) throw source.unsupported(`LIKE with ${describe(value.type)}`, node.at);
  }
  // Redshift's default escape character is the backslash.
  const escapedBy = node.escape ? environment.resolve(node.escape, environment).constant : '\\';
  if (typeof escapedBy !== 'string' || !/^[\0-\x7f]$/.test(escapedBy))
    throw source.unsupported('an escape that is not one ASCII character', node.at);
  if (node.pattern.kind !== 'string' && node.pattern.kind !== 'parameter')
    throw source.unsupported('a LIKE pattern that is not a literal', node.pattern.at);
  // A placeholder whose value is not known yet has none.
  const literal = environment.resolve(node.pattern, environment).constant ?? '';
  // Whether the trailing blanks of a CHAR count in a pattern is undocumented. They make no difference if the pattern
  // ends with a letter and `%`.
  if (operand.type.name === 'char' && !/^[^_ \\]*%$|[^ _%\\]%+$/.test(literal))
    throw source.unsupported(`LIKE '${literal}' with ${describe(operand.type)} (cast it to varchar)`, node.pattern.at);
  const sql = likeSql(node, operand.sql, literal, escapedBy, environment);
  return { sql: `(${not}${sql})`, type: boolean, ...flags([operand]) };
}

/**
 * ILIKE ignores the case of ASCII letters only
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_patternmatching_condition_like.html).
 */
function likeSql(
  node: Predicate & { kind: 'like' },
  text: string,
  pattern: string,
  escapedBy: string,
  { context: { source } }: Environment,
): string {
  if (node.how === 'similar') {
    const expression = similarPattern(pattern, escapedBy);
    if (expression === undefined) throw source.unsupported(`SIMILAR TO '${pattern}'`, node.pattern.at);
    return `regexp_full_match(${text}, ${quoteLiteral(expression)}, 's')`;
  }
  if (endsInEscape(pattern, escapedBy))
    throw source.error('LIKE pattern must not end with escape character', node.pattern.at);
  if (node.how === 'like') return `(${text} like ${quoteLiteral(pattern)} escape ${quoteLiteral(escapedBy)})`;
  if (/[a-z]/i.test(escapedBy)) throw source.unsupported('a letter as escape of ILIKE', node.at);
  const lower = pattern.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const folded = `translate(${text}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')`;
  return `(${folded} like ${quoteLiteral(lower)} escape ${quoteLiteral(escapedBy)})`;
}

function endsInEscape(pattern: string, escapedBy: string): boolean {
  let open = false;
  for (const char of pattern) open = !open && char === escapedBy;
  return open;
}

/**
 * The json_parse call in `case when can_json_parse(x) then json_parse(x) end`, a form from the documentation. Undefined
 * for another CASE.
 */
function guardedParse(node: Expression & { kind: 'case' }): FunctionCall | undefined {
  const [branch, ...others] = node.branches;
  if (node.operand || node.otherwise || others.length > 0) return undefined;
  const { when, result } = branch!;
  if (when.kind !== 'call' || when.name !== 'can_json_parse') return undefined;
  if (result.kind !== 'call' || result.name !== 'json_parse') return undefined;
  const spelled = ({ args }: FunctionCall) => JSON.stringify(args, (key, value) => (key === 'at' ? undefined : value));
  return spelled(when) === spelled(result) ? result : undefined;
}

function resolveCase(node: Expression & { kind: 'case' }, environment: Environment): Value {
  const parse = guardedParse(node);
  if (parse) return resolveCall(parse, environment, parsedIfValid);
  const subject = node.operand && environment.resolve(node.operand, environment);
  const whens = node.branches.map(({ when }) => {
    if (!subject) return resolveCondition(when, environment, 'CASE/WHEN');
    environment.caster.repeated(subject.sql, node.at);
    return compare('=', subject, environment.resolve(when, environment), environment, when.at);
  });
  const thens = node.branches.map(({ result }) => environment.resolve(result, environment));
  const results = node.otherwise ? [...thens, environment.resolve(node.otherwise, environment)] : thens;
  const { type, sql } = unify(environment, results, node.at, 'CASE');
  const branches = whens.map((when, i) => `when ${when.sql} then ${sql[i]}`).join(' ');
  const otherwise = node.otherwise ? ` else ${sql.at(-1)}` : '';
  return { sql: `case ${branches}${otherwise} end`, type, ...flags([...whens, ...results]) };
}

function scalarSubquery(node: Expression & { kind: 'subquery' }, environment: Environment): Value {
  const { context } = environment;
  context.markSubquery(node.at);
  const { sql, columns } = environment.resolveQuery(node.query, context, environment.scope);
  if (columns.length !== 1) throw context.source.error('subquery must return only one column', node.at);
  // Arrays are no type of Redshift. This one is their text.
  if (node.isList)
    return {
      sql: `(select '{' || coalesce(string_agg("c1", ','), '') || '}' from (${sql}) as "list"("c1"))`,
      type: listOf('name'),
    };
  return { sql: `(${sql})`, type: columns[0]!.type.name === 'unknown' ? varchar(1) : columns[0]!.type };
}
