import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AwsError, type Principal, type S3ObjectInfo } from 'aws-local-kit';
import type { CompressionName, Statement } from '../statement';
import { WarehouseError } from './errors';
import { parseS3Url } from './s3-url';
import type { Session } from './session';

type Copy = Extract<Statement, { kind: 'copy' }>;

/** An object to load. The file at `path` holds exactly the version that `info` describes. */
export interface SourceFile {
  readonly url: string;
  readonly path: string;
  readonly compression: CompressionName;
  readonly info: S3ObjectInfo;
}

/** The objects of one COPY. They are linked into their own folder, so that nothing changes them while they are read. */
export class Sources {
  readonly files: SourceFile[] = [];
  private readonly byPath = new Map<string, SourceFile>();
  private extra = 0;

  private constructor(readonly folder: string) {}

  /**
   * Opens the objects of a COPY.
   * @throws WarehouseError if the prefix or a mandatory object does not exist, AwsError if the role may not read
   */
  static async open(session: Session, principal: Principal, statement: Copy): Promise<Sources> {
    const sources = new Sources(newFolder(session));
    try {
      if (statement.manifest) await sources.addManifest(session, principal, statement);
      else await sources.addPrefix(session, principal, statement);
      return sources;
    } catch (error) {
      sources.close();
      throw error;
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Returns the object of a file that was read. */
  at(path: string): SourceFile {
    return this.byPath.get(path)!;
  }

  /** Replaces each file with another plain file. */
  async rewrite(copied: (file: SourceFile, path: string) => Promise<void>): Promise<void> {
    for (const [index, file] of this.files.entries()) {
      const path = this.fresh();
      await copied(file, path);
      this.files[index] = { ...file, path, compression: 'none' };
      this.byPath.set(path, this.files[index]!);
    }
  }

  /** Returns a new path for a file that is made from an object. */
  fresh(): string {
    this.extra += 1;
    return join(this.folder, `made-${this.extra}`);
  }

  get bytes(): number {
    return this.files.reduce((sum, { info }) => sum + info.size, 0);
  }

  private async add(session: Session, principal: Principal, url: string, compression: CompressionName): Promise<void> {
    const { bucket, key } = parseS3Url(url);
    const path = join(this.folder, String(this.files.length));
    const info = await session.options.s3.linkForRead(principal, bucket, key, path);
    const file = { url, path, compression, info };
    this.files.push(file);
    this.byPath.set(path, file);
  }

  private async addPrefix(session: Session, principal: Principal, statement: Copy): Promise<void> {
    const { bucket, key } = parseS3Url(statement.from);
    const listed = await session.options.s3.list(principal, bucket, key);
    const objects = listed.filter((object) => !object.key.endsWith('/'));
    if (objects.length === 0) throw new WarehouseError(`The specified S3 prefix '${key}' does not exist`);
    for (const object of objects)
      await this.add(session, principal, `s3://${bucket}/${object.key}`, statement.compression);
  }

  private async addManifest(session: Session, principal: Principal, statement: Copy): Promise<void> {
    const { bucket, key } = parseS3Url(statement.from);
    const body = await session.options.s3.get(principal, bucket, key);
    for (const entry of manifestEntries(body, statement)) {
      try {
        await this.add(session, principal, entry.url, statement.compression);
      } catch (error) {
        const missing = error instanceof AwsError && ['NoSuchKey', 'NotFound'].includes(error.code);
        if (!missing) throw error;
        if (entry.mandatory)
          throw new WarehouseError(`mandatory object ${entry.url} of manifest ${statement.from} does not exist`);
      }
    }
  }
}

/** Returns a folder beside the database, where links to the buckets' files are possible. */
export const readingFolder = (file: string): string => `${file}.reading`;

function newFolder(session: Session): string {
  const parent = readingFolder(session.options.file);
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, 'copy-'));
}

function manifestEntries(body: Buffer, { from, format }: Copy): { url: string; mandatory: boolean }[] {
  const bad = (why: string) => new WarehouseError(`manifest ${from} is not valid: ${why}`);
  let manifest: { entries?: unknown };
  try {
    manifest = JSON.parse(body.toString('utf8'));
  } catch {
    throw bad('it is not JSON');
  }
  if (!Array.isArray(manifest?.entries)) throw bad('it has no list "entries"');
  return manifest.entries.map((entry, index) => {
    if (typeof entry?.url !== 'string') throw bad(`entry ${index + 1} has no url`);
    // https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
    if (format === 'parquet' && typeof entry.meta?.content_length !== 'number')
      throw bad(`entry ${index + 1} has no meta.content_length, which PARQUET needs`);
    return { url: entry.url, mandatory: entry.mandatory === true };
  });
}
