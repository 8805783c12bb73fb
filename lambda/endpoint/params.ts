import type { EndpointItem, EndpointStatement } from './contract';
import type { Violation } from './problem';
import { parseValue } from './values';

/** What a request asks of an endpoint. */
export interface Question {
  /** Values by name, in the form of statements. Parameters without a value are absent. */
  readonly values: Readonly<Record<string, string>>;
  readonly statement: EndpointStatement;
}

/** Most bytes of a query string that is read. */
const maxQueryBytes = 16_384;

/** Reads `a=1&b=2`, percent-encoded. Names that are repeated stay repeated. Returns the text of a fault instead if it cannot be read. */
export function readQuery(raw: string): [name: string, value: string][] | string {
  if (Buffer.byteLength(raw) > maxQueryBytes) return `the query string must have at most ${maxQueryBytes} bytes`;
  try {
    return raw
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const at = pair.indexOf('=');
        return at < 0 ? [decoded(pair), ''] : [decoded(pair.slice(0, at)), decoded(pair.slice(at + 1))];
      });
  } catch {
    return 'the query string must be percent-encoded UTF-8';
  }
}

const decoded = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));

/**
 * Checks a request's parameters, and reports all violations at once.
 * @param fixed values that the caller cannot choose, of parameters that the endpoint has
 */
export function readParams(
  item: EndpointItem,
  query: readonly (readonly [string, string])[],
  fixed: Readonly<Record<string, string>>,
): { readonly values: Readonly<Record<string, string>> } | { readonly violations: readonly Violation[] } {
  const violations: Violation[] = [];
  const values: Record<string, string> = {};
  const known = new Map(item.params.map((param) => [param.name, param]));
  const given = new Map<string, string[]>();
  for (const [name, value] of query) given.set(name, [...(given.get(name) ?? []), value]);
  for (const name of given.keys())
    if (!known.has(name)) violations.push({ param: shown(name), detail: unknownParam(item) });
  for (const param of item.params) {
    const texts = Object.hasOwn(fixed, param.name) ? [fixed[param.name]!] : (given.get(param.name) ?? []);
    if (texts.length > 1) violations.push({ param: param.name, detail: 'must be given once' });
    const text = texts[0] ?? param.default;
    if (text === undefined && param.required) violations.push({ param: param.name, detail: 'is required' });
    if (text === undefined || texts.length > 1) continue;
    const parsed = parseValue(param, text);
    if ('value' in parsed) values[param.name] = parsed.value;
    else violations.push({ param: param.name, detail: `must be ${parsed.allowed}` });
  }
  return violations.length > 0 ? { violations } : { values };
}

/** The statement with the optional clauses whose parameters all have values. */
export function chooseStatement(item: EndpointItem, values: Readonly<Record<string, string>>): EndpointStatement {
  const inUse = item.clauses.map((names) => names.every((name) => Object.hasOwn(values, name)));
  const key = inUse.reduce((sum, used, index) => sum + (used ? 2 ** index : 0), 0);
  const statement = item.statements[`${key}`];
  if (!statement) throw new Error(`the plan of ${item.pipeline}.${item.name} has no statement ${key}`);
  return statement;
}

const unknownParam = ({ params }: EndpointItem) =>
  params.length === 0
    ? 'is unknown: the endpoint has no parameters'
    : `is unknown: the endpoint has ${params.map(({ name }) => name).join(', ')}`;

/** Longest name that an answer repeats. */
const shownCharacters = 100;
const shown = (name: string) => [...name].slice(0, shownCharacters).join('');
