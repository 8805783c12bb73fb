/** Objects of S3 as the functions need them. Keys are plain, not URL-encoded. */
export interface ObjectStore {
  put(bucket: string, key: string, body: string, contentType?: string): Promise<void>;
  /** Undefined when there is no such object. */
  get(bucket: string, key: string): Promise<string | undefined>;
  /** Keys below the prefix, in order. */
  list(bucket: string, prefix: string): Promise<string[]>;
  /** Deleting what is not there succeeds. */
  delete(bucket: string, key: string): Promise<void>;
}
