import { randomUUID } from 'node:crypto';
import { AwsError, type Clock, type Principal, type Timer } from 'aws-local-kit';
import type { HeldSession } from '../engine/engine';
import type { Login } from './logins';
import type { ReachableWarehouse } from './reachable';
import { ownerOf } from './records';

/** A session of the Data API. It holds temporary tables and runs one submission at a time. */
export interface DataApiSession {
  readonly id: string;
  readonly principal: Principal;
  readonly warehouse: ReachableWarehouse;
  readonly database: string;
  readonly secretArn?: string;
  readonly login: Login;
  /** Its connection to the database, opened by the first statement. */
  readonly held: HeldSession;
}

interface Entry extends DataApiSession {
  keepAliveSeconds: number;
  busy: boolean;
  timer?: Timer;
  readonly endsMs: number;
}

/**
 * Most sessions per cluster or workgroup, and the longest life of a session in all (Redshift management guide, "Session
 * reuse").
 */
const mostSessions = 500;
const longestLifeMs = 24 * 3_600_000;

/** The open sessions. They end with the process, because their temporary tables do. */
export class Sessions {
  private readonly open = new Map<string, Entry>();

  constructor(private readonly clock: Clock) {}

  /** @throws AwsError ActiveSessionsExceededException */
  create(from: Omit<DataApiSession, 'id' | 'held'>, keepAliveSeconds: number): DataApiSession {
    const { arn } = from.warehouse.target;
    const count = [...this.open.values()].filter(({ warehouse }) => warehouse.target.arn === arn).length;
    if (count >= mostSessions)
      throw new AwsError('ActiveSessionsExceededException', `${mostSessions} sessions are open, which is the limit`);
    const endsMs = this.clock.now() + longestLifeMs;
    const entry: Entry = { ...from, id: randomUUID(), held: {}, keepAliveSeconds, busy: false, endsMs };
    this.open.set(entry.id, entry);
    return entry;
  }

  /** Finds an open session. @throws AwsError ResourceNotFoundException if it has ended or belongs to another role */
  find(id: string, principal: Principal): DataApiSession {
    return this.entry(id, principal);
  }

  /** Reserves the session until its release. @throws AwsError ValidationException if it is busy */
  take(session: DataApiSession, keepAliveSeconds: number | undefined): void {
    const entry = this.entry(session.id, session.principal);
    if (entry.busy)
      throw new AwsError('ValidationException', `Session ${entry.id} is busy: it runs one statement at a time.`);
    entry.timer?.cancel();
    entry.busy = true;
    if (keepAliveSeconds !== undefined) entry.keepAliveSeconds = keepAliveSeconds;
  }

  /** Releases the session. Without further work it ends after its keep-alive time. */
  release({ id }: DataApiSession): void {
    const entry = this.open.get(id);
    if (!entry) return;
    entry.busy = false;
    const end = Math.min(this.clock.now() + entry.keepAliveSeconds * 1000, entry.endsMs);
    if (end <= this.clock.now()) this.end(entry);
    else entry.timer = this.clock.at(end, () => this.end(entry));
  }

  /** Ends all sessions. It must be called before the warehouses are closed. */
  close(): void {
    for (const entry of [...this.open.values()]) this.end(entry);
  }

  private entry(id: string, principal: Principal): Entry {
    const entry = this.open.get(id);
    if (!entry || ownerOf(entry.principal) !== ownerOf(principal))
      throw new AwsError('ResourceNotFoundException', `Session does not exist or has ended: ${id}`);
    return entry;
  }

  private end(entry: Entry): void {
    entry.timer?.cancel();
    this.open.delete(entry.id);
    entry.warehouse.engine.endSession(entry.held);
  }
}
