import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import type {
  Activity,
  Clock,
  Principal,
  ResourceTwin,
  RunListener,
  S3Port,
  StreamSlice,
  StsPort,
  Timer,
} from 'aws-local-kit';
import { replaceFile } from 'aws-local-kit';
import type { LambdaInvoker } from '../lambda';
import { expandPrefix } from './prefix';
import { type DeliveryConfig, parseDeliveryStream } from './properties';
import type { ReadSource } from './source';
import { type SourceRecord, type Transformed, transform, userRecords } from './transform';

export { kinesisSource } from './source';

export interface FirehoseOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly sts: StsPort;
  readonly readSource: ReadSource;
  readonly s3: S3Port;
  readonly lambda: LambdaInvoker;
  /** Folder below which the positions on the streams are stored. */
  readonly dataDir: string;
  readonly activity: Activity;
  readonly onRun: RunListener;
}

export interface Firehose {
  readonly resources: readonly ResourceTwin[];
  /** Starts the delivery streams: each delivers at the end of every buffer interval. */
  start(): void;
  /** Delivers the records that the streams hold now, without waiting for the interval. */
  flush(): Promise<void>;
  dispose(): void;
}

/** Interval used for a delivery stream with a buffer interval of 0. */
const shortestIntervalSeconds = 1;

export function createFirehose(options: FirehoseOptions): Firehose {
  const deliveries = new Map<string, Delivery>();
  let started = false;
  return {
    start() {
      started = true;
      for (const delivery of deliveries.values()) delivery.arm();
    },
    async flush() {
      for (const delivery of deliveries.values()) await delivery.deliver();
    },
    dispose() {
      for (const delivery of deliveries.values()) delivery.stop();
    },
    resources: [
      {
        type: 'AWS::KinesisFirehose::DeliveryStream',
        properties: [
          'DeliveryStreamName',
          'DeliveryStreamType',
          'ExtendedS3DestinationConfiguration',
          'KinesisStreamSourceConfiguration',
          'Tags',
        ],
        attributes: ['Arn'],
        replacedBy: ['DeliveryStreamName', 'DeliveryStreamType', 'KinesisStreamSourceConfiguration'],
        create(properties, context) {
          const name: string = properties.DeliveryStreamName ?? context.generatedName;
          const delivery = new Delivery(options, name, parseDeliveryStream(properties, `delivery stream ${name}`));
          delivery.open();
          deliveries.set(name, delivery);
          if (started) delivery.arm();
          return { ref: name, attributes: { Arn: delivery.arn } };
        },
        async update(properties, context) {
          await deliveries.get(context.previous!.ref)?.end();
          return this.create(properties, context);
        },
        async delete({ ref }) {
          await deliveries.get(ref)?.end();
          deliveries.delete(ref);
          rmSync(join(options.dataDir, 'firehose', `${ref}.json`), { force: true });
        },
      },
    ],
  };
}

class Delivery {
  readonly arn: string;
  private readonly source: Principal;
  private readonly destination: Principal;
  private readonly stateFile: string;
  private positions: Record<string, string> = {};
  /** Files of the stream without new records. They never change. */
  private readonly finished = new Set<string>();
  private timer: Timer | undefined;
  private delivering: Promise<void> | undefined;
  private told = '';
  private ended = false;

  constructor(
    private readonly options: FirehoseOptions,
    private readonly name: string,
    private readonly config: DeliveryConfig,
  ) {
    const { account, region, dataDir } = options;
    this.arn = `arn:aws:firehose:${region}:${account}:deliverystream/${name}`;
    this.source = this.assume(config.sourceRoleArn);
    this.destination = this.assume(config.deliveryRoleArn);
    mkdirSync(join(dataDir, 'firehose'), { recursive: true });
    this.stateFile = join(dataDir, 'firehose', `${name}.json`);
  }

  /**
   * Opens the stored positions. A new delivery stream starts at LATEST, and a known one continues from its positions.
   */
  open(): void {
    if (existsSync(this.stateFile)) {
      this.positions = JSON.parse(readFileSync(this.stateFile, 'utf8'));
      return;
    }
    const { latest } = this.slice();
    this.save(latest);
  }

  arm(): void {
    if (this.ended) return;
    const { clock } = this.options;
    const interval = Math.max(shortestIntervalSeconds, this.config.bufferSeconds) * 1000;
    this.timer = clock.at((Math.floor(clock.now() / interval) + 1) * interval, async () => {
      await this.deliver();
      this.arm();
    });
  }

  stop(): void {
    this.timer?.cancel();
  }

  /** Stops after the delivery in progress. */
  async end(): Promise<void> {
    this.ended = true;
    this.stop();
    await this.delivering;
  }

  /**
   * Delivers new records, one delivery at a time. The next interval retries a failed delivery from the same position.
   */
  deliver(): Promise<void> {
    this.delivering ??= this.options.activity
      .track(this.deliverNew())
      .catch((error: Error) => {
        if (error.message !== this.told)
          this.options.onRun({
            kind: 'trouble',
            at: this.options.clock.now(),
            name: this.name,
            message: error.message,
          });
        this.told = error.message;
      })
      .finally(() => {
        this.delivering = undefined;
      });
    return this.delivering;
  }

  private async deliverNew(): Promise<void> {
    const from = this.positions;
    const { files, latest } = this.slice();
    let buffered: SourceRecord[] = [];
    let bytes = 0;
    for (const file of files) {
      if (this.finished.has(file)) continue;
      const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
      for await (const line of lines) {
        const record = line === '' ? undefined : parseLine(line);
        if (!record || !isAfter(record, from)) continue;
        buffered.push(record);
        bytes += (record.data.length * 3) / 4;
        if (bytes < this.config.bufferBytes) continue;
        await this.write(buffered);
        buffered = [];
        bytes = 0;
      }
    }
    if (buffered.length > 0) await this.write(buffered);
    this.save({ ...this.positions, ...latest });
    for (const file of files) this.finished.add(file);
  }

  private slice(): StreamSlice {
    return this.options.readSource(this.source, this.config.sourceArn.split('/').pop()!, this.positions);
  }

  private async write(records: readonly SourceRecord[]): Promise<void> {
    const { delivered, failed } = await this.process(userRecords(records));
    const oldestArrival = Math.min(...records.map(({ arrivalMs }) => arrivalMs));
    if (failed.length > 0) {
      const prefix = expandPrefix(this.config.errorPrefix, { oldestArrival, errorOutputType: 'processing-failed' });
      await this.put(prefix, Buffer.concat(failed.map((failure) => this.errorLine(failure))), failed.length);
    }
    if (delivered.length > 0) {
      const body = Buffer.concat(delivered.map(({ bytes }) => bytes));
      await this.put(expandPrefix(this.config.prefix, { oldestArrival }), body, delivered.length);
    }
    // After a crash, records up to the saved positions are not delivered again.
    this.save({
      ...this.positions,
      ...Object.fromEntries(records.map(({ shardId, sequenceNumber }) => [shardId, sequenceNumber])),
    });
  }

  private async process(records: readonly SourceRecord[]): Promise<Transformed> {
    const { transformer, delimiter } = this.config;
    const result: Transformed = transformer
      ? await transform(records, {
          ...transformer,
          lambda: this.options.lambda,
          principal: this.destination,
          deliveryStreamArn: this.arn,
          sourceArn: this.config.sourceArn,
          region: this.options.region,
        })
      : { delivered: records.map((record) => ({ record, bytes: Buffer.from(record.data, 'base64') })), failed: [] };
    if (delimiter === undefined) return result;
    const end = Buffer.from(delimiter);
    return {
      ...result,
      delivered: result.delivered.map(({ record, bytes }) => ({ record, bytes: Buffer.concat([bytes, end]) })),
    };
  }

  private async put(prefix: string, content: Buffer, records: number): Promise<void> {
    const { s3, clock, onRun } = this.options;
    const { gzip, fileExtension, bucket } = this.config;
    const stamp = new Date(clock.now()).toISOString().slice(0, 19).replace(/[T:]/g, '-');
    const key = `${prefix}${this.name}-1-${stamp}-${randomUUID()}${fileExtension ?? (gzip ? '.gz' : '')}`;
    await s3.put(this.destination, bucket, key, gzip ? gzipSync(content, { level: 1 }) : content);
    onRun({ kind: 'delivery', at: clock.now(), name: this.name, records, bucket, key });
  }

  private errorLine({ record, code, message, attempts }: Transformed['failed'][number]): Buffer {
    const line = {
      attemptsMade: attempts,
      arrivalTimestamp: record.arrivalMs,
      errorCode: code,
      errorMessage: message,
      attemptEndingTimestamp: this.options.clock.now(),
      rawData: record.data,
      lambdaArn: this.config.transformer?.functionArn,
    };
    return Buffer.from(`${JSON.stringify(line)}\n`);
  }

  private save(positions: Readonly<Record<string, string>>): void {
    this.positions = { ...positions };
    replaceFile(`the delivery stream ${this.name}`, this.stateFile, JSON.stringify(this.positions));
  }

  private assume(roleArn: string): Principal {
    const { account, sts } = this.options;
    const service: Principal = { kind: 'service', arn: 'firehose.amazonaws.com', account };
    return sts.assumeRole(service, {
      roleArn,
      sessionName: 'AWSFirehoseToS3',
      externalId: account,
      context: { 'aws:SourceAccount': account, 'aws:SourceArn': this.arn },
    }).principal;
  }
}

function parseLine(line: string): SourceRecord {
  const { shard_id, sequence_number, partition_key, arrival_ms, data } = JSON.parse(line);
  return {
    shardId: shard_id,
    sequenceNumber: String(sequence_number),
    partitionKey: partition_key,
    arrivalMs: Number(arrival_ms),
    data,
  };
}

/**
 * True if the record comes after the position. Within a shard, sequence numbers compare as numbers: shorter ones are
 * lower.
 */
function isAfter(record: SourceRecord, positions: Readonly<Record<string, string>>): boolean {
  const position = positions[record.shardId];
  if (position === undefined) return true;
  if (record.sequenceNumber.length !== position.length) return record.sequenceNumber.length > position.length;
  return record.sequenceNumber > position;
}
