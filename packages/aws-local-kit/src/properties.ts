/** Reading of resource properties and request members: what is not known is refused by name, never skipped. */
import { AwsError, NotModelledError } from './ports';

export type Properties = Readonly<Record<string, unknown>>;

/**
 * The value as an object whose members are all in `allowed`; undefined stays undefined.
 * @throws NotModelledError naming the first other member, as `<where>.<member>`
 */
export function objectOf(value: unknown, allowed: readonly string[], where: string): Properties | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(where, value, 'an object');
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    if (!allowed.includes(name) && member !== undefined) throw new NotModelledError(`${where}.${name}`);
  }
  return value as Properties;
}

/** The value as a list; undefined gives an empty one. */
export function listOf(value: unknown, where: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(where, value, 'a list');
  return value;
}

export function textOf(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalid(where, value, 'a string');
  return value;
}

export function requiredText(value: unknown, where: string): string {
  const text = textOf(value, where);
  if (text === undefined || text === '') throw invalid(where, value, 'a string that is not empty');
  return text;
}

/** CloudFormation hands booleans over as booleans or as the texts `true` and `false`. */
export function booleanOf(value: unknown, where: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw invalid(where, value, 'true or false');
}

/** CloudFormation hands numbers over as numbers or as decimal text. */
export function integerOf(value: unknown, where: string, min: number, max: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max)
    throw invalid(where, value, `an integer between ${min} and ${max}`);
  return number;
}

/** The value if it is one of those modelled; undefined stays undefined. */
export function oneOf<T extends string>(value: unknown, allowed: readonly T[], where: string): T | undefined {
  if (value === undefined || value === null) return undefined;
  if (!allowed.includes(value as T)) throw new NotModelledError(`${where} ${JSON.stringify(value)}`);
  return value as T;
}

export function invalid(where: string, value: unknown, allowed: string): AwsError {
  return new AwsError('ValidationException', `${where} must be ${allowed}, got ${jsonOf(value)}`);
}

/** What a client nests may be too deep to be written out. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'what cannot be written as JSON';
  }
}

/** A generated name within a service's limit: its middle goes, the characters at its end that make it unique stay. */
export function shortened(name: string, max: number): string {
  return name.length <= max ? name : `${name.slice(0, max - 13)}-${name.slice(-12)}`;
}
