import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { AwsError, replaceFile, storing } from 'aws-local-kit';
import type { ChecksumType } from './checksums';

/** Properties of the object that CreateMultipartUpload set. */
export interface UploadDeclaration {
  readonly key: string;
  /** Response headers of the future object, including its encryption. */
  readonly headers: Readonly<Record<string, string>>;
  /** Condition keys of the request. Policies see them again with each part. */
  readonly context: Readonly<Record<string, string>>;
  /** Algorithm as in S3's API, for example `CRC32`. */
  readonly checksum?: { readonly algorithm: string; readonly type: ChecksumType };
  /** ARN of the caller. */
  readonly initiator: string;
  /** Epoch milliseconds. */
  readonly initiated: number;
}

export interface UploadPart {
  readonly number: number;
  readonly size: number;
  /** MD5 of the bytes, in quotes. */
  readonly etag: string;
  readonly lastModified: number;
  /** Checksums as response headers. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Name of the file with the bytes. */
  readonly file: string;
}

export interface Upload extends UploadDeclaration {
  readonly id: string;
}

/** Writes the bytes of a part or an object piece by piece. */
export type Fill = (write: (bytes: Buffer) => void) => void;

interface Held {
  readonly upload: Upload;
  readonly parts: Map<number, UploadPart>;
}

/** Multipart uploads of one bucket that are not completed or aborted. Each has a folder that outlives the process. */
export class UploadStore {
  readonly #held = new Map<string, Held>();

  constructor(private readonly folder: string) {
    for (const id of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
      const upload = readJson<UploadDeclaration>(path.join(folder, id, 'upload.json'));
      if (upload) this.#held.set(id, { upload: { ...upload, id }, parts: this.#readParts(id) });
      else fs.rmSync(path.join(folder, id), { recursive: true, force: true });
    }
  }

  /** Uploads sorted by key and then by start, as on S3. */
  list(): Upload[] {
    return [...this.#held.values()]
      .map(({ upload }) => upload)
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || a.initiated - b.initiated);
  }

  /** @throws AwsError NoSuchUpload if the upload does not exist or has another key */
  get(id: string, key: string): Upload {
    return this.#find(id, key).upload;
  }

  /** Condition keys of the request that started the upload. Empty if the upload does not exist. */
  contextOf(id: string, key: string): Readonly<Record<string, string>> {
    const upload = this.#held.get(id)?.upload;
    return upload?.key === key ? upload.context : {};
  }

  /** Parts in the order of their numbers. */
  parts({ id, key }: Upload): UploadPart[] {
    return [...this.#find(id, key).parts.values()].sort((a, b) => a.number - b.number);
  }

  begin(declaration: UploadDeclaration): Upload {
    const id = randomBytes(24).toString('base64url');
    const folder = path.join(this.folder, id);
    storing(
      'an upload of S3',
      folder,
      () => writeJson(path.join(folder, 'upload.json'), declaration),
      () => fs.rmSync(folder, { recursive: true, force: true }),
    );
    const upload = { ...declaration, id };
    this.#held.set(id, { upload, parts: new Map() });
    return upload;
  }

  /** Stores a part. It replaces an earlier part with the same number. */
  put(
    { id, key }: Upload,
    part: { number: number; checksums: Record<string, string>; now: number },
    fill: Fill,
  ): UploadPart {
    const { parts } = this.#find(id, key);
    const file = `${part.number}-${randomBytes(6).toString('hex')}`;
    const whole = path.join(this.folder, id, file);
    const { number, checksums, now } = part;
    const stored = storing(
      'a part of an upload of S3',
      whole,
      () => {
        const { size, md5 } = writeFile(whole, fill);
        const described = { number, size, etag: `"${md5.toString('hex')}"`, lastModified: now, checksums, file };
        writeJson(path.join(this.folder, id, `${number}.json`), described);
        return described;
      },
      () => fs.rmSync(whole, { force: true }),
    );
    const replaced = parts.get(number);
    parts.set(number, stored);
    if (replaced) fs.rmSync(path.join(this.folder, id, replaced.file), { force: true });
    return stored;
  }

  pathOf(upload: Upload, part: UploadPart): string {
    return path.join(this.folder, upload.id, part.file);
  }

  /** Deletes the upload and its parts, after it was completed or aborted. */
  end({ id }: Upload): void {
    this.#held.delete(id);
    fs.rmSync(path.join(this.folder, id), { recursive: true, force: true });
  }

  #find(id: string, key: string): Held {
    const held = this.#held.get(id);
    if (held?.upload.key === key) return held;
    throw new AwsError(
      'NoSuchUpload',
      `The specified upload does not exist: ${id} of ${key}. It may have been aborted or completed`,
      404,
    );
  }

  #readParts(id: string): Map<number, UploadPart> {
    const names = fs.readdirSync(path.join(this.folder, id)).filter((name) => /^\d+\.json$/.test(name));
    const parts = names.map((name) => readJson<UploadPart>(path.join(this.folder, id, name))!);
    return new Map(parts.map((part) => [part.number, part]));
  }
}

/**
 * Writes a file.
 * @returns its size and MD5
 */
export function writeFile(file: string, fill: Fill): { size: number; md5: Buffer } {
  const hash = createHash('md5');
  const descriptor = fs.openSync(file, 'w');
  let size = 0;
  try {
    fill((bytes) => {
      hash.update(bytes);
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(descriptor, bytes, at);
      size += bytes.length;
    });
  } finally {
    fs.closeSync(descriptor);
  }
  return { size, md5: hash.digest() };
}

const pieceBytes = 1024 * 1024;

/** Passes on the bytes of a file from `start` to `end`, both included. */
export function readPieces(file: string, start: number, end: number, take: (bytes: Buffer) => void): void {
  const descriptor = fs.openSync(file, 'r');
  try {
    for (let at = start; at <= end; ) {
      const bytes = Buffer.alloc(Math.min(pieceBytes, end + 1 - at));
      const read = fs.readSync(descriptor, bytes, 0, bytes.length, at);
      if (read === 0) throw new Error(`${file} ends at byte ${at}, before ${end}`);
      take(bytes.subarray(0, read));
      at += read;
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

function readJson<T>(file: string): T | undefined {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined;
}

/** The rename makes the write atomic, also if the process ends early. */
function writeJson(file: string, value: object): void {
  replaceFile('an upload of S3', file, JSON.stringify(value));
}
