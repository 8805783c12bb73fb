import type { Pipeline } from '../../../pipelines/definition';
import { publicTables } from '../../../sql/names';
import { type Context, queryRows } from '../context';

/** Identity of an object within a bucket. */
export interface ObjectId {
  readonly key: string;
  readonly etag: string;
}

/** A map of objects by key and etag. */
export class ObjectSet<Value = true> {
  private readonly byKey = new Map<string, Map<string, Value>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  get({ key, etag }: ObjectId): Value | undefined {
    return this.byKey.get(key)?.get(etag);
  }

  has(id: ObjectId): boolean {
    return this.get(id) !== undefined;
  }

  hasKey(key: string): boolean {
    return this.byKey.has(key);
  }

  add({ key, etag }: ObjectId, value: Value): void {
    const versions = this.byKey.get(key) ?? new Map<string, Value>();
    if (!versions.has(etag)) this.count++;
    this.byKey.set(key, versions.set(etag, value));
  }

  *keys(): Generator<string> {
    yield* this.byKey.keys();
  }

  *entries(): Generator<[ObjectId, Value]> {
    for (const [key, versions] of this.byKey) for (const [etag, value] of versions) yield [{ key, etag }, value];
  }
}

/** Reads the loaded objects of a bucket. */
export async function readLedger(context: Context, pipeline: Pipeline, bucket: string): Promise<ObjectSet> {
  const rows = await queryRows(
    context,
    'ledger',
    `select object_key, etag from ${publicTables(pipeline).ledger} where bucket = {{bucket}}`,
    { bucket },
  );
  const loaded = new ObjectSet();
  for (const { object_key, etag } of rows) loaded.add({ key: String(object_key), etag: String(etag) }, true);
  return loaded;
}

export interface Parked {
  readonly reason: string;
  /** Timestamp as the warehouse writes it. */
  readonly parkedAt: string;
}

/** Reads the objects of a bucket that could not be loaded. */
export async function readParked(context: Context, pipeline: Pipeline, bucket: string): Promise<ObjectSet<Parked>> {
  const rows = await queryRows(
    context,
    'parked',
    `select object_key, etag, reason, parked_at from ${publicTables(pipeline).parked} where bucket = {{bucket}}`,
    { bucket },
  );
  const parked = new ObjectSet<Parked>();
  for (const { object_key, etag, reason, parked_at } of rows)
    parked.add(
      { key: String(object_key), etag: String(etag) },
      { reason: String(reason), parkedAt: String(parked_at) },
    );
  return parked;
}
