import type { RawRecord } from './kinesis';
import type { ShardPosition, Start } from './position';

interface Moving {
  after?: string;
  sub?: number;
  untilMs?: number;
  ended?: true;
}

/** How far each shard was handed out to the caller: what a commit saves. */
export class Positions {
  readonly #shards = new Map<string, Moving>();

  constructor(saved: Readonly<Record<string, ShardPosition>>) {
    for (const [id, { until, ...rest }] of Object.entries(saved))
      this.#shards.set(id, { ...rest, ...(until !== undefined && { untilMs: Date.parse(until) }) });
  }

  get(id: string): Readonly<Moving> {
    return this.#shards.get(id) ?? {};
  }

  get ids(): string[] {
    return [...this.#shards.keys()];
  }

  *ended(): Generator<string> {
    for (const [id, { ended }] of this.#shards) if (ended) yield id;
  }

  /** A shard that is read from its start: it counts as read until there. */
  begin(id: string, start: Start, parents: readonly string[]): void {
    if (this.#shards.has(id)) return;
    const moments = parents.flatMap((parent) => this.#shards.get(parent)?.untilMs ?? []);
    if (moments.length > 0) this.#shards.set(id, { untilMs: Math.min(...moments) });
    else this.#shards.set(id, start === 'beginning' ? {} : { untilMs: Date.parse(start.at) });
  }

  /** @param sub the part that was handed out, when parts of the record are left */
  move(id: string, sequenceNumber: string, sub: number | undefined, arrivedAt: Date): void {
    const shard = this.#of(id);
    shard.after = sequenceNumber;
    shard.sub = sub;
    shard.untilMs = arrivedAt.getTime();
  }

  /**
   * All that a chunk held was handed out.
   * @param untilMs the shard has been read up to this moment. @default - up to its last record
   */
  settle(id: string, last: Pick<RawRecord, 'sequenceNumber' | 'arrivedAt'> | undefined, untilMs: number | undefined) {
    if (last) this.move(id, last.sequenceNumber, undefined, last.arrivedAt);
    const shard = this.#of(id);
    if (untilMs !== undefined) shard.untilMs = Math.max(shard.untilMs ?? 0, untilMs);
  }

  end(id: string): void {
    this.#of(id).ended = true;
  }

  /** Moves a shard behind a gap: it counts as read up to this moment. */
  reset(id: string, untilMs: number): void {
    this.#of(id).untilMs = untilMs;
  }

  forget(id: string): void {
    this.#shards.delete(id);
  }

  saved(): Record<string, ShardPosition> {
    return Object.fromEntries(
      [...this.#shards].map(([id, { after, sub, untilMs, ended }]) => [
        id,
        {
          ...(after !== undefined && { after }),
          ...(sub !== undefined && { sub }),
          ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
          ...(ended && { ended }),
        },
      ]),
    );
  }

  #of(id: string): Moving {
    const known = this.#shards.get(id);
    if (known) return known;
    const begun: Moving = {};
    this.#shards.set(id, begun);
    return begun;
  }
}
