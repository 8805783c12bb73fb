import { isIP } from 'node:net';
import { arnMatches, type Context, expand, matchesPieces } from './match';
import type { Condition } from './policy';

type Comparison = (actual: string, wanted: string, context: Context, variables: boolean) => boolean;

interface Operator {
  readonly compare: Comparison;
  /** Negated operators hold when no value compares, and when the key is missing. */
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

function epochMs(value: string): number {
  return /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value);
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
  IpAddress: { compare: (actual, wanted) => inRange(actual, wanted) },
  NotIpAddress: { compare: (actual, wanted) => inRange(actual, wanted), negated: true },
};

/** Why a condition cannot be decided here: the caller must treat it as a denial. */
export class UndecidableCondition extends Error {}

/**
 * Whether the condition holds, as IAM evaluates it: any of the wanted values for the key's value, none of them for a negated operator; a
 * missing key fails unless the operator is negated or ends in IfExists.
 * @throws UndecidableCondition for an operator, or a malformed key, that is not known
 */
export function conditionHolds(condition: Condition, context: Context, variables: boolean): boolean {
  const [, quantifier, name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(condition.operator) ?? [];
  if (!/^[a-z0-9-]+:\S+$/i.test(condition.key))
    throw new UndecidableCondition(`condition key ${condition.key} is malformed`);
  const actual = context(condition.key);
  if (name === 'Null' && !ifExists)
    return condition.values.some((wanted) => (wanted.toLowerCase() === 'true') === (actual === undefined));
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
  if (isIP(address) !== 4 || isIP(network) !== 4) return address === network && length === undefined;
  const bits = length === undefined ? 32 : Number(length);
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return ((ipv4(address) ^ ipv4(network)) & mask) === 0;
}

function ipv4(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
}
