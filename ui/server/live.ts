import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Activity, LiveMessage, Snapshot } from '../api';
import type { Source } from './source';

/** At most four messages a second. */
const TICK_MS = 250;
/** A snapshot may take a tenth of the time: after one of 50 ms the next begins half a second later. */
const SHARE = 10;
/** On a busy machine a snapshot can take seconds. The page still shows what happened soon after. */
const LONGEST_PAUSE_MS = 2_000;
/** Some of a snapshot changes with the clock alone: what is late. */
const LONGEST_MS = 10_000;
const HEARTBEAT_MS = 15_000;
const KEPT_ACTIVITIES = 300;

interface Reader {
  readonly response: ServerResponse;
  /** Activities up to this one were sent. */
  activity: number;
  /** The snapshot of this number was sent. */
  snapshot: number;
}

/** Sends what changes to every open page. While no page is open, it does nothing. */
export class Live {
  /** Tells the ids of this process from those of an earlier one. */
  private readonly boot = randomBytes(6).toString('hex');
  private readonly readers = new Set<Reader>();
  private readonly activities: Activity[] = [];
  private lastActivity = 0;
  private snapshot: { readonly number: number; readonly text: string; readonly value: LiveMessage } | undefined;
  private version = '';
  private madeAt = Number.NEGATIVE_INFINITY;
  private notBefore = 0;
  private making = false;
  private timer: NodeJS.Timeout | undefined;
  private beat = 0;
  private readonly unsubscribe: () => void;

  constructor(private readonly source: Source) {
    this.unsubscribe = source.onActivity((activity) => {
      this.activities.push({ ...activity, id: ++this.lastActivity });
      if (this.activities.length > KEPT_ACTIVITIES) this.activities.shift();
    });
  }

  /** Answers with a stream of events. `lastId` is what the page received last: what it knows is not sent again. */
  open(response: ServerResponse, lastId: string | undefined): void {
    const [, boot, activity, snapshot] = /^([0-9a-f]{12})-(\d{1,15})-(\d{1,15})$/.exec(lastId ?? '') ?? [];
    const known = boot === this.boot;
    const reader = { response, activity: known ? Number(activity) : 0, snapshot: known ? Number(snapshot) : 0 };
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 500\n\n');
    this.readers.add(reader);
    response.once('close', () => {
      this.readers.delete(reader);
      if (this.readers.size === 0) this.rest();
    });
    this.timer ??= setInterval(() => void this.tick(), TICK_MS);
    void this.tick();
  }

  dispose(): void {
    this.unsubscribe();
    this.rest();
    for (const { response } of this.readers) response.end();
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private async tick(): Promise<void> {
    const now = performance.now();
    const version = this.versionNow();
    if (!this.making && now >= this.notBefore && (version !== this.version || now - this.madeAt > LONGEST_MS)) {
      this.making = true;
      this.version = version;
      const value = await this.source.snapshot().then(
        (snapshot): LiveMessage => ({ snapshot }),
        (error: Error): LiveMessage => ({ problem: error.message }),
      );
      const ended = performance.now();
      this.making = false;
      this.madeAt = ended;
      this.notBefore = ended + Math.min((ended - now) * (SHARE - 1), LONGEST_PAUSE_MS);
      const text = JSON.stringify(withoutTime(value));
      if (text !== this.snapshot?.text) this.snapshot = { number: (this.snapshot?.number ?? 0) + 1, text, value };
    }
    for (const reader of this.readers) this.send(reader);
    if (now - this.beat > HEARTBEAT_MS) {
      this.beat = now;
      for (const { response } of this.readers) response.write(': \n\n');
    }
  }

  /** A runtime that ends may fail here. The page then gets the reason from the snapshot. */
  private versionNow(): string {
    try {
      return this.source.version();
    } catch (error) {
      return `failed: ${(error as Error).message}`;
    }
  }

  private send(reader: Reader): void {
    const { snapshot } = this;
    // A page that reads slowly gets the newest snapshot later, not all of them.
    if (reader.response.writableNeedDrain) return;
    const activity = this.activities.filter(({ id }) => id > reader.activity);
    const fresh = snapshot !== undefined && snapshot.number !== reader.snapshot;
    if (activity.length === 0 && !fresh) return;
    const message: LiveMessage = { ...(fresh ? snapshot.value : {}), ...(activity.length > 0 ? { activity } : {}) };
    reader.activity = this.lastActivity;
    reader.snapshot = snapshot?.number ?? 0;
    reader.response.write(
      `id: ${this.boot}-${reader.activity}-${reader.snapshot}\ndata: ${JSON.stringify(message)}\n\n`,
    );
  }
}

/** The page moves the clock itself between two snapshots. */
const withoutTime = ({ snapshot, ...rest }: LiveMessage) =>
  snapshot === undefined ? rest : ({ ...snapshot, now: 0 } satisfies Snapshot);
