/** Readers for input from outside. Each throws an error that names the field, what is allowed and what was received. */

export function asRecord(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(field, 'an object', value);
  return value as Record<string, unknown>;
}

export function asArray(value: unknown, field: string): unknown[] {
  if (!Array.isArray(value)) fail(field, 'a list', value);
  return value as unknown[];
}

export function asText(value: unknown, field: string): string {
  if (typeof value !== 'string') fail(field, 'a text', value);
  return value as string;
}

/** A number, or the text of one: CloudFormation and S3 send both. */
export function asNumber(value: unknown, field: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) fail(field, 'a number', value);
  return number as number;
}

export function asOneOf<const Allowed extends readonly string[]>(
  value: unknown,
  allowed: Allowed,
  field: string,
): Allowed[number] {
  if (typeof value !== 'string' || !allowed.includes(value)) fail(field, `one of ${allowed.join(', ')}`, value);
  return value as Allowed[number];
}

/** Epoch milliseconds of an ISO 8601 text. */
export function asTime(value: unknown, field: string): number {
  const time = typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) fail(field, 'an ISO 8601 time', value);
  return time;
}

export function asJson(value: unknown, field: string): unknown {
  const text = asText(value, field);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${field} must be JSON text: ${(cause as Error).message}`, { cause });
  }
}

function fail(field: string, allowed: string, value: unknown): never {
  throw new Error(
    `${field} must be ${allowed}, got ${value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value)).slice(0, 200)}`,
  );
}
