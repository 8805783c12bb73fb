import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fullExportRoot } from '../../lambda/export/contract';
import type { Buckets } from '../cloud/ports';
import { Failure } from '../failure';

/** A prefix of a bucket. It ends in a slash. */
export interface S3Place {
  readonly kind: 's3';
  readonly bucket: string;
  readonly prefix: string;
}

export interface FolderPlace {
  readonly kind: 'folder';
  readonly path: string;
}

/** Reads an option's `s3://bucket/prefix` or folder. */
export function placeOf(flag: string, text: string): S3Place | FolderPlace {
  if (!/^[a-z0-9]+:\/\//i.test(text)) {
    if (text.trim() === '') throw new Failure(`${flag} must not be empty`, 2);
    // A person may complete the name of the manifest.
    return { kind: 'folder', path: text.replace(/[/\\]manifest\.json$/, '') };
  }
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(text) ?? [];
  if (bucket === undefined) throw new Failure(`${flag} must be s3://bucket/prefix or a folder, got '${text}'`, 2);
  const trimmed = prefix.replace(/(^|\/)manifest\.json$/, '').replace(/\/+$/, '');
  if (trimmed === '' || /^\/|\/\//.test(trimmed))
    throw new Failure(
      `${flag} must have a prefix after the bucket, as in s3://${bucket}/${fullExportRoot}2026, got '${text}'`,
      2,
    );
  return { kind: 's3', bucket, prefix: `${trimmed}/` };
}

export const urlOf = ({ bucket, prefix }: S3Place, path = '') => `s3://${bucket}/${prefix}${path}`;

/** Returns the text of an object, or undefined if there is none. */
export async function textAt(buckets: Buckets, { bucket, prefix }: S3Place, path: string): Promise<string | undefined> {
  if ((await buckets.head(bucket, prefix + path)) === undefined) return undefined;
  return (await bytesAt(buckets, bucket, prefix + path)).toString('utf8');
}

export async function bytesAt(buckets: Buckets, bucket: string, key: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of await buckets.read(bucket, key)) parts.push(part);
  return Buffer.concat(parts);
}

/** Names of all that a folder has. @throws Failure if it is a file */
export function entriesOf(flag: string, path: string): string[] {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory())
    throw new Failure(`${flag} ${path} is a file; name a folder or s3://bucket/prefix`, 2);
  return readdirSync(path);
}

export const readText = (path: string): string | undefined =>
  existsSync(path) ? readFileSync(path, 'utf8') : undefined;

/** Writes a text where there is no file. Returns false if there is one. */
export function writeNew(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Copies an object to a file, which appears when it is whole. Returns its bytes and its SHA-256. */
export async function download(
  buckets: Buckets,
  bucket: string,
  key: string,
  path: string,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  await mkdir(dirname(path), { recursive: true });
  const hash = createHash('sha256');
  let bytes = 0;
  const partial = `${path}.part`;
  const target = await open(partial, 'w');
  try {
    for await (const part of await buckets.read(bucket, key)) {
      hash.update(part);
      bytes += part.length;
      await target.write(part);
    }
  } finally {
    await target.close();
  }
  await rename(partial, path);
  return { bytes, sha256: hash.digest('hex') };
}

/** Bytes and SHA-256 of a file. Undefined if there is none. */
export async function digestOf(path: string): Promise<{ readonly bytes: number; readonly sha256: string } | undefined> {
  if (!existsSync(path)) return undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of createReadStream(path)) {
    hash.update(part as Buffer);
    bytes += (part as Buffer).length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

export const pathIn = (folder: string, path: string) => join(folder, ...path.split('/'));
