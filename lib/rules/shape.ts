import * as z from 'zod';
import { isRecord, nearest, or, problem, shownKey, shownWithoutTexts } from './format';

/**
 * Builders of shapes. Each takes the rule that a message puts between field and value, as `be a list`, so that a wrong type and a wrong value give
 * the same message.
 */

type Fields<T> = { readonly [Name in keyof Required<T>]: z.ZodType<T[Name]> };

/** An object with these fields and no other. The compiler demands a shape for every field of the type. */
export const object = <T>(fields: Fields<T>): z.ZodType<T> => fieldsOf(fields) as unknown as z.ZodType<T>;

function fieldsOf<T>(fields: Fields<T>) {
  const names = Object.keys(fields).join(', ');
  // For unknown fields the message holds only the known ones; `problemsOf` makes a sentence for each.
  return z.strictObject(fields as z.ZodRawShape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? names : `be an object with ${names}`),
  });
}

/** One of several objects, distinguished by `field`. */
export function either<T>(field: string, shapes: readonly z.ZodType<T>[]): z.ZodType<T> {
  type Shapes = [z.ZodObject, ...z.ZodObject[]];
  const options = shapes as unknown as Shapes;
  const values = options.map(({ shape }) => (shape[field] as z.ZodLiteral<string>).value);
  return z.discriminatedUnion(field, options, {
    error: ({ input }) => (isRecord(input) ? anyOf(values) : `be an object with ${field}`),
  }) as unknown as z.ZodType<T>;
}

export const is = <Value extends string>(value: Value) => z.literal(value);

export const text = (rule: string, holds: (value: string) => boolean = () => true) =>
  z.string({ error: rule }).refine(holds, { error: rule });

export const numeric = (rule: string, holds: (value: number) => boolean) =>
  z.number({ error: rule }).refine(holds, { error: rule });

/** A whole number whose bounds depend on other fields. */
export const number = z.number({ error: 'be a whole number' });

export const whole = (low: number, high: number) => numeric(between(low, high), (value) => isBetween(value, low, high));

export const between = (low: number, high: number) => `be a whole number between ${low} and ${high}`;
export const isBetween = (value: number, low: number, high: number) =>
  Number.isInteger(value) && value >= low && value <= high;

export const flag = z.boolean({ error: 'be true or false' });

export const oneOf = <Value extends string>(...values: readonly Value[]) => z.enum(values, { error: anyOf(values) });

export const list = <T>(of: z.ZodType<T>, rule = '', holds: (values: readonly T[]) => boolean = () => true) =>
  z.array(of, { error: 'be a list' }).refine(holds, { error: rule });

const anyOf = (values: readonly string[]) => {
  const written = values.map((value) => (/^[\w.-]+$/.test(value) ? value : JSON.stringify(value)));
  return written.length > 4 ? `be one of ${written.join(', ')}` : `be ${or(written)}`;
};

type Asks = (...path: readonly PropertyKey[]) => boolean;

export interface Checked {
  readonly problems: readonly string[];
  /** Whether what is at the path has the right types, however wrong its values: a rule may read it. */
  readonly sound: Asks;
  /** Whether what is at the path has the right types and values. */
  readonly right: Asks;
}

/** Compares a value with its shape. @param field the name of the value in messages */
export function check(shape: z.ZodType, value: unknown, field: string): Checked {
  const issues = shape.safeParse(value).error?.issues ?? [];
  const without =
    (wrong: readonly z.core.$ZodIssue[]): Asks =>
    (...path) =>
      !wrong.some((issue) => issue.path.every((key, index) => index >= path.length || key === path[index]));
  return {
    problems: [...new Set(issues.flatMap((issue) => problemsOf(issue, value, field)))],
    sound: without(issues.filter(({ code }) => code !== 'custom' && code !== 'unrecognized_keys')),
    right: without(issues),
  };
}

function problemsOf(issue: z.core.$ZodIssue, root: unknown, field: string): string[] {
  const { at, value } = place(issue.path, root, field);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const known = nearest(key.slice(0, longestName), issue.message.split(', '));
      return `${at}.${shownKey(key)} is unknown; ${known ? `did you mean ${known}?` : `known are ${issue.message}`}`;
    });
  return isSecret(issue.path)
    ? [`${at} must ${issue.message}, got ${shownWithoutTexts(value)}`]
    : [problem(at, issue.message, value)];
}

/** Any value in the place of an external id may be one. */
const isSecret = (path: readonly PropertyKey[]) => path.includes('externalId');

/** The field as people would write it, an element of a list by its name where it has one. */
function place(path: readonly PropertyKey[], root: unknown, field: string): { at: string; value: unknown } {
  let value = root;
  let at = field;
  for (const key of path) {
    value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
    at += typeof key === 'number' ? elementName(value, key) : `.${String(key)}`;
  }
  return { at, value };
}

/** Longer names are compared by their beginning only. */
const longestName = 200;

/** `.price` of an element with that name, else `[2]`. */
export function elementName(element: unknown, index: number): string {
  const name = isRecord(element) ? element['name'] : undefined;
  return typeof name === 'string' && /^[a-z_][\w-]{0,63}$/i.test(name) ? `.${name}` : `[${index}]`;
}
