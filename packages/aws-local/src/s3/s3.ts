import fs from 'node:fs';
import path from 'node:path';
import {
  type Authorizer,
  AwsError,
  type Clock,
  type Disposable,
  type EventBusPort,
  type PolicyDocument,
  type Principal,
  replaceFile,
  type S3Encryption,
  type S3ObjectInfo,
  type S3Port,
} from 'aws-local-kit';
import type { Kms } from '../kms';
import type { Sqs } from '../sqs';
import { BucketStore, type ObjectVersion } from './bucket';
import { failedPrecondition, type PutOptions, sameTag } from './headers';
import { internalFolder } from './keys';
import { busEvent, eventBody, type ObjectEvent, type QueueNotification, testEventBody, wants } from './notifications';
import { UploadStore } from './uploads';

export interface S3Options {
  /** The runtime's data folder. Buckets are stored below `s3/`. */
  readonly dataDir: string;
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly kms: Kms;
  /** Receives the notifications. */
  readonly sqs: Sqs;
  /** Receives the events of buckets that send to EventBridge. Resolved late: the bus is created after S3. @default - they are dropped */
  readonly bus?: () => EventBusPort;
  /** Carries a notification. A test can lose, repeat or delay it. @default - delivers at once */
  readonly deliver?: (send: () => Promise<void>) => Promise<void>;
  /** Called if a queue refuses a notification. S3 drops it without a message. @default - writes to stderr */
  readonly onTrouble?: (message: string) => void;
}

export interface BucketSettings {
  readonly versioned: boolean;
  /** Default encryption with a customer key or with the key managed by AWS. */
  readonly encryption?: { readonly kmsKey: string; readonly bucketKey: boolean };
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
}

export interface Bucket {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  settings: BucketSettings;
  readonly store: BucketStore;
  readonly uploads: UploadStore;
  policy?: PolicyDocument;
  notifications: readonly QueueNotification[];
  /** Whether all events also go to EventBridge. */
  eventBridge: boolean;
  /** True for a bucket that was created through the API: no template has it. */
  readonly outside?: boolean;
}

const createdFile = 'created.json';

/** What is stored of a bucket that no template has. */
interface Created {
  readonly settings: BucketSettings;
  readonly policy?: PolicyDocument;
  readonly notifications: readonly QueueNotification[];
  readonly eventBridge: boolean;
}

/** S3 delivers notifications at least once, mostly within seconds. AWS does not document how long it tries. */
const notificationRetryMs = 60_000;
const notificationRetries = 24 * 60;

const encryptionHeader = 'x-amz-server-side-encryption';
const keyHeader = `${encryptionHeader}-aws-kms-key-id`;

/** The options of a request with this encryption. */
function demanding(encryption: S3Encryption | undefined): PutOptions {
  if (!encryption) return {};
  const context: Record<string, string> = { [`s3:${encryptionHeader}`]: encryption.algorithm };
  if (encryption.algorithm === 'aws:kms') context[`s3:${keyHeader}`] = encryption.kmsKey;
  return { encryption, context };
}

/** The buckets of the account. Bucket names must be unique only within the account. */
export class S3 implements S3Port, Disposable {
  readonly #buckets = new Map<string, Bucket>();

  /** Opens the buckets that earlier runs created through the API. A template's buckets are opened by its deployment. */
  constructor(readonly options: S3Options) {
    const folder = path.join(options.dataDir, 's3');
    for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
      const file = path.join(folder, name, internalFolder, createdFile);
      if (!fs.existsSync(file)) continue;
      const { settings, ...rest } = JSON.parse(fs.readFileSync(file, 'utf8')) as Created;
      Object.assign(this.open(name, settings), { ...rest, outside: true });
    }
  }

  /** Creates a bucket that is not in a template, and stores its settings. @throws AwsError if there is one */
  create(name: string, settings: Partial<BucketSettings> = {}): Bucket {
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name))
      throw new AwsError('InvalidBucketName', 'The specified bucket is not valid.', 400);
    if (this.has(name))
      throw new AwsError(
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
        409,
      );
    const bucket = this.open(name, { versioned: false, tags: [], ...settings });
    Object.assign(bucket, { outside: true });
    this.save(bucket);
    return bucket;
  }

  /** Stores the configuration of a bucket that no template has. */
  save({ name, settings, policy, notifications, eventBridge, outside }: Bucket): void {
    if (!outside) return;
    const created: Created = { settings, policy, notifications, eventBridge };
    const file = path.join(this.options.dataDir, 's3', name, internalFolder, createdFile);
    replaceFile(`the bucket ${name}`, file, JSON.stringify(created));
  }

  /** Creates the bucket, or opens it with its stored objects. A bucket that is already open takes the new settings. */
  open(name: string, settings: BucketSettings): Bucket {
    const folder = path.join(this.options.dataDir, 's3', name);
    const known = this.#buckets.get(name);
    if (known && known.settings.versioned === settings.versioned) {
      known.settings = settings;
      return known;
    }
    known?.store.close();
    const store = new BucketStore(folder, settings.versioned);
    const createdAt = fs.statSync(folder).birthtimeMs;
    const { policy, notifications = [], eventBridge = false, outside } = known ?? {};
    const uploads = new UploadStore(path.join(folder, internalFolder, 'uploads'));
    const arn = `arn:aws:s3:::${name}`;
    const bucket: Bucket = {
      name,
      arn,
      createdAt,
      settings,
      store,
      uploads,
      policy,
      notifications,
      eventBridge,
      outside,
    };
    this.#buckets.set(name, bucket);
    return bucket;
  }

  /** Deletes an empty bucket. */
  deleteBucket(name: string): void {
    const bucket = this.#buckets.get(name);
    if (bucket && bucket.store.keys().length > 0)
      throw new AwsError('BucketNotEmpty', `The bucket you tried to delete is not empty: ${name}`, 409);
    bucket?.store.close();
    this.#buckets.delete(name);
    fs.rmSync(path.join(this.options.dataDir, 's3', name), { recursive: true, force: true });
  }

  has(name: string): boolean {
    return this.#buckets.has(name);
  }

  get buckets(): Bucket[] {
    return [...this.#buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (!bucket) throw new AwsError('NoSuchBucket', `The specified bucket does not exist: ${name}`, 404);
    return bucket;
  }

  authorize(
    principal: Principal,
    action: string,
    bucket: Bucket,
    key?: string,
    context?: Readonly<Record<string, string>>,
  ): void {
    const resource = key === undefined ? bucket.arn : `${bucket.arn}/${key}`;
    this.options.authorizer.authorize({ principal, action, resource, resourcePolicy: bucket.policy, context });
  }

  async list(principal: Principal, bucketName: string, prefix: string): Promise<S3ObjectInfo[]> {
    const bucket = this.bucket(bucketName);
    this.authorize(principal, 's3:ListBucket', bucket, undefined, { 's3:prefix': prefix });
    return bucket.store
      .keys()
      .filter((key) => key.startsWith(prefix))
      .map((key) => bucket.store.current(key)!)
      .filter((version) => !version.deleteMarker)
      .map(info);
  }

  async head(principal: Principal, bucketName: string, key: string): Promise<S3ObjectInfo> {
    return info(this.readable(principal, this.bucket(bucketName), key));
  }

  async get(principal: Principal, bucketName: string, key: string): Promise<Buffer> {
    return fs.promises.readFile(await this.pathForRead(principal, bucketName, key));
  }

  async pathForRead(principal: Principal, bucketName: string, key: string): Promise<string> {
    const bucket = this.bucket(bucketName);
    return bucket.store.pathOf(this.readable(principal, bucket, key));
  }

  async linkForRead(principal: Principal, bucketName: string, key: string, link: string): Promise<S3ObjectInfo> {
    const bucket = this.bucket(bucketName);
    const version = this.readable(principal, bucket, key);
    // A new version gets its own file, so the link keeps the old bytes.
    fs.linkSync(bucket.store.pathOf(version), link);
    return info(version);
  }

  async put(
    principal: Principal,
    bucketName: string,
    key: string,
    body: Buffer,
    encryption?: S3Encryption,
  ): Promise<S3ObjectInfo> {
    return info(this.write(principal, this.bucket(bucketName), key, body, demanding(encryption)));
  }

  async putFile(
    principal: Principal,
    bucketName: string,
    key: string,
    file: string,
    encryption?: S3Encryption,
  ): Promise<S3ObjectInfo> {
    return info(this.write(principal, this.bucket(bucketName), key, file, demanding(encryption)));
  }

  async delete(principal: Principal, bucketName: string, key: string): Promise<void> {
    this.remove(principal, this.bucket(bucketName), key);
  }

  pathOf(bucketName: string, key: string): string {
    const { store } = this.bucket(bucketName);
    const version = store.current(key);
    if (!version || version.deleteMarker) throw noSuchKey(key);
    return store.pathOf(version);
  }

  /**
   * The version that a GET returns. Checks that the caller may read it and use its key.
   * @throws AwsError NoSuchKey, NoSuchVersion, MethodNotAllowed; AccessDenied also for a missing object if the caller
   * may not list the bucket
   */
  readable(principal: Principal, bucket: Bucket, key: string, versionId?: string): ObjectVersion {
    const context = versionId === undefined ? undefined : { 's3:VersionId': versionId };
    this.authorize(principal, versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion', bucket, key, context);
    const version = versionId === undefined ? bucket.store.current(key) : bucket.store.version(key, versionId);
    if (!version || (version.deleteMarker && versionId === undefined)) {
      this.authorize(principal, 's3:ListBucket', bucket);
      if (versionId === undefined) throw noSuchKey(key);
      throw new AwsError('NoSuchVersion', `The specified version does not exist: ${versionId} of ${key}`, 404);
    }
    if (version.deleteMarker) throw new AwsError('MethodNotAllowed', 'The specified version is a delete marker', 405);
    this.decrypt(principal, bucket, key, version.headers);
    return version;
  }

  /** @param content the bytes, or the path of a file to move into place */
  write(
    principal: Principal,
    bucket: Bucket,
    key: string,
    content: Buffer | string,
    options: PutOptions = {},
  ): ObjectVersion {
    this.writable(principal, bucket, key, options);
    const headers: Record<string, string> = { 'content-type': 'binary/octet-stream', ...options.headers };
    Object.assign(headers, this.encrypt(principal, bucket, key, options));
    return this.place(principal, bucket, options.event ?? 'ObjectCreated:Put', (now) =>
      Buffer.isBuffer(content)
        ? bucket.store.put(key, content, now, headers)
        : bucket.store.putFile(key, content, now, headers),
    );
  }

  /** Stores a version and sends its notification. */
  place(principal: Principal, bucket: Bucket, event: ObjectEvent, put: (now: number) => ObjectVersion): ObjectVersion {
    const version = put(this.options.clock.now());
    this.#notify(principal, bucket, event, version);
    return version;
  }

  /**
   * Checks that a key can be written.
   * @throws AwsError if the caller may not write the key or its preconditions do not hold
   */
  writable(principal: Principal, bucket: Bucket, key: string, options: PutOptions): void {
    if (key === '' || Buffer.byteLength(key) > 1024)
      throw new AwsError('KeyTooLongError', 'A key must have 1 to 1024 bytes of UTF-8');
    this.authorize(principal, 's3:PutObject', bucket, key, options.context);
    checkPreconditions(bucket.store.current(key), key, options);
  }

  /**
   * Deletes an object or one version of it.
   * @returns the delete marker or the removed version, if any
   */
  remove(principal: Principal, bucket: Bucket, key: string, versionId?: string): ObjectVersion | undefined {
    this.authorize(principal, versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion', bucket, key);
    if (versionId !== undefined) {
      const removed = bucket.store.deleteVersion(key, versionId);
      if (removed && !removed.deleteMarker) this.#notify(principal, bucket, 'ObjectRemoved:Delete', removed);
      return removed;
    }
    const current = bucket.store.current(key);
    const marker = bucket.store.delete(key, this.options.clock.now());
    if (marker) this.#notify(principal, bucket, 'ObjectRemoved:DeleteMarkerCreated', marker);
    else if (current) this.#notify(principal, bucket, 'ObjectRemoved:Delete', current);
    return marker;
  }

  /**
   * The encryption headers of an object.
   * @throws AwsError if the caller may not use the key
   */
  encrypt(principal: Principal, bucket: Bucket, key: string, options: PutOptions): Record<string, string> {
    const demanded = options.encryption;
    if (demanded?.algorithm === 'AES256') return { [encryptionHeader]: 'AES256' };
    const kmsKey = demanded?.kmsKey ?? bucket.settings.encryption?.kmsKey ?? (demanded ? 'alias/aws/s3' : undefined);
    if (!kmsKey) return { [encryptionHeader]: 'AES256' };
    this.#useKey(principal, bucket, key, kmsKey, 'GenerateDataKey');
    return { [encryptionHeader]: 'aws:kms', [keyHeader]: this.options.kms.keyArn(kmsKey) };
  }

  /** @param headers of the object to read, or of a part being uploaded */
  decrypt(principal: Principal, bucket: Bucket, key: string, headers: Readonly<Record<string, string>>): void {
    const kmsKey = headers[keyHeader];
    if (kmsKey) this.#useKey(principal, bucket, key, kmsKey, 'Decrypt');
  }

  /**
   * Configures the bucket's notifications. As on S3, each queue first receives a test event, unless the configuration
   * was there before.
   */
  async setNotifications(bucket: Bucket, notifications: readonly QueueNotification[], known: boolean): Promise<void> {
    for (const { queueArn } of known ? [] : notifications) {
      try {
        await this.#send(bucket, queueArn, testEventBody(bucket.name, this.options.clock.now()));
      } catch (cause) {
        throw new AwsError(
          'InvalidArgument',
          `unable to validate the notification destination ${queueArn} of bucket ${bucket.name}: ${(cause as Error).message}`,
        );
      }
    }
    bucket.notifications = notifications;
    this.save(bucket);
  }

  async dispose(): Promise<void> {
    for (const bucket of this.#buckets.values()) bucket.store.close();
  }

  #useKey(principal: Principal, bucket: Bucket, key: string, kmsKey: string, use: 'Decrypt' | 'GenerateDataKey'): void {
    this.options.kms.authorizeUse(principal, kmsKey, use, {
      'kms:ViaService': `s3.${this.options.region}.amazonaws.com`,
      'kms:EncryptionContext:aws:s3:arn': bucket.settings.encryption?.bucketKey ? bucket.arn : `${bucket.arn}/${key}`,
    });
  }

  #notify(principal: Principal, bucket: Bucket, event: ObjectEvent, version: ObjectVersion): void {
    if (bucket.eventBridge) {
      const { account, clock, bus } = this.options;
      bus?.().publish(busEvent(event, version, { bucket: bucket.name, account, now: clock.now() }));
    }
    for (const notification of bucket.notifications) {
      if (!wants(notification, event, version.key)) continue;
      const source = {
        bucket: bucket.name,
        region: this.options.region,
        principal: principal.arn,
        configurationId: notification.id,
        now: this.options.clock.now(),
      };
      const send = () => this.#send(bucket, notification.queueArn, eventBody(event, version, source));
      const deliver = this.options.deliver ?? ((now) => now());
      deliver(() => this.#sendOrRetry(send, notificationRetries)).catch((error: Error) => {
        const tell = this.options.onTrouble ?? ((message) => console.error(message));
        tell(`the event ${event} of ${bucket.name}/${version.key} was lost: ${error.message}`);
      });
    }
  }

  /** Repeats a notification that the queue cannot take now, but not one that it refuses. */
  async #sendOrRetry(send: () => Promise<void>, retries: number): Promise<void> {
    try {
      await send();
    } catch (error) {
      if (retries === 0 || !(error instanceof AwsError) || error.statusCode < 500) throw error;
      const { clock } = this.options;
      await new Promise<void>((resolve) => clock.at(clock.now() + notificationRetryMs, () => resolve()));
      await this.#sendOrRetry(send, retries - 1);
    }
  }

  #send(bucket: Bucket, queueArn: string, body: string): Promise<void> {
    const service: Principal = { kind: 'service', arn: 's3.amazonaws.com', account: this.options.account };
    return this.options.sqs.send(service, queueArn, body, {
      'aws:SourceArn': bucket.arn,
      'aws:SourceAccount': this.options.account,
    });
  }
}

export function info(version: ObjectVersion): S3ObjectInfo {
  const { key, size, etag, versionId, lastModified } = version;
  return { key, size, etag, lastModified, ...(versionId === 'null' ? {} : { versionId }) };
}

export function noSuchKey(key: string): AwsError {
  return new AwsError('NoSuchKey', `The specified key does not exist: ${key}`, 404);
}

function checkPreconditions(current: ObjectVersion | undefined, key: string, options: PutOptions): void {
  const existing = current?.deleteMarker ? undefined : current;
  if (options.ifNoneMatch !== undefined) {
    if (options.ifNoneMatch !== '*') throw new AwsError('NotImplemented', 'If-None-Match of an upload must be *', 501);
    if (existing) throw failedPrecondition('If-None-Match');
  }
  if (options.ifMatch !== undefined) {
    if (!existing) throw noSuchKey(key);
    if (!sameTag(options.ifMatch, existing.etag)) throw failedPrecondition('If-Match');
  }
}
