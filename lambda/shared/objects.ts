/** S3, as far as the functions use it. Keys are plain, not URL-encoded. */
export interface ObjectStore {
  put(bucket: string, key: string, body: string | Uint8Array, contentType?: string): Promise<void>;
  /** Undefined when there is no such object. */
  get(bucket: string, key: string): Promise<string | undefined>;
  /** Keys below the prefix, in order. */
  list(bucket: string, prefix: string): Promise<string[]>;
  /** Succeeds if there is no such object. */
  delete(bucket: string, key: string): Promise<void>;
}

/** An entry of a listing. */
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

/** Reads and writes that depend on the object's present state. */
export interface ConditionalObjects {
  /** Undefined when there is no such object. */
  getWithEtag(bucket: string, key: string): Promise<{ readonly text: string; readonly etag: string } | undefined>;
  /**
   * Overwrites only the object with this etag; without an etag, writes only where there is no object. False when another writer was faster. Also false
   * when the answer to the first attempt was lost and a retry meets this caller's own write, so read the object again.
   */
  putIf(bucket: string, key: string, body: string, etag: string | undefined, contentType?: string): Promise<boolean>;
}

export interface ObjectDigests {
  /** Reads the whole object. Throws when there is none. */
  digest(bucket: string, key: string): Promise<{ readonly bytes: number; readonly sha256: string }>;
}

/** The versions of objects in a versioned bucket. */
export interface ObjectVersions {
  /** The newest version of the key with this etag. Undefined when there is none. */
  find(bucket: string, key: string, etag: string): Promise<string | undefined>;
  /** Copies a version within S3, encrypted with the key. False when the version does not exist or may not be read. */
  copy(
    from: { readonly bucket: string; readonly key: string; readonly versionId: string },
    to: { readonly bucket: string; readonly key: string; readonly kmsKeyArn: string },
  ): Promise<boolean>;
}

export interface ObjectMetadata {
  /** A value of a version's user-defined metadata. Undefined when it has none, or when it does not exist or may not be read. */
  metadata(
    version: { readonly bucket: string; readonly key: string; readonly versionId: string },
    name: string,
  ): Promise<string | undefined>;
}

export interface ObjectCopies {
  /** Copies an object within a bucket, with the bucket's encryption. Throws when it is gone, or larger than `maxCopyBytes`. */
  copyWithin(bucket: string, from: string, to: string): Promise<void>;
}

/** Largest object that S3 copies in one call, in bytes (CopyObject). */
export const maxCopyBytes = 5 * 1024 ** 3;

/** The contents of objects, as a stream. A reader that stops ends the transfer. */
export interface ObjectBytes {
  /**
   * The bytes of the version, or of the object with this etag. Undefined when there is none, or it may not be read.
   * @param last read only this many bytes at the end
   */
  bytes(
    object: { readonly bucket: string; readonly key: string; readonly etag?: string; readonly versionId?: string },
    last?: number,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
}
