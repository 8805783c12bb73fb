import { asJson, asRecord, asText } from '../shared/parse';
import { listingPrefix } from './contract';
import { formatProgress, type Progress, parseProgress } from './folders';
import type { ReconcileHost } from './host';

/** Where a full pass stopped: `after` is the last key that was listed below `prefix`. */
export interface Cursor {
  readonly prefix: string;
  readonly after: string;
}

export async function readCursor(host: ReconcileHost): Promise<Cursor | undefined> {
  const text = await host.objects.get(host.workBucket, cursorKey(host));
  if (text === undefined) return undefined;
  const cursor = asRecord(asJson(text, 'cursor'), 'cursor');
  return { prefix: asText(cursor.prefix, 'cursor.prefix'), after: asText(cursor.after, 'cursor.after') };
}

export const writeCursor = (host: ReconcileHost, cursor: Cursor) =>
  put(host, cursorKey(host), JSON.stringify({ prefix: cursor.prefix, after: cursor.after }));

export const deleteCursor = (host: ReconcileHost) => host.objects.delete(host.workBucket, cursorKey(host));

export async function readProgress(host: ReconcileHost): Promise<Progress | undefined> {
  const text = await host.objects.get(host.workBucket, progressKey(host));
  return text === undefined ? undefined : parseProgress(text);
}

export const writeProgress = (host: ReconcileHost, progress: Progress) =>
  put(host, progressKey(host), formatProgress(progress));

/** Writes a manifest of the parts. Returns its URL. */
export async function writeManifest(
  host: ReconcileHost,
  runId: string,
  parts: readonly { readonly key: string; readonly bytes: number }[],
): Promise<string> {
  const key = `${runFolder(host, runId)}manifest`;
  const entries = parts.map((part) => ({
    url: `s3://${host.workBucket}/${part.key}`,
    mandatory: true,
    meta: { content_length: part.bytes },
  }));
  await put(host, key, JSON.stringify({ entries }));
  return `s3://${host.workBucket}/${key}`;
}

const put = ({ objects, workBucket }: ReconcileHost, key: string, body: string) =>
  objects.put(workBucket, key, body, 'application/json');

const folder = ({ plan }: ReconcileHost) => `${listingPrefix}${plan.pipeline}/`;
const cursorKey = (host: ReconcileHost) => `${folder(host)}cursor.json`;
const progressKey = (host: ReconcileHost) => `${folder(host)}progress.json`;
export const runFolder = (host: ReconcileHost, runId: string) => `${folder(host)}${runId}/`;
