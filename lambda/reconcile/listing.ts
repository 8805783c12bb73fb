import { literalPrefixes } from '../load/contract';
import { globMatcher } from '../load/glob';
import type { RemainingMs } from '../shared/deadline';
import type { ListedObject } from '../shared/objects';
import { type FolderProgress, folderOf, foldersToList, type Progress, prefixesWithFolders } from './folders';
import type { Limits, ReconcileHost } from './host';
import { PartWriter } from './parts';
import { type Cursor, runFolder } from './work-files';

/** Lists the history bucket and writes the pipeline's objects to parts. */
export class Listing {
  readonly folders: Map<string, FolderProgress>;
  /** When the newest object was written, in epoch milliseconds. */
  newest = 0;
  private stoppedAt: Cursor | undefined;
  private readonly parts: PartWriter;
  private readonly matchers: ((key: string) => boolean)[];
  private readonly folderOf: ReturnType<typeof folderOf>;

  constructor(
    private readonly host: ReconcileHost,
    runId: string,
    private readonly limits: Limits,
    private readonly remainingMs: RemainingMs,
    progress: Progress | undefined,
  ) {
    const { workBucket, objects, plan } = host;
    this.folders = new Map(progress?.folders);
    this.matchers = plan.globs.map(globMatcher);
    this.folderOf = folderOf(plan.globs);
    this.parts = new PartWriter(`${runFolder(host, runId)}part-`, (key, body) =>
      objects.put(workBucket, key, body, 'application/gzip'),
    );
  }

  /** Lists everything after the cursor, to the end of the bucket or until a limit is reached. */
  async listAll(cursor: Cursor | undefined): Promise<void> {
    const prefixes = literalPrefixes(this.host.plan.globs);
    const first = cursor ? prefixes.findIndex((prefix) => prefix >= cursor.prefix) : 0;
    for (const prefix of first < 0 ? [] : prefixes.slice(first)) {
      const last = await this.list(prefix, prefix, prefix === cursor?.prefix ? cursor.after : undefined);
      if (last === undefined) continue;
      this.stoppedAt = { prefix, after: last };
      break;
    }
  }

  /** Lists the keys after the last known one of each folder, and all keys of new folders. */
  async listNew(): Promise<void> {
    const { globs } = this.host.plan;
    const withFolders = new Set(prefixesWithFolders(globs));
    for (const prefix of literalPrefixes(globs)) {
      const folders = withFolders.has(prefix) ? await this.foldersBelow(prefix) : [prefix];
      for (const folder of foldersToList(folders, this.folders))
        if ((await this.list(prefix, folder.prefix, folder.after)) !== undefined) return;
    }
  }

  async end() {
    return { parts: await this.parts.end(), objects: this.parts.objects, stoppedAt: this.stoppedAt };
  }

  /** The prefix itself where it has no folders. */
  private async foldersBelow(prefix: string): Promise<string[]> {
    const folders: string[] = [];
    for await (const page of this.host.objects.folders(this.host.historyBucket, prefix)) folders.push(...page);
    return folders.length > 0 ? folders : [prefix];
  }

  /** Returns the last key if a limit stopped the listing. */
  private async list(prefix: string, below: string, after: string | undefined): Promise<string | undefined> {
    for await (const page of this.host.objects.pages(this.host.historyBucket, below, after)) {
      await this.parts.add(page.filter((object) => this.takes(prefix, object)));
      const last = page.at(-1)?.key;
      const isOver = this.parts.objects >= this.limits.objects || this.remainingMs() < this.limits.reserveMs;
      if (last !== undefined && isOver) return last;
    }
    return undefined;
  }

  /** Records how far the folder was listed. Returns whether the object belongs to the pipeline. */
  private takes(prefix: string, { key, lastModified }: ListedObject): boolean {
    const folder = this.folderOf(prefix, key);
    const newest = Math.max(lastModified, this.folders.get(folder)?.newest ?? 0);
    this.folders.set(folder, { after: key, newest });
    if (key.endsWith('/') || !this.matchers.some((matches) => matches(key))) return false;
    this.newest = Math.max(this.newest, lastModified);
    return true;
  }
}
