import type { BinaryOperator, Expression, Identifier } from '../ast';
import { parseCall } from './call';
import { anyOf, bitsOf, castOf, isArrayOf, isItem, parseArrayOf, parseItem, skipCatalog } from './catalog';
import type { Cursor } from './cursor';
import { isSubqueryStart } from './query-start';
import { parseType, tryParseType } from './type';

/** Longer chains of one operator and longer IN lists are refused, because they would overflow DuckDB's stack. */
const maxChain = 400;
const maxList = 5000;

export function parseExpression(cursor: Cursor): Expression {
  return cursor.nested(() => parseLogic(cursor, 'or'));
}

function parseLogic(cursor: Cursor, operator: 'or' | 'and'): Expression {
  const at = cursor.at;
  const operand = () => (operator === 'or' ? parseLogic(cursor, 'and') : parseNot(cursor));
  const operands = [operand()];
  while (cursor.takeWords(operator)) {
    if (operands.length > maxList) throw cursor.unsupported(`a chain of more than ${maxList} operators`);
    operands.push(operand());
  }
  return operands.length === 1 ? operands[0]! : { kind: 'logic', operator, operands, at };
}

function parseNot(cursor: Cursor): Expression {
  const at = cursor.at;
  if (cursor.isWord('not') && !(cursor.peek().kind === 'word' && cursor.peek().value === 'exists')) {
    cursor.next();
    return { kind: 'not', operand: cursor.nested(() => parseNot(cursor)), at };
  }
  if (cursor.takeWords('not', 'exists')) {
    return { kind: 'not', operand: parseExists(cursor, at), at };
  }
  return parseComparison(cursor);
}

function parseExists(cursor: Cursor, at: number): Expression {
  cursor.expectOperator('(');
  const query = cursor.grammar.query(cursor);
  cursor.expectOperator(')');
  return { kind: 'exists', query, at };
}

const comparisons = ['=', '<>', '!=', '<', '>', '<=', '>='];

/**
 * Redshift's old precedence of IS differs from the current standard. Where the two readings differ, parentheses are
 * required.
 */
function refuseAmbiguous(cursor: Cursor, operand: Expression): void {
  if (!operand.parenthesized && ['is', 'in', 'between', 'like', 'in-query', 'match'].includes(operand.kind)) {
    throw cursor.unsupported('a comparison of a condition without parentheses', operand.at);
  }
}

function parseComparison(cursor: Cursor): Expression {
  const left = parsePredicate(cursor);
  if (!cursor.isOperator(...comparisons)) return left;
  refuseAmbiguous(cursor, left);
  const { at, value } = cursor.next();
  if (cursor.isWord('any', 'all', 'some')) return parseQuantified(cursor, left, value, at);
  const right = parsePredicate(cursor);
  if (left.kind === 'row' && right.kind === 'row') return equalRows(cursor, left, right, value, at);
  refuseAmbiguous(cursor, right);
  if (cursor.isOperator(...comparisons)) throw cursor.unsupported('a chain of comparisons without parentheses');
  return { kind: 'binary', operator: (value === '!=' ? '<>' : value) as BinaryOperator, left, right, at };
}

/** `= any (select …)` is IN, `<> all (select …)` is NOT IN. */
function parseQuantified(cursor: Cursor, operand: Expression, operator: string, at: number): Expression {
  const word = cursor.next().value;
  const isIn = operator === '=' && word !== 'all';
  const isNotIn = (operator === '<>' || operator === '!=') && word === 'all';
  if (!(isIn || isNotIn) || !cursor.isOperator('('))
    throw cursor.unsupported(`operator ${operator} ${word.toUpperCase()}`, at);
  cursor.next();
  if (!isSubqueryStart(cursor)) return anyOf(cursor, operand, isNotIn, at);
  const query = cursor.grammar.query(cursor);
  cursor.expectOperator(')');
  return { kind: 'in-query', operand, query, negated: isNotIn, at };
}

type Row = Expression & { kind: 'row' };

/** Two rows are equal if all their values are equal. */
function equalRows(cursor: Cursor, left: Row, right: Row, operator: string, at: number): Expression {
  if (!['=', '<>', '!='].includes(operator)) throw cursor.unsupported(`operator ${operator} between rows`, at);
  if (left.items.length !== right.items.length) throw cursor.source.error('unequal number of entries in rows', at);
  const operands = left.items.map((item, i): Expression => {
    return { kind: 'binary', operator: '=', left: item, right: right.items[i]!, at };
  });
  const equal: Expression = { kind: 'logic', operator: 'and', operands, at };
  return operator === '=' ? equal : { kind: 'not', operand: equal, at };
}

function parsePredicate(cursor: Cursor): Expression {
  const operand = parseConcatenation(cursor);
  const at = cursor.at;
  if (cursor.isWord('is', 'isnull', 'notnull')) return parseIs(cursor, operand);
  const negated =
    cursor.isWord('not') &&
    cursor.peek().kind === 'word' &&
    ['in', 'like', 'ilike', 'between', 'similar'].includes(cursor.peek().value);
  if (negated) cursor.next();
  let predicate: Expression | undefined;
  if (cursor.takeWords('in')) predicate = parseIn(cursor, operand, negated, at);
  else if (cursor.takeWords('between')) {
    if (cursor.takeWords('symmetric')) throw cursor.unsupported('BETWEEN SYMMETRIC', at);
    const low = parseConcatenation(cursor);
    cursor.expectWord('and');
    predicate = { kind: 'between', operand, low, high: parseConcatenation(cursor), negated, at };
  } else if (cursor.isWord('like', 'ilike', 'similar')) {
    const how = cursor.next().value as 'like' | 'ilike' | 'similar';
    if (how === 'similar') cursor.expectWord('to');
    const pattern = parseConcatenation(cursor);
    const escapedBy = cursor.takeWords('escape') ? parseConcatenation(cursor) : undefined;
    predicate = { kind: 'like', operand, pattern, escape: escapedBy, how, negated, at };
  } else if (cursor.isOperator('~', '!~', '~*', '!~*')) {
    const operator = cursor.next().value;
    if (operator.endsWith('*')) throw cursor.unsupported(`operator ${operator}`, at);
    predicate = { kind: 'match', operand, pattern: parseConcatenation(cursor), negated: operator.startsWith('!'), at };
  }
  if (!predicate) return operand;
  if (cursor.isWord('is', 'in', 'like', 'ilike', 'between'))
    throw cursor.unsupported('a chain of conditions without parentheses');
  return predicate;
}

function parseIs(cursor: Cursor, operand: Expression): Expression {
  const at = cursor.at;
  if (!operand.parenthesized && operand.kind === 'binary' && operand.operator === '||') {
    throw cursor.unsupported('IS after || without parentheses');
  }
  const word = cursor.next().value;
  if (word !== 'is') return { kind: 'is', operand, what: 'null', negated: word === 'notnull', at };
  const negated = cursor.takeWords('not');
  if (cursor.isWord('distinct')) throw cursor.unsupported('IS DISTINCT FROM', at);
  const what = cursor.expectWord('null', 'true', 'false', 'unknown').value as 'null' | 'true' | 'false' | 'unknown';
  if (cursor.isWord('is', 'isnull', 'notnull')) throw cursor.unsupported('a chain of conditions without parentheses');
  return { kind: 'is', operand, what, negated, at };
}

function parseIn(cursor: Cursor, operand: Expression, negated: boolean, at: number): Expression {
  cursor.expectOperator('(');
  if (isSubqueryStart(cursor)) {
    const query = cursor.grammar.query(cursor);
    cursor.expectOperator(')');
    return { kind: 'in-query', operand, query, negated, at };
  }
  const list = cursor.list(() => parseExpression(cursor));
  if (list.length > maxList) throw cursor.unsupported(`IN with more than ${maxList} values`, at);
  cursor.expectOperator(')');
  if (operand.kind === 'row') {
    const operands = list.map((item) => {
      if (item.kind !== 'row') throw cursor.source.error('IN of a row needs rows', item.at);
      return equalRows(cursor, operand, item, '=', item.at);
    });
    const any: Expression = { kind: 'logic', operator: 'or', operands, at };
    return negated ? { kind: 'not', operand: any, at } : any;
  }
  return { kind: 'in', operand, list, negated, at };
}

function parseChain(cursor: Cursor, operators: readonly string[], operand: () => Expression): Expression {
  let left = operand();
  for (let length = 1; cursor.isOperator(...operators); length++) {
    if (length > maxChain) throw cursor.unsupported(`a chain of more than ${maxChain} operators`);
    const { at, value } = cursor.next();
    left = { kind: 'binary', operator: value as BinaryOperator, left, right: operand(), at };
  }
  return left;
}

export function parseConcatenation(cursor: Cursor): Expression {
  return parseChain(cursor, ['||'], () => bitsOf(cursor, () => parseAdditive(cursor)));
}

function parseAdditive(cursor: Cursor): Expression {
  return parseChain(cursor, ['+', '-'], () => parseChain(cursor, ['*', '/', '%'], () => parsePower(cursor)));
}

/** `2 ^ 3` is POWER (https://docs.aws.amazon.com/redshift/latest/dg/r_OPERATOR_SYMBOLS.html). */
function parsePower(cursor: Cursor): Expression {
  let left = parseUnary(cursor);
  for (let length = 1; cursor.isOperator('^'); length++) {
    if (length > maxChain / 8) throw cursor.unsupported(`a chain of more than ${maxChain / 8} powers`);
    const { at } = cursor.next();
    left = { kind: 'call', name: 'power', args: [left, parseUnary(cursor)], star: false, distinct: false, at };
  }
  return left;
}

function parseUnary(cursor: Cursor): Expression {
  const at = cursor.at;
  if (cursor.takeOperator('-')) return { kind: 'negate', operand: cursor.nested(() => parseUnary(cursor)), at };
  if (cursor.takeOperator('+')) return cursor.nested(() => parseUnary(cursor));
  const prefix = cursor.token.kind === 'operator' ? prefixes[cursor.token.value] : undefined;
  if (prefix === undefined) return parsePostfix(cursor);
  cursor.next();
  const operand = cursor.nested(() => parseUnary(cursor));
  return { kind: 'call', name: prefix, args: [operand], star: false, distinct: false, at };
}

/**
 * Prefix operators that are functions of a number
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_OPERATOR_SYMBOLS.html).
 */
const prefixes: Readonly<Record<string, string>> = { '|/': 'sqrt', '||/': 'cbrt', '@': 'abs' };

function parsePostfix(cursor: Cursor): Expression {
  let operand = parsePrimary(cursor);
  for (let length = 0; ; length++) {
    if (length > maxChain / 4) throw cursor.unsupported(`a chain of more than ${maxChain / 4} casts or attributes`);
    const at = cursor.at;
    if (cursor.takeOperator('::')) operand = castOf(cursor, operand, at);
    else if (cursor.isOperator('|', '#', '<<')) throw cursor.unsupported(`operator ${cursor.token.value}`);
    else if (cursor.isWord('collate')) throw cursor.unsupported('COLLATE');
    else if (isOuterMark(cursor)) throw cursor.unsupported('an outer join by (+)');
    else if (cursor.takeWords('at', 'time', 'zone')) operand = atTimeZone(cursor, operand, at);
    else if (isItem(cursor)) operand = parseItem(cursor, operand);
    else if (cursor.isOperator('[', '.')) {
      operand = { kind: 'navigate', from: operand, steps: parseSteps(cursor), at };
    } else return operand;
  }
}

/** Whether the old mark of an outer join follows, as in `a.id = b.id (+)`. */
function isOuterMark(cursor: Cursor): boolean {
  const [plus, close] = [cursor.peek(), cursor.peek(2)];
  return cursor.isOperator('(') && plus.kind === 'operator' && plus.value === '+' && close.value === ')';
}

/**
 * AT TIME ZONE is TIMEZONE, written after its value
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_AT_TIME_ZONE.html).
 */
function atTimeZone(cursor: Cursor, value: Expression, at: number): Expression {
  const zone = parsePrimary(cursor);
  return { kind: 'call', name: 'timezone', args: [zone, value], star: false, distinct: false, at };
}

function parseSteps(cursor: Cursor): (Identifier | number)[] {
  const steps: (Identifier | number)[] = [];
  while (cursor.isOperator('[', '.')) {
    if (cursor.takeOperator('.')) steps.push(cursor.anyIdentifier('an attribute'));
    else {
      cursor.expectOperator('[');
      const { kind, value, at } = cursor.token;
      if (kind !== 'number' && kind !== 'string')
        throw cursor.unsupported('an array index that is not a number or an attribute in quotes');
      if (kind === 'string') cursor.next();
      steps.push(kind === 'string' ? { text: value, quoted: true, at } : cursor.expectInteger('an array index'));
      cursor.expectOperator(']');
    }
    if (steps.length > maxChain / 4) throw cursor.unsupported(`a path of more than ${maxChain / 4} attributes`);
  }
  return steps;
}

function parsePrimary(cursor: Cursor): Expression {
  const { kind, value, at } = cursor.token;
  switch (kind) {
    case 'number':
      cursor.next();
      return { kind: /e/i.test(value) ? 'exponent' : 'number', text: value, at };
    case 'string':
      cursor.next();
      if (cursor.token.kind === 'string') throw cursor.unsupported('two text literals side by side');
      return { kind, text: value, at };
    case 'parameter':
      cursor.next();
      return { kind, name: value, at };
    case 'quoted':
      return cursor.peek().kind === 'operator' && cursor.peek().value === '(' ? parseCall(cursor) : parseName(cursor);
    case 'word':
      return parseWord(cursor);
    case 'operator':
      if (value === '(') return parseParenthesized(cursor);
  }
  throw cursor.syntaxError('an expression');
}

function parseParenthesized(cursor: Cursor): Expression {
  const at = cursor.expectOperator('(').at;
  if (isSubqueryStart(cursor)) {
    const query = cursor.grammar.query(cursor);
    cursor.expectOperator(')');
    return { kind: 'subquery', query, at };
  }
  const inner = parseExpression(cursor);
  if (cursor.takeOperator(',')) {
    const items = [inner, ...cursor.list(() => parseExpression(cursor))];
    cursor.expectOperator(')');
    return { kind: 'row', items, at };
  }
  if (cursor.isWord('as')) throw cursor.unsupported('an alias in parentheses');
  cursor.expectOperator(')');
  inner.parenthesized = true;
  return inner;
}

const niladic = new Set([
  'current_date',
  'current_user',
  'sysdate',
  'user',
  'session_user',
  'current_schema',
  'current_timestamp',
  'localtimestamp',
]);

const intervalFields = ['year', 'month', 'day', 'hour', 'minute', 'second'];

const notModelled = new Set(['current_time', 'localtime', 'current_user_id']);

function parseWord(cursor: Cursor): Expression {
  const { value, at } = cursor.token;
  if (cursor.takeWords('null')) return { kind: 'null', at };
  if (value === 'true' || value === 'false') {
    cursor.next();
    return { kind: 'boolean', value: value === 'true', at };
  }
  if (value === 'approximate' && cursor.peek().kind === 'word' && cursor.peek(2).value === '(')
    return parseApproximate(cursor);
  if (value === 'case') return parseCase(cursor);
  if (cursor.takeWords('exists')) return parseExists(cursor, at);
  if (value === 'cast' || value === 'try_cast') return parseCast(cursor);
  if (value === 'convert' && cursor.peek().value === '(') return parseConvert(cursor);
  if (
    cursor.peek().kind === 'string' &&
    (value === 'interval' || value === 'date' || value === 'timestamp' || value === 'timestamptz')
  ) {
    cursor.next();
    const text = cursor.next().value;
    if (value === 'interval' && cursor.isWord(...intervalFields)) throw cursor.unsupported('an interval with fields');
    return value === 'interval' ? { kind: value, text, at } : { kind: 'typed-literal', type: value, text, at };
  }
  if (cursor.peek().kind === 'string' && value === 'timetz') throw cursor.unsupported(`type ${value}`);
  if (cursor.peek().kind === 'string' && value === 'time') {
    cursor.next();
    return { kind: 'cast', operand: { kind: 'string', text: cursor.next().value, at }, type: { name: 'time' }, at };
  }
  if (value === 'array' && cursor.peek().value === '[') throw cursor.unsupported('ARRAY[…]');
  if (isArrayOf(cursor)) return parseArrayOf(cursor);
  skipCatalog(cursor);
  if (niladic.has(value) && !(cursor.peek().kind === 'operator' && cursor.peek().value === '(')) {
    cursor.next();
    return { kind: 'call', name: value, args: [], star: false, distinct: false, at };
  }
  if (cursor.peek().kind === 'operator' && cursor.peek().value === '(') return parseCall(cursor);
  // The number of an object in the catalog is a column, although the word is reserved.
  if (value === 'oid') return { kind: 'name', parts: [cursor.anyIdentifier('a column')], isReserved: true, at };
  if (notModelled.has(value)) throw cursor.unsupported(value.toUpperCase());
  return parseName(cursor);
}

/**
 * Redshift estimates the result of APPROXIMATE; here it is exact
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_COUNT.html, r_APPROXIMATE_PERCENTILE_DISC.html).
 */
function parseApproximate(cursor: Cursor): Expression {
  const { at } = cursor.next();
  const call = parseCall(cursor);
  if (call.name === 'percentile_disc') return { ...call, approximate: true };
  if (call.name === 'count' && call.distinct) return { ...call, approximate: true };
  throw cursor.unsupported(`APPROXIMATE ${call.name.toUpperCase()}`, at);
}

function parseName(cursor: Cursor): Expression {
  const at = cursor.at;
  const parts = cursor.column('an expression');
  if (parts.length > 1 && cursor.isOperator('(') && !isOuterMark(cursor))
    throw cursor.unsupported(`function ${parts.map(({ text }) => text.toUpperCase()).join('.')}`, at);
  return { kind: 'name', parts, at };
}

function parseCast(cursor: Cursor): Expression {
  const { at, value } = cursor.expectWord('cast', 'try_cast');
  cursor.expectOperator('(');
  const operand = parseExpression(cursor);
  cursor.expectWord('as');
  const cast = castOf(cursor, operand, at);
  cursor.expectOperator(')');
  return cast.kind === 'cast' ? { ...cast, lenient: value === 'try_cast' } : cast;
}

/** `convert(integer, x)` is a cast. */
function parseConvert(cursor: Cursor): Expression {
  const { at } = cursor.next();
  cursor.expectOperator('(');
  const type = parseType(cursor);
  cursor.expectOperator(',');
  const operand = parseExpression(cursor);
  cursor.expectOperator(')');
  return { kind: 'cast', operand, type, at };
}

function parseCase(cursor: Cursor): Expression {
  const at = cursor.expectWord('case').at;
  const operand = cursor.isWord('when') ? undefined : parseExpression(cursor);
  const branches: { when: Expression; result: Expression }[] = [];
  while (cursor.takeWords('when')) {
    const when = parseExpression(cursor);
    cursor.expectWord('then');
    branches.push({ when, result: parseExpression(cursor) });
  }
  if (branches.length === 0) throw cursor.syntaxError('WHEN');
  const otherwise = cursor.takeWords('else') ? parseExpression(cursor) : undefined;
  cursor.expectWord('end');
  return { kind: 'case', operand, branches, otherwise, at };
}

export { parseType, tryParseType };
