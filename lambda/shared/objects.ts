/** Objects of S3 as the functions need them. Keys are plain, not URL-encoded. */
export interface ObjectStore {
  put(bucket: string, key: string, body: string | Uint8Array, contentType?: string): Promise<void>;
  /** Undefined when there is no such object. */
  get(bucket: string, key: string): Promise<string | undefined>;
  /** Keys below the prefix, in order. */
  list(bucket: string, prefix: string): Promise<string[]>;
  /** Deleting what is not there succeeds. */
  delete(bucket: string, key: string): Promise<void>;
}

/** An object as a listing tells of it. */
export interface ListedObject {
  readonly key: string;
  /** Without quotes. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** Epoch milliseconds. */
  readonly lastModified: number;
}

export interface ObjectListing {
  /** The objects below the prefix whose keys come after `after`, in order, a page of up to 1,000 at a time. */
  pages(bucket: string, prefix: string, after?: string): AsyncIterable<readonly ListedObject[]>;
  /** The folders right below the prefix, each ending in a slash, in order, a page of up to 1,000 entries at a time. */
  folders(bucket: string, prefix: string): AsyncIterable<readonly string[]>;
}

/** Reads and writes that say which state of an object they mean. */
export interface ConditionalObjects {
  /** Undefined when there is no such object. */
  getWithEtag(bucket: string, key: string): Promise<{ readonly text: string; readonly etag: string } | undefined>;
  /**
   * Writes only over the object with that etag, or, without one, only where there is no object. False when somebody else was faster; also
   * when an answer was lost and it was this caller, so look again.
   */
  putIf(bucket: string, key: string, body: string, etag: string | undefined, contentType?: string): Promise<boolean>;
}

export interface ObjectDigests {
  /** Reads the whole object. Throws when there is none. */
  digest(bucket: string, key: string): Promise<{ readonly bytes: number; readonly sha256: string }>;
}

/** The versions of objects in a versioned bucket. */
export interface ObjectVersions {
  /** The newest version of the key with these bytes; undefined when there is none. */
  find(bucket: string, key: string, etag: string): Promise<string | undefined>;
  /** Copies a version within S3, encrypted with the key. False when that version is not there or must not be read. */
  copy(
    from: { readonly bucket: string; readonly key: string; readonly versionId: string },
    to: { readonly bucket: string; readonly key: string; readonly kmsKeyArn: string },
  ): Promise<boolean>;
}

export interface ObjectCopies {
  /** Copies an object within a bucket, encrypted as the bucket says. Throws when it is gone, or larger than `maxCopyBytes`. */
  copyWithin(bucket: string, from: string, to: string): Promise<void>;
}

/** What S3 copies in one call, in bytes (CopyObject). */
export const maxCopyBytes = 5 * 1024 ** 3;

/** The contents of objects, as a stream: whoever stops reading ends the transfer. */
export interface ObjectBytes {
  /**
   * The bytes of the version, or of the object with this etag; undefined when there is none, or none that may be read.
   * @param last so many bytes of the end only
   */
  bytes(
    object: { readonly bucket: string; readonly key: string; readonly etag?: string; readonly versionId?: string },
    last?: number,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
}
