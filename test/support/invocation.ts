import { AsyncLocalStorage } from 'node:async_hooks';
import type { RuntimeClock } from '../../local/clock';

/** Where an invocation ends without a word: at its nth call (1 is the first), before it takes effect or after. */
export interface Kill {
  readonly call: number;
  readonly after: boolean;
}

/** One run of a function's core in this process. What it calls goes through here, so that it can be stopped between two calls. */
class Invocation {
  private calls = 0;
  private ended = false;
  private atWork = 0;
  private atRest = 0;
  private end: (reason: Error) => void = () => undefined;
  /** Rejects when the invocation is killed. */
  readonly killed: Promise<never>;

  constructor(
    readonly name: string,
    readonly deadline: number,
    private readonly kill: Kill | undefined,
  ) {
    this.killed = new Promise((_, reject) => {
      this.end = reject;
    });
    this.killed.catch(() => undefined);
  }

  die(reason: string): void {
    this.ended = true;
    this.end(new Error(`${this.name}: ${reason}`));
  }

  async call<T>(what: string, rests: boolean, run: () => Promise<T>): Promise<T> {
    if (this.ended) return never();
    this.calls += 1;
    const here = this.kill?.call === this.calls ? this.kill : undefined;
    if (here && !here.after) {
      this.die(`killed before ${what}`);
      return never();
    }
    const answer = await (rests ? this.resting(run) : this.working(run));
    if (here) this.die(`killed after ${what}`);
    return this.ended ? never() : answer;
  }

  private async working<T>(run: () => Promise<T>): Promise<T> {
    this.atWork += 1;
    try {
      return await run();
    } finally {
      this.atWork -= 1;
    }
  }

  /** Waits for something that the clock brings. */
  async resting<T>(run: () => Promise<T>): Promise<T> {
    this.atRest += 1;
    try {
      return await run();
    } finally {
      this.atRest -= 1;
    }
  }

  get isResting(): boolean {
    return this.atRest > 0 && this.atWork === 0;
  }
}

export interface Outcome {
  readonly payload: unknown;
  readonly error?: { readonly errorType: string; readonly errorMessage: string };
}

/** The invocations of one simulated account. */
export class Invocations {
  private readonly current = new AsyncLocalStorage<Invocation>();
  private readonly running = new Set<Invocation>();

  constructor(
    private readonly clock: RuntimeClock,
    /** What happens to the next invocation of a function. */
    private readonly killNext: (name: string) => Kill | undefined,
  ) {}

  async run(name: string, timeoutMs: number, core: () => Promise<unknown>): Promise<Outcome> {
    const invocation = new Invocation(name, this.clock.now() + timeoutMs, this.killNext(name));
    const timeout = this.clock.at(invocation.deadline, () => invocation.die('timed out'));
    this.running.add(invocation);
    try {
      const payload = await Promise.race([this.current.run(invocation, core), invocation.killed]);
      return { payload: payload ?? null };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      return { payload: null, error: { errorType, errorMessage } };
    } finally {
      timeout.cancel();
      this.running.delete(invocation);
    }
  }

  /**
   * A call to AWS by the invocation that is under way here.
   * @param rests whether the call does nothing but wait for a statement or the clock
   */
  call<T>(what: string, rests: boolean, run: () => Promise<T>): Promise<T> {
    return this.own().call(what, rests, run);
  }

  readonly sleep = (ms: number): Promise<void> =>
    this.own().resting(() => new Promise<void>((resolve) => this.clock.at(this.clock.now() + ms, () => resolve())));

  readonly remainingMs = (): number => this.own().deadline - this.clock.now();

  /** Whether any invocation is doing something, other than to wait for the clock. */
  atWork(): boolean {
    for (const invocation of this.running) if (!invocation.isResting) return true;
    return false;
  }

  private own(): Invocation {
    const invocation = this.current.getStore();
    if (!invocation) throw new Error('not within an invocation');
    return invocation;
  }
}

const never = () => new Promise<never>(() => undefined);
