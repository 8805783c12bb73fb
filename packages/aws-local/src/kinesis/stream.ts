import fs from 'node:fs';
import path from 'node:path';
import { AwsError, type Clock, NotModelledError, replaceFile, type StreamSlice, storing } from 'aws-local-kit';
import { Shard, type ShardDescription, sequencePrefix } from './shard';

export interface StreamSettings {
  /** The account that has the stream. @default - the runtime's */
  readonly account?: string;
  readonly mode: 'ON_DEMAND' | 'PROVISIONED';
  readonly retentionHours: number;
  readonly kmsKey?: string;
  /** Largest size of a record in bytes, data and partition key together. */
  readonly maxRecordBytes: number;
}

/** A registered consumer with its own read throughput. */
export interface Consumer {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
}

interface Stored {
  readonly name: string;
  readonly createdAt: number;
  readonly shards: readonly ShardDescription[];
  readonly consumers?: readonly Consumer[];
}

const lastHash = 'f'.repeat(32);
const space = 1n << 128n;

/** One stream with its open and closed shards. */
export class Stream {
  #shards: Shard[] = [];
  #createdAt: number;
  #consumers: readonly Consumer[];

  /** Opens the stream that the folder holds, or creates one with `shardCount` shards. */
  constructor(
    readonly name: string,
    readonly arn: string,
    public settings: StreamSettings,
    shardCount: number,
    private readonly clock: Clock,
    private readonly folder: string,
  ) {
    const stored = this.#load();
    this.#createdAt = stored?.createdAt ?? clock.now();
    this.#consumers = stored?.consumers ?? [];
    for (const description of stored?.shards ?? []) this.#shards.push(this.#openShard(description));
    if (stored) return;
    for (let i = 0; i < shardCount; i++) {
      const [startHash, endHash] = [
        hex((space * BigInt(i)) / BigInt(shardCount)),
        hex((space * BigInt(i + 1)) / BigInt(shardCount) - 1n),
      ];
      this.#add({ startHash, endHash });
    }
    this.#save();
  }

  get createdAt(): number {
    return this.#createdAt;
  }

  get consumers(): readonly Consumer[] {
    return this.#consumers;
  }

  register(name: string): Consumer {
    const createdAt = this.clock.now();
    const consumer = { name, arn: `${this.arn}/consumer/${name}:${Math.floor(createdAt / 1000)}`, createdAt };
    this.#change(() => {
      this.#consumers = [...this.#consumers, consumer];
    });
    return consumer;
  }

  deregister(consumer: Consumer): void {
    this.#change(() => {
      this.#consumers = this.#consumers.filter((other) => other !== consumer);
    });
  }

  get shards(): readonly Shard[] {
    return this.#shards;
  }

  get openShards(): readonly Shard[] {
    return this.#shards.filter((shard) => shard.description.closedAt === undefined);
  }

  /** Records that arrived before this moment have expired. */
  get oldest(): number {
    return this.clock.now() - this.settings.retentionHours * 3_600_000;
  }

  shard(id: string): Shard {
    const found = this.#shards.find((shard) => shard.id === id);
    if (!found) throw new AwsError('ResourceNotFoundException', `Shard ${id} in stream ${this.name} does not exist`);
    return found;
  }

  /** The open shard for a hash of 32 hexadecimal digits. */
  shardFor(hash: string): Shard {
    for (const shard of this.#shards)
      if (
        shard.description.closedAt === undefined &&
        hash >= shard.description.startHash &&
        hash <= shard.description.endHash
      )
        return shard;
    throw new Error(`no shard of ${this.name} takes the hash ${hash}`);
  }

  accepted(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.accepted, 0);
  }

  slice(after: Readonly<Record<string, string>>): StreamSlice {
    const { oldest } = this;
    const files: string[] = [];
    const latest: Record<string, string> = {};
    for (const shard of this.#shards) {
      const position = after[shard.id];
      const known = position === undefined ? -1 : shard.counterOf(position);
      if (known === undefined)
        throw new AwsError('InvalidArgumentException', `${position} is not a sequence number of ${shard.id}`);
      if (!shard.hasFrom(known + 1, oldest)) continue;
      files.push(...shard.seal(known + 1, oldest));
      latest[shard.id] = shard.sequenceNumber(shard.accepted - 1);
    }
    return { files, latest };
  }

  /** Splits a shard. The hash is the first one of the second child. */
  split(id: string, startingHash: string): void {
    const parent = this.#open(id);
    const { startHash, endHash } = parent.description;
    if (startingHash <= startHash || startingHash > endHash)
      throw new AwsError('InvalidArgumentException', `NewStartingHashKey must lie within the range of ${id}`);
    this.#change(() => {
      this.#close(parent);
      this.#add({ startHash, endHash: hex(BigInt(`0x${startingHash}`) - 1n), parentId: id });
      this.#add({ startHash: startingHash, endHash, parentId: id });
    });
  }

  merge(id: string, adjacentId: string): void {
    const pair = [this.#open(id), this.#open(adjacentId)].sort((a, b) =>
      a.description.startHash < b.description.startHash ? -1 : 1,
    );
    const [low, high] = pair.map((shard) => shard.description) as [ShardDescription, ShardDescription];
    if (BigInt(`0x${low.endHash}`) + 1n !== BigInt(`0x${high.startHash}`))
      throw new AwsError('InvalidArgumentException', `${id} and ${adjacentId} are not adjacent`);
    this.#change(() => {
      for (const shard of pair) this.#close(shard);
      this.#add({ startHash: low.startHash, endHash: high.endHash, parentId: id, adjacentParentId: adjacentId });
    });
  }

  /** Doubles or halves the number of open shards. */
  resize(target: number): void {
    const open = this.openShards;
    if (target === open.length) return;
    if (target === open.length * 2) {
      for (const { id, description } of open) {
        const [start, end] = [BigInt(`0x${description.startHash}`), BigInt(`0x${description.endHash}`)];
        this.split(id, hex((start + end) / 2n + 1n));
      }
    } else if (target * 2 === open.length) {
      const ordered = [...open].sort((a, b) => (a.description.startHash < b.description.startHash ? -1 : 1));
      for (let i = 0; i < ordered.length; i += 2) this.merge(ordered[i]!.id, ordered[i + 1]!.id);
    } else
      throw new NotModelledError(
        `changing the shard count of ${this.name} from ${open.length} to ${target}, other than by doubling or halving`,
      );
  }

  close(): void {
    for (const shard of this.#shards) shard.close();
  }

  #open(id: string): Shard {
    const shard = this.shard(id);
    if (shard.description.closedAt !== undefined)
      throw new AwsError('InvalidArgumentException', `shard ${id} is closed`);
    return shard;
  }

  #close(shard: Shard): void {
    shard.close();
    const closed = this.#openShard({ ...shard.description, closedAt: this.clock.now() });
    this.#shards = this.#shards.map((other) => (other === shard ? closed : other));
  }

  #add(rest: Pick<ShardDescription, 'startHash' | 'endHash' | 'parentId' | 'adjacentParentId'>): void {
    const number = this.#shards.length;
    // A child is always newer than every other shard, whatever the clock says: it must sort after its parents.
    const newest = Math.max(0, ...this.#shards.map(({ description }) => description.createdAt));
    const createdAt = Math.max(this.clock.now(), rest.parentId === undefined ? 0 : newest + 1);
    const id = `shardId-${String(number).padStart(12, '0')}`;
    this.#shards.push(this.#openShard({ ...rest, id, createdAt, sequencePrefix: sequencePrefix(createdAt, number) }));
  }

  #openShard(description: ShardDescription): Shard {
    return Shard.open(description, path.join(this.folder, description.id), this.oldest);
  }

  #load(): Stored | undefined {
    try {
      return JSON.parse(fs.readFileSync(path.join(this.folder, 'stream.json'), 'utf8')) as Stored;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Changes the stream and stores it. If it cannot be stored, it is as before: records of lost shards would be lost. */
  #change(make: () => void): void {
    const [shards, consumers] = [this.#shards, this.#consumers];
    this.#shards = [...shards];
    try {
      storing(this.#store, this.folder, make);
      this.#save();
    } catch (error) {
      this.#shards = shards;
      this.#consumers = consumers;
      throw error;
    }
  }

  get #store(): string {
    return `the stream ${this.name}`;
  }

  #save(): void {
    const stored: Stored = {
      name: this.name,
      createdAt: this.#createdAt,
      shards: this.#shards.map(({ description }) => description),
      consumers: this.#consumers,
    };
    replaceFile(this.#store, path.join(this.folder, 'stream.json'), `${JSON.stringify(stored, null, 2)}\n`);
  }
}

/** 128 bits as 32 hexadecimal digits, which sort like the numbers. */
export function hex(number: bigint): string {
  const digits = number.toString(16).padStart(32, '0');
  if (number < 0n || digits > lastHash || digits.length > 32)
    throw new AwsError('InvalidArgumentException', `a hash key must be between 0 and 2^128 - 1, got ${number}`);
  return digits;
}
