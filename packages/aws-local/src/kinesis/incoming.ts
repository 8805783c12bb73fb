import type { MetricValue, OwnMetrics } from '../cloudwatch/metrics';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Entries of a stream above which the older half of them becomes hours. CloudWatch keeps minutes for 15 days too. */
const mostEntries = 2 * 15 * 24 * 60;

interface Incoming {
  readonly IncomingRecords: number;
  readonly IncomingBytes: number;
}

/**
 * What streams accepted, by minute, as Kinesis reports it to CloudWatch for each stream. It begins with the runtime.
 * Metrics of shards exist only with enhanced monitoring, which no stream has here.
 */
export class IncomingMetrics implements OwnMetrics {
  readonly namespace = 'AWS/Kinesis';
  readonly names = ['IncomingRecords', 'IncomingBytes'] as const;
  readonly #streams = new Map<string, Map<number, Incoming>>();

  add(stream: string, records: number, bytes: number, now: number): void {
    if (records === 0) return;
    const entries = this.#streams.get(stream) ?? new Map<number, Incoming>();
    this.#streams.set(stream, entries);
    put(entries, Math.floor(now / MINUTE_MS) * MINUTE_MS, { IncomingRecords: records, IncomingBytes: bytes });
    if (entries.size > mostEntries) coarsen(entries);
  }

  find(name: string): readonly MetricValue[] {
    const [records, bytes] = this.names;
    if (name !== records && name !== bytes) return [];
    return [...this.#streams].flatMap(([StreamName, entries]) =>
      [...entries].map(([at, incoming]) => ({
        namespace: this.namespace,
        name,
        dimensions: { StreamName },
        value: incoming[name],
        at,
      })),
    );
  }
}

function put(entries: Map<number, Incoming>, at: number, more: Incoming): void {
  const known = entries.get(at);
  entries.set(at, {
    IncomingRecords: (known?.IncomingRecords ?? 0) + more.IncomingRecords,
    IncomingBytes: (known?.IncomingBytes ?? 0) + more.IncomingBytes,
  });
}

function coarsen(entries: Map<number, Incoming>): void {
  const older = [...entries].sort(([one], [other]) => one - other).slice(0, entries.size / 2);
  for (const [at] of older) entries.delete(at);
  for (const [at, incoming] of older) put(entries, Math.floor(at / HOUR_MS) * HOUR_MS, incoming);
}
