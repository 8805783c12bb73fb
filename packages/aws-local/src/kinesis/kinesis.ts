import fs from 'node:fs';
import path from 'node:path';
import {
  type Authorizer,
  AwsError,
  type Clock,
  type Disposable,
  type KinesisPort,
  type Principal,
  replaceFile,
  type StreamSlice,
  storing,
} from 'aws-local-kit';
import type { Kms } from '../kms';
import { IncomingMetrics } from './incoming';
import { Stream, type StreamSettings } from './stream';

export interface KinesisOptions {
  /** The runtime's data folder. Streams are stored below `kinesis/`. */
  readonly dataDir: string;
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly kms: Kms;
  /**
   * True enforces 1,000 records and 1 MiB per second and shard by the clock, with partial failures.
   * @default false, since the limit is meaningless if the clock is fast or does not move
   */
  readonly throttle?: boolean;
  /**
   * The time in epoch milliseconds by which iterators expire. Clients hold iterators, so they expire in real time
   * whatever the speed of the clock. @default - the machine's clock
   */
  readonly realNow?: () => number;
  /** Wraps every operation of the API. @default - runs the operation */
  readonly around?: (operation: string, input: unknown, run: () => unknown) => unknown;
}

const serviceContext = (stream: Stream, region: string): Readonly<Record<string, string>> => ({
  'kms:ViaService': `kinesis.${region}.amazonaws.com`,
  'kms:EncryptionContext:aws:kinesis:arn': stream.arn,
});

const createdFile = 'created.json';

/** The streams of the account, and those of other accounts that the runtime was given. */
export class Kinesis implements KinesisPort, Disposable {
  readonly #streams = new Map<string, Stream>();
  /** What CloudWatch knows of the streams. */
  readonly incoming = new IncomingMetrics();

  /** Opens the streams that earlier runs created through the API. A template's streams are opened by its deployment. */
  constructor(readonly options: KinesisOptions) {
    const folder = path.join(options.dataDir, 'kinesis');
    for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
      const file = path.join(folder, name, createdFile);
      if (!fs.existsSync(file)) continue;
      this.open(name, JSON.parse(fs.readFileSync(file, 'utf8')) as StreamSettings);
    }
  }

  realNow(): number {
    return (this.options.realNow ?? Date.now)();
  }

  /** Creates a stream that is not in a template, and stores its settings. */
  create(name: string, settings: StreamSettings, shardCount: number): void {
    this.open(name, settings, shardCount);
    const file = path.join(this.options.dataDir, 'kinesis', name, createdFile);
    try {
      replaceFile(`the stream ${name}`, file, JSON.stringify(settings));
    } catch (error) {
      this.remove(name);
      throw error;
    }
  }

  /** Changes how long the stream keeps its records. A stream of a template has the template's value again after a restart. */
  setRetention(stream: Stream, retentionHours: number): void {
    const settings = { ...stream.settings, retentionHours };
    const file = path.join(this.options.dataDir, 'kinesis', stream.name, createdFile);
    if (fs.existsSync(file)) replaceFile(`the stream ${stream.name}`, file, JSON.stringify(settings));
    stream.settings = settings;
  }

  has(name: string): boolean {
    return this.#streams.has(name);
  }

  /**
   * Creates the stream, or opens it with its stored records. A stream that is already open takes the new settings.
   * @param shardCount another number than today's reshards the stream. @default - unchanged
   */
  open(name: string, settings: StreamSettings, shardCount?: number): Stream {
    const { account, region, clock, dataDir } = this.options;
    const known = this.#streams.get(name);
    if (known) {
      known.settings = settings;
      if (settings.mode === 'PROVISIONED' && shardCount !== undefined) known.resize(shardCount);
      return known;
    }
    const folder = path.join(dataDir, 'kinesis', name);
    storing(`the stream ${name}`, folder, () => fs.mkdirSync(folder, { recursive: true }));
    const arn = `arn:aws:kinesis:${region}:${settings.account ?? account}:stream/${name}`;
    const stream = new Stream(name, arn, settings, shardCount ?? 1, clock, folder);
    if (settings.mode === 'PROVISIONED' && shardCount !== undefined) stream.resize(shardCount);
    this.#streams.set(name, stream);
    return stream;
  }

  /** Deletes the stream with its records. */
  remove(name: string): void {
    this.#streams.get(name)?.close();
    this.#streams.delete(name);
    fs.rmSync(path.join(this.options.dataDir, 'kinesis', name), { recursive: true, force: true });
  }

  get names(): string[] {
    return [...this.#streams.keys()].sort();
  }

  /** @param named name or ARN */
  stream(named: string): Stream {
    const name = named.slice(named.lastIndexOf('/') + 1);
    const stream = this.#streams.get(name);
    if (!stream)
      throw new AwsError(
        'ResourceNotFoundException',
        `Stream ${name} under account ${this.options.account} not found.`,
      );
    return stream;
  }

  /** The stream named by a request's StreamName or StreamARN. */
  find(input: { readonly StreamName?: unknown; readonly StreamARN?: unknown }): Stream {
    const { StreamName: name, StreamARN: arn } = input;
    if (typeof arn === 'string') {
      const stream = this.stream(arn.slice(arn.indexOf(':stream/') + 8));
      if (stream.arn !== arn || (name !== undefined && name !== stream.name))
        throw new AwsError('ResourceNotFoundException', `Stream ${arn} not found.`);
      return stream;
    }
    if (typeof name !== 'string')
      throw new AwsError('InvalidArgumentException', 'StreamName or StreamARN must be given');
    return this.#streamOf({ account: this.options.account }, name);
  }

  authorize(principal: Principal, action: string, stream: Stream): void {
    this.options.authorizer.authorize({ principal, action, resource: stream.arn });
  }

  /** Checks that the caller may use the key of an encrypted stream. */
  useKey(principal: Principal, use: 'GenerateDataKey' | 'Decrypt', stream: Stream): void {
    const { kmsKey } = stream.settings;
    if (kmsKey) this.options.kms.authorizeUse(principal, kmsKey, use, serviceContext(stream, this.options.region));
  }

  async readSlice(
    principal: Principal,
    streamName: string,
    after: Readonly<Record<string, string>>,
  ): Promise<StreamSlice> {
    const stream = this.#streamOf(principal, streamName);
    for (const operation of ['DescribeStreamSummary', 'ListShards', 'GetShardIterator', 'GetRecords'])
      this.authorize(principal, `kinesis:${operation}`, stream);
    this.useKey(principal, 'Decrypt', stream);
    return stream.slice(after);
  }

  /** A name alone means a stream of the caller's account. */
  #streamOf({ account }: Pick<Principal, 'account'>, name: string): Stream {
    const stream = this.#streams.get(name);
    if (!stream || stream.arn.split(':')[4] !== account)
      throw new AwsError('ResourceNotFoundException', `Stream ${name} under account ${account} not found.`);
    return stream;
  }

  acceptedRecords(streamName: string): number {
    return this.stream(streamName).accepted();
  }

  async dispose(): Promise<void> {
    for (const stream of this.#streams.values()) stream.close();
  }
}
