import { literalPrefix, literalPrefixes } from '../load/contract';
import { latestFullPass } from '../shared/full-pass';
import { asJson, asNumber, asRecord, asText } from '../shared/parse';

/** How far a folder was listed. New keys mostly sort after the last one. */
export interface FolderProgress {
  /** The last key that was listed. */
  readonly after: string;
  /** When the newest object of the folder was written, in epoch milliseconds. */
  readonly newest: number;
}

/** Kept from run to run. */
export interface Progress {
  /** When the last full pass began, in epoch milliseconds. */
  readonly fullAt: number;
  /** Whether the last run left objects to their notifications, or queued some. */
  readonly pending: boolean;
  /** By the folder's prefix. */
  readonly folders: ReadonlyMap<string, FolderProgress>;
}

/** Known folders that a run lists between two full passes. */
export const maxKnownFolders = 50;

/** A full pass is due once a day from that hour (UTC) on, even if ticks were missed. */
export const fullPassIsDue = (progress: Progress | undefined, tick: number, hour: number): boolean =>
  progress === undefined || progress.fullAt < latestFullPass(tick, hour);

/** The folder of a key: the first one below the prefix, or the prefix itself where its globs have no folders. */
export function folderOf(globs: readonly string[]): (prefix: string, key: string) => string {
  const withFolders = new Set(prefixesWithFolders(globs));
  return (prefix, key) => {
    const end = withFolders.has(prefix) ? key.indexOf('/', prefix.length) : -1;
    return end < 0 ? prefix : key.slice(0, end + 1);
  };
}

export function prefixesWithFolders(globs: readonly string[]): string[] {
  return literalPrefixes(globs).filter((prefix) =>
    globs.some((glob) => {
      const pattern = glob.slice(literalPrefix(glob).length);
      return glob.startsWith(prefix) && (/\*\*|\//.test(pattern) || literalPrefix(glob).includes('/', prefix.length));
    }),
  );
}

/** Folders to list, each from where it was listed to: first all new ones, then the known ones that were written to last. */
export function foldersToList(
  folders: readonly string[],
  progress: Progress['folders'],
): { readonly prefix: string; readonly after?: string }[] {
  const fresh = folders.filter((folder) => !progress.has(folder));
  const known = folders.filter((folder) => progress.has(folder));
  const byNewest = known.sort((a, b) => progress.get(b)!.newest - progress.get(a)!.newest);
  return [
    ...fresh.map((prefix) => ({ prefix })),
    ...byNewest.slice(0, maxKnownFolders).map((prefix) => ({ prefix, ...progress.get(prefix)! })),
  ];
}

export function formatProgress({ fullAt, pending, folders }: Progress): string {
  return JSON.stringify({ fullAt, pending, folders: [...folders].map(([prefix, folder]) => ({ prefix, ...folder })) });
}

export function parseProgress(text: string): Progress {
  const { fullAt, pending, folders } = asRecord(asJson(text, 'progress'), 'progress');
  const entries = (Array.isArray(folders) ? folders : []).map((entry): [string, FolderProgress] => {
    const { prefix, after, newest } = asRecord(entry, 'progress.folders');
    return [asText(prefix, 'prefix'), { after: asText(after, 'after'), newest: asNumber(newest, 'newest') }];
  });
  return { fullAt: asNumber(fullAt, 'fullAt'), pending: pending === true, folders: new Map(entries) };
}
