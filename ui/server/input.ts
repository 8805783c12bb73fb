import { type Action, type Api, endpointFormats, faultNames } from '../api';
import { Refusal } from './source';

type Fields = Readonly<Record<string, unknown>>;

const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 80) ?? 'nothing';

function text(fields: Fields, name: string, most = 10_000): string {
  const value = fields[name];
  if (typeof value === 'string' && value.trim() !== '' && value.length <= most) return value;
  throw new Refusal(`${name} must be a text of 1 to ${most} characters, got ${shown(value)}`);
}

function number(fields: Fields, name: string, least: number, most: number): number {
  const value = fields[name];
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new Refusal(`${name} must be a number from ${least} to ${most}, got ${shown(value)}`);
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value === 'boolean') return value;
  throw new Refusal(`${name} must be true or false, got ${shown(value)}`);
}

function oneOf<Value extends string>(fields: Fields, name: string, allowed: readonly Value[]): Value {
  const value = fields[name];
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new Refusal(`${name} must be one of ${allowed.join(', ')}, got ${shown(value)}`);
}

const MOST_PARAMS = 50;

function texts(fields: Fields, name: string): Readonly<Record<string, string>> {
  const value = fields[name];
  const entries =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
  if (entries !== undefined && entries.length <= MOST_PARAMS && entries.every(([, each]) => typeof each === 'string'))
    return Object.fromEntries(entries) as Record<string, string>;
  throw new Refusal(`${name} must be an object of at most ${MOST_PARAMS} texts, got ${shown(value)}`);
}

function action(fields: Fields): Action {
  const kind = oneOf(fields, 'kind', ['rate', 'jump', 'send', 'fault'] as const);
  switch (kind) {
    case 'rate':
      return { kind, rate: number(fields, 'rate', 0, 3600) };
    case 'jump':
      return { kind };
    case 'send':
      return { kind, what: oneOf(fields, 'what', ['events', 'malformed', 'duplicates', 'history'] as const) };
    case 'fault':
      return { kind, fault: oneOf(fields, 'fault', faultNames) };
  }
}

const LONGEST_STATEMENT = 200_000;
const THIRTY_DAYS = 30 * 24 * 60;

const readers: { readonly [Path in keyof Api]: (fields: Fields) => Api[Path][0] } = {
  '/api/why': (fields) => ({
    event: text(fields, 'event'),
    ...(fields['pipeline'] === undefined ? {} : { pipeline: text(fields, 'pipeline', 128) }),
  }),
  '/api/rejects': () => ({}),
  '/api/rejects/retry': (fields) => ({
    pipeline: text(fields, 'pipeline', 128),
    reason: text(fields, 'reason', 512),
    apply: flag(fields, 'apply'),
  }),
  '/api/sql': (fields) => ({ sql: text(fields, 'sql', LONGEST_STATEMENT), id: text(fields, 'id', 64) }),
  '/api/sql/cancel': (fields) => ({ id: text(fields, 'id', 64) }),
  '/api/exports': () => ({}),
  '/api/exports/window': (fields) => ({
    export: text(fields, 'export', 256),
    start: text(fields, 'start', 32),
    revision: number(fields, 'revision', 0, 1_000_000),
  }),
  '/api/history': () => ({}),
  '/api/views': () => ({}),
  '/api/plan': () => ({}),
  '/api/endpoints': () => ({}),
  '/api/endpoints/try': (fields) => ({
    endpoint: text(fields, 'endpoint', 256),
    format: oneOf(fields, 'format', endpointFormats),
    params: texts(fields, 'params'),
    ...(fields['etag'] === undefined ? {} : { etag: text(fields, 'etag', 512) }),
  }),
  '/api/series': (fields) => ({ minutes: number(fields, 'minutes', 1, THIRTY_DAYS) }),
  '/api/runbook': (fields) => ({ heading: text(fields, 'heading', 64) }),
  '/api/look': () => ({}),
  '/api/try': action,
};

export const isCall = (path: string): path is keyof Api => Object.hasOwn(readers, path);

/** @throws Refusal naming the field, the value and what is allowed */
export const inputOf = <Path extends keyof Api>(path: Path, body: string): Api[Path][0] =>
  readers[path](fieldsOf(body));

/** The key of a file to download. @throws Refusal */
export const keyOf = (body: string): string => text(fieldsOf(body), 'key', 1024);

function fieldsOf(body: string): Fields {
  let fields: unknown;
  try {
    fields = JSON.parse(body);
  } catch (cause) {
    throw new Refusal(`the body must be JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw new Refusal(`the body must be a JSON object, got ${shown(fields)}`);
  return fields as Fields;
}
