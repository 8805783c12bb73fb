import { literalPrefix, literalPrefixes } from '../load/contract';
import { latestFullPass } from '../shared/full-pass';
import { asJson, asNumber, asRecord, asText } from '../shared/parse';

/** Where the keys of a folder end, as far as they were listed: keys that are new mostly come after the last one. */
export interface Tail {
  /** The last key that was listed. */
  readonly after: string;
  /** When its newest object was written, in epoch milliseconds. */
  readonly newest: number;
}

/** What runs remember from one to the next. */
export interface Memory {
  /** When the last listing of everything began, in epoch milliseconds. */
  readonly fullAt: number;
  /** The last run left objects to their notifications, or queued some. */
  readonly pending: boolean;
  /** By the prefix of the folder. */
  readonly tails: ReadonlyMap<string, Tail>;
}

/** Folders whose ends are looked at between two listings of everything, those that were written to last. */
export const mostTails = 50;

/** Whether everything is to be listed: once a day, from that hour (UTC) on, however many ticks were missed. */
export function fullPassIsDue(memory: Memory | undefined, tick: number, hour: number): boolean {
  return memory === undefined || memory.fullAt < latestFullPass(tick, hour);
}

/** The folder that a key is counted to: the first one below the prefix, or the prefix where its globs have no folders. */
export function folderOf(globs: readonly string[]): (prefix: string, key: string) => string {
  const deep = new Set(deepPrefixes(globs));
  return (prefix, key) => {
    const end = deep.has(prefix) ? key.indexOf('/', prefix.length) : -1;
    return end < 0 ? prefix : key.slice(0, end + 1);
  };
}

/** Prefixes below which the globs have folders. */
export function deepPrefixes(globs: readonly string[]): string[] {
  return literalPrefixes(globs).filter((prefix) =>
    globs.some((glob) => {
      const pattern = glob.slice(literalPrefix(glob).length);
      return glob.startsWith(prefix) && (/\*\*|\//.test(pattern) || literalPrefix(glob).includes('/', prefix.length));
    }),
  );
}

/** The folders to look at: those that are new, with nothing of them known, and of the others the ones written to last. */
export function tailsToList(
  folders: readonly string[],
  tails: Memory['tails'],
): { readonly prefix: string; readonly after?: string }[] {
  const known = folders.filter((folder) => tails.has(folder));
  const recent = known.sort((a, b) => tails.get(b)!.newest - tails.get(a)!.newest).slice(0, mostTails);
  const fresh = folders.filter((folder) => !tails.has(folder));
  return [...fresh.map((prefix) => ({ prefix })), ...recent.map((prefix) => ({ prefix, ...tails.get(prefix)! }))];
}

export function formatMemory({ fullAt, pending, tails }: Memory): string {
  return JSON.stringify({ fullAt, pending, tails: [...tails].map(([prefix, tail]) => ({ prefix, ...tail })) });
}

export function parseMemory(text: string): Memory {
  const { fullAt, pending, tails } = asRecord(asJson(text, 'memory'), 'memory');
  const entries = (Array.isArray(tails) ? tails : []).map((entry): [string, Tail] => {
    const { prefix, after, newest } = asRecord(entry, 'memory.tails');
    return [asText(prefix, 'prefix'), { after: asText(after, 'after'), newest: asNumber(newest, 'newest') }];
  });
  return { fullAt: asNumber(fullAt, 'fullAt'), pending: pending === true, tails: new Map(entries) };
}
