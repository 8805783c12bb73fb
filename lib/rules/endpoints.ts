import type { EndpointDefinition, EndpointParam, Pipeline } from '../../pipelines/definition';
import { isDay, isDecimal, isWhole } from './default-value';
import { isPublicName } from './endpoint-shape';
import { declaredTwice, must, namedTwice, problem, shownKey } from './format';
import { elementName, isBetween } from './shape';

/** Rules between the fields of endpoints. Their shapes are right; their queries are checked elsewhere. */
export function endpointsProblems({ endpoints = [] }: Pick<Pipeline, 'endpoints'>, at: string): string[] {
  return [
    ...endpoints.flatMap((endpoint, index) => paramsProblems(endpoint, `${at}${elementName(endpoint, index)}.params`)),
    ...declaredTwice(
      at,
      endpoints.map(({ name }) => name),
    ),
  ];
}

/** Parameters that an endpoint may have. The Data API documents no limit; a request has to fit an address. */
const maxParams = 50;

function paramsProblems({ params = {} }: EndpointDefinition, at: string): string[] {
  const entries = Object.entries(params);
  return [
    ...(entries.length > maxParams ? [`${at} must have at most ${maxParams} parameters, got ${entries.length}`] : []),
    ...entries.flatMap(([name, param]) => {
      const field = `${at}.${shownKey(name)}`;
      if (!isPublicName(name))
        return [
          `${field} must have a name in lower-case snake_case of at most 64 characters that begins with a letter, and is not constructor`,
        ];
      return paramProblems(param, field);
    }),
  ];
}

/** A value that a parameter declares: whether it fits the type, and the rule that it would break. */
interface Fits {
  readonly holds: (value: unknown) => boolean;
  readonly rule: string;
}

function paramProblems(param: EndpointParam, at: string): string[] {
  if (param.type === 'decimal' && !isBetween(param.scale, 0, param.precision))
    return [problem(`${at}.scale`, `be a whole number between 0 and ${param.precision}`, param.scale)];
  const { holds, rule } = fitting(param);
  const given = (['min', 'max', 'default'] as const).flatMap((key) => {
    const value = (param as { readonly [Key in typeof key]?: unknown })[key];
    return value === undefined ? [] : [{ key, value }];
  });
  const wrong = given.flatMap(({ key, value }) => must(holds(value), `${at}.${key}`, rule, value));
  if (wrong.length > 0) return wrong;
  return param.type === 'varchar' ? textProblems(param, at) : rangeProblems(param, at);
}

function fitting(param: EndpointParam): Fits {
  switch (param.type) {
    case 'varchar': {
      const most = param.maxBytes ?? 65_535;
      return {
        holds: (value) =>
          typeof value === 'string' && value !== '' && !value.includes('\0') && Buffer.byteLength(value) <= most,
        rule: `be a text of 1 to ${most} bytes`,
      };
    }
    case 'integer':
      return {
        holds: (value) => isBetween(value as number, -2_147_483_648, 2_147_483_647),
        rule: 'be a whole number of integer',
      };
    case 'bigint':
      return { holds: isWhole, rule: 'be the text of a whole number of bigint' };
    case 'decimal':
      return {
        holds: (value) => isDecimal(value, param.precision, param.scale),
        rule: `be the text of a number that fits decimal(${param.precision},${param.scale})`,
      };
    case 'boolean':
      return { holds: (value) => typeof value === 'boolean', rule: 'be true or false' };
    case 'date':
      return { holds: (value) => isDay(String(value)), rule: 'be a date as 2026-11-21' };
    case 'timestamp':
      return {
        holds: (value) => isTime(String(value)),
        rule: 'be a time as 2026-11-21T10:00:00Z',
      };
  }
}

/** A date with a time, or a bare date; with an offset, or in UTC. */
function isTime(text: string): boolean {
  const [, day, clock = 'T00:00'] = /^(\d{4}-\d\d-\d\d)(T.*)?$/.exec(text) ?? [];
  return (
    day !== undefined &&
    isDay(day) &&
    /^T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)?$/.test(clock)
  );
}

function textProblems(param: Extract<EndpointParam, { type: 'varchar' }>, at: string): string[] {
  const { oneOf, maxBytes = 65_535, default: chosen } = param;
  if (oneOf === undefined) return [];
  return [
    ...namedTwice(`${at}.oneOf`, oneOf),
    ...oneOf
      .filter((value) => Buffer.byteLength(value) > maxBytes)
      .map((value) => problem(`${at}.oneOf`, `have values of at most ${maxBytes} bytes`, value)),
    ...must(chosen === undefined || oneOf.includes(chosen), `${at}.default`, `be one of ${oneOf.join(', ')}`, chosen),
  ];
}

function rangeProblems(param: Exclude<EndpointParam, { type: 'varchar' }>, at: string): string[] {
  if (param.type === 'boolean') return [];
  const { min, max, default: chosen } = param;
  const order = (one: string | number, other: string | number) => compare(param.type, one, other);
  if (min !== undefined && max !== undefined && order(min, max) > 0)
    return [problem(`${at}.min`, `be at most max, ${max}`, min)];
  if (chosen === undefined) return [];
  return [
    ...must(min === undefined || order(chosen, min) >= 0, `${at}.default`, `be at least min, ${min}`, chosen),
    ...must(max === undefined || order(chosen, max) <= 0, `${at}.default`, `be at most max, ${max}`, chosen),
  ];
}

/** Compares two values of a type, which fit it. Negative if the first is less. */
function compare(type: EndpointParam['type'], one: string | number, other: string | number): number {
  if (type === 'bigint' || type === 'decimal') {
    const [first, second] = [scaled(String(one)), scaled(String(other))];
    return first < second ? -1 : first > second ? 1 : 0;
  }
  if (type === 'timestamp') return time(String(one)) - time(String(other));
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Compared as whole numbers: a number of JavaScript has 53 bits. A decimal has at most 38 places. */
function scaled(text: string): bigint {
  const [whole = '', places = ''] = text.replace('-', '').split('.');
  const size = BigInt(whole + places.padEnd(38, '0'));
  return text.startsWith('-') ? -size : size;
}

function time(text: string): number {
  const withClock = text.includes('T') ? text : `${text}T00:00`;
  return Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(withClock) ? withClock : `${withClock}Z`);
}
