import { isDeepStrictEqual } from 'node:util';
import type { Action, Change } from './plan';

/** A part of a declaration. */
export type Entry = Readonly<Record<string, unknown>>;

export type CreateChange = (object: string, action: Action, summary: string, ...notes: string[]) => Change;

export interface Difference {
  readonly name: string;
  readonly before?: Entry;
  readonly after?: Entry;
}

/** Returns the entries that only one side has, or that differ. */
export function differences(before: object = {}, after: object = {}): Difference[] {
  const [old, now] = [before, after] as [Record<string, Entry>, Record<string, Entry>];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((name) => !isDeepStrictEqual(old[name], now[name]))
    .map((name) => ({ name, before: old[name], after: now[name] }));
}

/** Returns a sentence for each other field that differs. */
export function otherDifferences(before: Entry, after: Entry, reported: readonly string[]): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((field) => !reported.includes(field) && !isDeepStrictEqual(before[field], after[field]))
    .map((field) => `\`${field}\` changes from ${shown(before[field])} to ${shown(after[field])}.`);
}

export const shown = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value));
