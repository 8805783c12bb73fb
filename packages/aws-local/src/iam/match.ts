import { type Principal, type WildcardUnit, wildcardMatcher } from 'aws-local-kit';
import type { PrincipalElement } from './policy';

/** Values of a condition key in a request. The name of the key ignores case. Undefined if the request lacks the key. */
export type Context = (key: string) => readonly string[] | undefined;

/** A part of a pattern: text with the wildcards `*` and `?`, or literal text. */
interface Piece {
  readonly text: string;
  readonly literal: boolean;
}

/** Thrown if something cannot be decided here. The caller must treat it as a denial. */
export class UndecidableCondition extends Error {}

/**
 * Most entries of each cache. Policies have a limited number of patterns, but their variables can expand to any text.
 */
const mostCached = 10_000;
type Matcher = (value: string) => boolean;
const matchers = new Map<string, Matcher>();
/** Matchers of the six parts of an ARN without variables. Empty for text that is not an ARN. */
const arnMatchers = new Map<string, readonly Matcher[]>();

function cached<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const known = cache.get(key);
  if (known !== undefined) return known;
  if (cache.size > mostCached) cache.clear();
  const made = make();
  cache.set(key, made);
  return made;
}

/** Matchers of patterns without variables. */
const patterns = { exact: new Map<string, Matcher>(), ignoringCase: new Map<string, Matcher>() };

/** Matches a pattern in which `*` means any characters and `?` one character. */
export function wildcardMatches(pattern: string, value: string, ignoreCase = false): boolean {
  const known = ignoreCase ? patterns.ignoringCase : patterns.exact;
  return cached(known, pattern, () => matcherOf([{ text: pattern, literal: false }], ignoreCase))(value);
}

/** Compares ARNs part by part: a wildcard does not match across the first five colons. */
export function arnMatches(pieces: readonly Piece[], value: string): boolean {
  const [only] = pieces;
  const parts =
    pieces.length === 1 && !only!.literal ? cached(arnMatchers, only!.text, () => arnParts(pieces)) : arnParts(pieces);
  const values = value.split(':');
  if (parts.length !== 6 || values.length < 6) return false;
  return parts.every((part, i) => part(i < 5 ? values[i]! : values.slice(5).join(':')));
}

function arnParts(pieces: readonly Piece[]): readonly Matcher[] {
  const parts = splitArn(pieces);
  return parts.length === 6 ? parts.map((part) => matcherOf(part, false)) : [];
}

function splitArn(pieces: readonly Piece[]): Piece[][] {
  const parts: Piece[][] = [[]];
  for (const piece of pieces) {
    let rest = piece.text;
    while (parts.length < 6) {
      const colon = rest.indexOf(':');
      if (colon < 0) break;
      parts.at(-1)!.push({ text: rest.slice(0, colon), literal: piece.literal });
      parts.push([]);
      rest = rest.slice(colon + 1);
    }
    parts.at(-1)!.push({ text: rest, literal: piece.literal });
  }
  return parts;
}

export function matchesPieces(pieces: readonly Piece[], value: string, ignoreCase: boolean): boolean {
  return matcherOf(pieces, ignoreCase)(value);
}

function matcherOf(pieces: readonly Piece[], ignoreCase: boolean): Matcher {
  // The length keeps the text of one piece apart from the start of the next.
  const keys = pieces.map(({ text, literal }) => `${literal ? 'l' : 'w'}${text.length}:${text}`);
  const key = (ignoreCase ? 'i' : 's') + keys.join('');
  return cached(matchers, key, () => matcherOfUnits(pieces.flatMap(unitsOf), ignoreCase));
}

function matcherOfUnits(units: readonly WildcardUnit[], ignoreCase: boolean): Matcher {
  const [only] = units;
  if (units.length !== 1 || typeof only !== 'object' || ignoreCase) return wildcardMatcher(units, ignoreCase);
  return (value) => value === only.text;
}

function unitsOf({ text, literal }: Piece): WildcardUnit[] {
  if (literal) return [{ text }];
  return [...text.matchAll(/[*?]|[^*?]+/g)].map(([part]) => {
    if (part === '*') return 'any';
    return part === '?' ? 'one' : { text: part };
  });
}

/**
 * Expands policy variables: `${aws:userid}`, `${s3:prefix, 'default'}`, and `${*}`, `${?}`, `${$}` for the characters
 * themselves. A variable's value is never a wildcard.
 * @returns undefined if a variable has no value and no default; such an element matches nothing
 */
export function expand(text: string, variables: boolean, context: Context): Piece[] | undefined {
  if (!variables || !text.includes('${')) return [{ text, literal: false }];
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(/\$\{([^}]*)\}/g)) {
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), literal: false });
    end = match.index + match[0].length;
    const [, name = '', fallback] = /^([^,]*[^,\s])\s*(?:,\s*'([^']*)')?$/.exec(match[1]!.trim()) ?? [];
    const value = ['*', '?', '$'].includes(name) ? name : (singleValue(name, context) ?? fallback);
    if (value === undefined) return undefined;
    pieces.push({ text: value, literal: true });
  }
  if (end < text.length) pieces.push({ text: text.slice(end), literal: false });
  return pieces;
}

function singleValue(name: string, context: Context): string | undefined {
  const values = context(name);
  if (values !== undefined && values.length > 1)
    throw new UndecidableCondition(`the policy variable ${name} has several values`);
  return values?.[0];
}

/**
 * How a statement's Principal matches the caller: directly (itself or everyone), or by account. The account's own
 * policies decide in the second case.
 */
export function principalMatch(element: PrincipalElement, principal: Principal): 'direct' | 'account' | undefined {
  if (principal.kind === 'service') {
    if (element.services.includes(principal.arn)) return 'direct';
    return element.everyone ? 'direct' : undefined;
  }
  if (element.everyone) return 'direct';
  if (principal.kind === 'anonymous') return undefined;
  if (element.aws.includes(principal.arn)) return 'direct';
  if (principal.roleArn !== undefined && element.aws.includes(principal.roleArn)) return 'direct';
  const isAccount = (name: string) =>
    name === principal.account || /^arn:[^:]+:iam::(\d{12}):root$/.exec(name)?.[1] === principal.account;
  return element.aws.some(isAccount) ? 'account' : undefined;
}

/**
 * True if a statement's NotPrincipal exempts the caller. A role's session is exempt only if the session, the role and
 * the account are all named, as the documentation of NotPrincipal requires.
 */
export function principalExcepted(element: PrincipalElement, principal: Principal): boolean {
  if (principal.kind === 'service') return element.everyone || element.services.includes(principal.arn);
  if (element.everyone) return true;
  const account = [principal.account, `arn:aws:iam::${principal.account}:root`];
  if (!account.some((name) => element.aws.includes(name))) return false;
  const names = principal.roleArn === undefined ? [principal.arn] : [principal.arn, principal.roleArn];
  return names.every((name) => element.aws.includes(name));
}
