import { BlockList, isIP } from 'node:net';
import { arnMatches, type Context, expand, matchesPieces, UndecidableCondition } from './match';
import type { Condition } from './policy';

type Comparison = (actual: string, wanted: string, context: Context, variables: boolean) => boolean;

interface Operator {
  readonly compare: Comparison;
  /** A negated operator holds if no value matches or the key is missing. */
  readonly negated?: true;
}

const text =
  (ignoreCase: boolean): Comparison =>
  (actual, wanted, context, variables) => {
    const expanded = expand(wanted, variables, context)
      ?.map((piece) => piece.text)
      .join('');
    if (expanded === undefined) return false;
    return ignoreCase ? actual.toLowerCase() === expanded.toLowerCase() : actual === expanded;
  };
const like: Comparison = (actual, wanted, context, variables) => {
  const pieces = expand(wanted, variables, context);
  return pieces !== undefined && matchesPieces(pieces, actual, false);
};
const arn: Comparison = (actual, wanted, context, variables) => {
  const pieces = expand(wanted, variables, context);
  return pieces !== undefined && arnMatches(pieces, actual);
};
const numeric =
  (holds: (actual: number, wanted: number) => boolean): Comparison =>
  (actual, wanted) => {
    const numbers = [Number(actual), Number(wanted)] as const;
    return actual.trim() !== '' && wanted.trim() !== '' && !numbers.some(Number.isNaN) && holds(...numbers);
  };
const date =
  (holds: (actual: number, wanted: number) => boolean): Comparison =>
  (actual, wanted) => {
    const moments = [epochMs(actual), epochMs(wanted)] as const;
    return !moments.some(Number.isNaN) && holds(...moments);
  };

/** Date in the W3C profile of ISO 8601, where a time of day has a zone. Plain numbers are seconds since 1970. */
const moment = /^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?)?)?$/;

function epochMs(value: string): number {
  if (moment.test(value) && value.length !== 4) return Date.parse(value);
  return /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Number.NaN;
}

const eq = (a: number, b: number) => a === b;
const lt = (a: number, b: number) => a < b;
const le = (a: number, b: number) => a <= b;
const gt = (a: number, b: number) => a > b;
const ge = (a: number, b: number) => a >= b;

const operators: Readonly<Record<string, Operator>> = {
  StringEquals: { compare: text(false) },
  StringNotEquals: { compare: text(false), negated: true },
  StringEqualsIgnoreCase: { compare: text(true) },
  StringNotEqualsIgnoreCase: { compare: text(true), negated: true },
  StringLike: { compare: like },
  StringNotLike: { compare: like, negated: true },
  ArnEquals: { compare: arn },
  ArnLike: { compare: arn },
  ArnNotEquals: { compare: arn, negated: true },
  ArnNotLike: { compare: arn, negated: true },
  NumericEquals: { compare: numeric(eq) },
  NumericNotEquals: { compare: numeric(eq), negated: true },
  NumericLessThan: { compare: numeric(lt) },
  NumericLessThanEquals: { compare: numeric(le) },
  NumericGreaterThan: { compare: numeric(gt) },
  NumericGreaterThanEquals: { compare: numeric(ge) },
  DateEquals: { compare: date(eq) },
  DateNotEquals: { compare: date(eq), negated: true },
  DateLessThan: { compare: date(lt) },
  DateLessThanEquals: { compare: date(le) },
  DateGreaterThan: { compare: date(gt) },
  DateGreaterThanEquals: { compare: date(ge) },
  Bool: { compare: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase() },
  BinaryEquals: { compare: (actual, wanted) => actual === wanted },
  IpAddress: { compare: (actual, wanted) => inRange(actual, wanted) },
  NotIpAddress: { compare: (actual, wanted) => inRange(actual, wanted), negated: true },
};

/**
 * Evaluates a condition as IAM does. It holds if any wanted value matches the key's value, or if none does for a
 * negated operator. If the key is missing, it fails unless the operator is negated or ends in IfExists.
 * @throws UndecidableCondition for an unknown operator or a malformed key
 */
export function conditionHolds(condition: Condition, context: Context, variables: boolean): boolean {
  const [, quantifier, name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(condition.operator) ?? [];
  if (!/^[a-z0-9-]+:\S+$/i.test(condition.key))
    throw new UndecidableCondition(`condition key ${condition.key} is malformed`);
  const actual = context(condition.key);
  if (name === 'Null' && !ifExists && !quantifier)
    return condition.values.some(
      (wanted) => (wanted.toLowerCase() === 'true') === (actual === undefined || actual.length === 0),
    );
  const operator = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (!operator) throw new UndecidableCondition(`condition operator ${condition.operator} is not modelled`);
  const matchesOne = (value: string) => {
    const any = condition.values.some((wanted) => operator.compare(value, wanted, context, variables));
    return operator.negated ? !any : any;
  };
  if (actual === undefined || actual.length === 0) {
    if (ifExists || quantifier === 'ForAllValues') return true;
    return quantifier !== 'ForAnyValue' && operator.negated === true;
  }
  if (quantifier === 'ForAllValues') return actual.every(matchesOne);
  if (quantifier === 'ForAnyValue') return actual.some(matchesOne);
  if (actual.length > 1)
    throw new UndecidableCondition(
      `condition key ${condition.key} has several values: ${condition.operator} needs ForAnyValue or ForAllValues`,
    );
  return matchesOne(actual[0]!);
}

function inRange(address: string, range: string): boolean {
  const [network = '', length] = range.split('/');
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
  const bits = length === undefined ? (family === 'ipv6' ? 128 : 32) : Number(length);
  if (isIP(network) === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 'ipv6' ? 128 : 32))
    throw new UndecidableCondition(`${range} is no range of addresses`);
  if (isIP(address) !== isIP(network)) return false;
  const block = new BlockList();
  block.addSubnet(network, bits, family);
  return block.check(address, family);
}
