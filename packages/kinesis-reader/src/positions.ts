import type { RawRecord } from './get-records';
import type { ShardPosition, Start } from './position';

interface Moving {
  after?: string;
  sub?: number;
  untilMs?: number;
  ended?: true;
}

/** The position of each shard up to which records were yielded to the caller. A commit saves these. */
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

  /** Begins a shard without a position. It counts as read up to its parents' positions, or else up to the start. */
  begin(id: string, start: Start, parents: readonly string[]): void {
    if (this.#shards.has(id)) return;
    const moments = parents.flatMap((parent) => this.#shards.get(parent)?.untilMs ?? []);
    if (moments.length > 0) this.#shards.set(id, { untilMs: Math.min(...moments) });
    else this.#shards.set(id, start === 'beginning' ? {} : { untilMs: Date.parse(start.at) });
  }

  /** @param sub the index of the yielded part, if parts of the record are left */
  move(id: string, sequenceNumber: string, sub: number | undefined, arrivedAt: Date): void {
    const shard = this.#of(id);
    shard.after = sequenceNumber;
    shard.sub = sub;
    shard.untilMs = arrivedAt.getTime();
  }

  /**
   * Records that a whole chunk was yielded.
   * @param untilMs the moment up to which the shard has been read. @default - that of its last record
   */
  settle(id: string, last: Pick<RawRecord, 'sequenceNumber' | 'arrivedAt'> | undefined, untilMs: number | undefined) {
    if (last) this.move(id, last.sequenceNumber, undefined, last.arrivedAt);
    const shard = this.#of(id);
    if (untilMs !== undefined) shard.untilMs = Math.max(shard.untilMs ?? 0, untilMs);
  }

  end(id: string): void {
    this.#of(id).ended = true;
  }

  /** Moves a shard past a gap: it counts as read up to `untilMs`. */
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
