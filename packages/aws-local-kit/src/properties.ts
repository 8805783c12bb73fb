/** Readers of resource properties and request members. An unknown name is refused with an error, never skipped. */
import { AwsError, NotModelledError } from './ports';

export type Properties = Readonly<Record<string, unknown>>;

/**
 * Reads an object whose members are all in `allowed`; undefined stays undefined.
 * @throws NotModelledError naming the first member that is not allowed, as `<where>.<member>`
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

/** Reads a list; undefined gives an empty one. */
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

/** Reads a boolean. CloudFormation sends booleans as booleans or as the strings `true` and `false`. */
export function booleanOf(value: unknown, where: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw invalid(where, value, 'true or false');
}

/** Reads an integer. CloudFormation sends numbers as numbers or as decimal strings. */
export function integerOf(value: unknown, where: string, min: number, max: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max)
    throw invalid(where, value, `an integer between ${min} and ${max}`);
  return number;
}

/** Reads a value that must be one of `allowed`; undefined stays undefined. */
export function oneOf<T extends string>(value: unknown, allowed: readonly T[], where: string): T | undefined {
  if (value === undefined || value === null) return undefined;
  if (!allowed.includes(value as T)) throw new NotModelledError(`${where} ${JSON.stringify(value)}`);
  return value as T;
}

export function invalid(where: string, value: unknown, allowed: string): AwsError {
  return new AwsError('ValidationException', `${where} must be ${allowed}, got ${jsonOf(value)}`);
}

/** Writes a value as JSON for an error message. A client may nest a value too deep for that. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'what cannot be written as JSON';
  }
}

/** Shortens a generated name to a service's limit. It cuts the middle and keeps the end, which is unique. */
export function shortened(name: string, max: number): string {
  return name.length <= max ? name : `${name.slice(0, max - 13)}-${name.slice(-12)}`;
}
