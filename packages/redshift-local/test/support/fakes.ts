import { createHash } from 'node:crypto';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type Authorizer,
  AwsError,
  type BusEvent,
  createClock,
  type EventBusPort,
  type KinesisPort,
  type Principal,
  type RuntimeClock,
  type S3ObjectInfo,
  type S3Port,
  type SecretsPort,
  type StreamSlice,
  type StsPort,
} from 'aws-local-kit';

export const account = '000000000000';
export const region = 'eu-west-1';
export const start = Date.UTC(2026, 10, 21, 12);

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'millrace-warehouse-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export const stoppedClock = (at = start): RuntimeClock => createClock({ start: at, rate: 0 });

export const rolePrincipal = (name: string, session = 'session'): Principal => ({
  kind: 'role',
  arn: `arn:aws:sts::${account}:assumed-role/${name}/${session}`,
  roleArn: roleArn(name),
  account,
});
export const roleArn = (name: string) => `arn:aws:iam::${account}:role/${name}`;

/** Records what was asked, and refuses the actions in `denied`. */
export class FakeAuthorizer implements Authorizer {
  readonly requests: Parameters<Authorizer['authorize']>[0][] = [];
  readonly denied = new Set<string>();
  authorize(request: Parameters<Authorizer['authorize']>[0]): void {
    this.requests.push(request);
    if (this.denied.has(request.action))
      throw new AwsError(
        'AccessDeniedException',
        `${request.principal.arn} is not authorized to perform: ${request.action}`,
      );
  }
}

/** Roles trust Redshift under the external id given for them. */
export class FakeSts implements StsPort {
  readonly trusts = new Map<string, string>();
  assumeRole(caller: Principal, input: Parameters<StsPort['assumeRole']>[1]) {
    if (caller.arn !== 'redshift.amazonaws.com' || this.trusts.get(input.roleArn) !== input.externalId)
      throw new AwsError(
        'AccessDenied',
        `${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${input.roleArn}`,
        403,
      );
    const credentials = { accessKeyId: 'a', secretAccessKey: 's', sessionToken: 't' };
    return { principal: rolePrincipal(input.roleArn.split('/').at(-1)!, input.sessionName), credentials };
  }
  credentialsFor() {
    return { accessKeyId: 'a', secretAccessKey: 's', sessionToken: 't' };
  }
  userIdOf(principal: Principal): string {
    return `AROA:${principal.arn.split('/').at(-1)}`;
  }
}

export class FakeSecrets implements SecretsPort {
  readonly values = new Map<string, string>();
  readonly readers: Principal[] = [];
  async getSecretString(principal: Principal, secretId: string): Promise<string> {
    this.readers.push(principal);
    const value = this.values.get(secretId);
    if (value === undefined) throw new AwsError('ResourceNotFoundException', `no secret ${secretId}`);
    return value;
  }
  createManagedSecret(name: string, value: string) {
    const arn = `arn:aws:secretsmanager:${region}:${account}:secret:${name}`;
    if (!this.values.has(arn)) this.values.set(arn, value);
    return { arn, value: this.values.get(arn)! };
  }
  complete(secretId: string, members: object) {
    this.values.set(secretId, JSON.stringify({ ...JSON.parse(this.values.get(secretId)!), ...members }));
    return secretId;
  }
}

export class FakeBus implements EventBusPort {
  readonly events: BusEvent[] = [];
  publish(event: BusEvent): void {
    this.events.push(event);
  }
}

/** Buckets as folders. */
export class FakeS3 implements S3Port {
  readonly objects = new Map<string, S3ObjectInfo>();
  readonly callers = new Set<string>();
  constructor(private readonly folder: string) {}

  pathOf(bucket: string, key: string): string {
    return join(this.folder, bucket, encodeURIComponent(key));
  }
  async list(principal: Principal, bucket: string, prefix: string) {
    this.callers.add(principal.roleArn ?? principal.arn);
    return [...this.objects]
      .filter(([id]) => id.startsWith(`${bucket}/${prefix}`))
      .map(([, info]) => info)
      .sort((one, other) => (one.key < other.key ? -1 : 1));
  }
  async head(_: Principal, bucket: string, key: string) {
    const info = this.objects.get(`${bucket}/${key}`);
    if (!info) throw new AwsError('NoSuchKey', `The specified key does not exist: ${key}`, 404);
    return info;
  }
  async get(principal: Principal, bucket: string, key: string) {
    return readFileSync(await this.pathForRead(principal, bucket, key));
  }
  async pathForRead(principal: Principal, bucket: string, key: string) {
    this.callers.add(principal.roleArn ?? principal.arn);
    await this.head(principal, bucket, key);
    return this.pathOf(bucket, key);
  }
  async linkForRead(principal: Principal, bucket: string, key: string, link: string) {
    linkSync(await this.pathForRead(principal, bucket, key), link);
    return this.head(principal, bucket, key);
  }
  async put(principal: Principal, bucket: string, key: string, body: Buffer) {
    this.callers.add(principal.roleArn ?? principal.arn);
    mkdirSync(dirname(this.pathOf(bucket, key)), { recursive: true });
    rmSync(this.pathOf(bucket, key), { force: true });
    writeFileSync(this.pathOf(bucket, key), body);
    return this.remember(bucket, key);
  }
  async putFile(principal: Principal, bucket: string, key: string, file: string) {
    this.callers.add(principal.roleArn ?? principal.arn);
    mkdirSync(dirname(this.pathOf(bucket, key)), { recursive: true });
    copyFileSync(file, this.pathOf(bucket, key));
    return this.remember(bucket, key);
  }
  async delete(_: Principal, bucket: string, key: string) {
    this.objects.delete(`${bucket}/${key}`);
  }
  private remember(bucket: string, key: string): S3ObjectInfo {
    const info = {
      key,
      size: statSync(this.pathOf(bucket, key)).size,
      etag: `"${createHash('md5')
        .update(readFileSync(this.pathOf(bucket, key)))
        .digest('hex')}"`,
      lastModified: start,
    };
    this.objects.set(`${bucket}/${key}`, info);
    return info;
  }
}

export interface FakeRecord {
  readonly shard?: string;
  readonly data: string | Buffer;
  readonly partitionKey?: string;
  readonly arrivalMs?: number;
}

/** One segment file for each call of `put`; a slice gives all of them, whatever the caller has read already. */
export class FakeKinesis implements KinesisPort {
  private readonly files = new Map<string, string[]>();
  private readonly latest = new Map<string, Record<string, string>>();
  private sequence = 0;
  readonly callers = new Set<string>();
  constructor(private readonly folder: string) {}

  create(stream: string): void {
    this.files.set(stream, []);
    this.latest.set(stream, {});
  }
  put(stream: string, records: readonly FakeRecord[]): void {
    const files = this.files.get(stream)!;
    const path = join(this.folder, `${stream}-${files.length}.ndjson`);
    const lines = records.map(({ shard = 'shardId-000000000000', data, partitionKey = 'key', arrivalMs = start }) => {
      this.sequence += 1;
      const sequence_number = `4${String(this.sequence).padStart(55, '0')}`;
      this.latest.get(stream)![shard] = sequence_number;
      return JSON.stringify({
        shard_id: shard,
        sequence_number,
        partition_key: partitionKey,
        arrival_ms: arrivalMs,
        data: Buffer.from(data).toString('base64'),
      });
    });
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(path, `${lines.join('\n')}\n`);
    files.push(path);
  }
  async readSlice(principal: Principal, stream: string, after: Readonly<Record<string, string>>): Promise<StreamSlice> {
    this.callers.add(principal.roleArn ?? principal.arn);
    const files = this.files.get(stream);
    if (!files) throw new AwsError('ResourceNotFoundException', `stream ${stream} does not exist`);
    const latest = Object.fromEntries(
      Object.entries(this.latest.get(stream)!).filter(([shard, number]) => number > (after[shard] ?? '')),
    );
    return { files: [...files], latest };
  }
  acceptedRecords(): number {
    return this.sequence;
  }
}
