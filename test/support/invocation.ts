import type { RuntimeClock } from 'aws-local-kit';
import type { Stop } from './actions';

/** One run of a function's core in this process. Its calls pass through here, so that it can be killed between two. */
class Invocation {
  private calls = 0;
  private ended = false;
  private atWork = 0;
  private atRest = 0;
  private end: (reason: Error) => void = () => undefined;
  /** Rejects if the invocation is killed. */
  readonly killed: Promise<never>;

  constructor(
    readonly name: string,
    readonly deadline: number,
    private readonly kill: Stop | undefined,
    private readonly onChange: () => void,
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
    if (here?.hangs) return this.resting(never);
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
      this.onChange();
    }
  }

  /** Waits on the clock. */
  async sleep(wait: () => Promise<void>): Promise<void> {
    await this.resting(wait);
    if (this.ended) return never();
  }

  private async resting<T>(run: () => Promise<T>): Promise<T> {
    this.atRest += 1;
    this.onChange();
    try {
      return await run();
    } finally {
      this.atRest -= 1;
    }
  }

  get isDead(): boolean {
    return this.ended;
  }

  get isResting(): boolean {
    return this.atRest > 0 && this.atWork === 0;
  }
}

export interface Outcome {
  readonly payload: unknown;
  readonly error?: { readonly errorType: string; readonly errorMessage: string };
}

/** The outside calls that a core may make. Each call belongs to the current invocation. */
export interface Calls {
  /**
   * Makes a call to AWS.
   * @param rests true if the call only waits for a statement or the clock
   */
  call<T>(what: string, rests: boolean, run: () => Promise<T>): Promise<T>;
  sleep(ms: number): Promise<void>;
  remainingMs(): number;
}

/** A deployed function. */
export interface Handler {
  readonly timeoutMs: number;
  /** The code outside the invocations: it creates the core and its clients, and returns the handler. */
  start(calls: Calls): (event: unknown) => Promise<unknown>;
}

/** Runs invocations one after another, until one dies. Later calls of a dead invocation never resolve. */
class ExecutionEnvironment implements Calls {
  private invocation: Invocation | undefined;
  private readonly run: (event: unknown) => Promise<unknown>;

  constructor(
    handler: Handler,
    private readonly clock: RuntimeClock,
  ) {
    this.run = handler.start(this);
  }

  /** Rejects if the invocation fails or dies. */
  invoke(invocation: Invocation, event: unknown): Promise<unknown> {
    this.invocation = invocation;
    return Promise.race([this.run(event), invocation.killed]);
  }

  readonly call = <T>(what: string, rests: boolean, run: () => Promise<T>): Promise<T> =>
    this.invocation!.call(what, rests, run);

  readonly sleep = (ms: number): Promise<void> =>
    this.invocation!.sleep(() => new Promise<void>((resolve) => this.clock.at(this.clock.now() + ms, () => resolve())));

  readonly remainingMs = (): number => this.invocation!.deadline - this.clock.now();
}

/** The invocations of one simulated account. */
export class Invocations {
  /** Idle environments by handler. A deployment brings new handlers, so that no invocation runs old code. */
  private readonly warm = new Map<Handler, ExecutionEnvironment[]>();
  private readonly running = new Set<Invocation>();

  constructor(
    private readonly clock: RuntimeClock,
    /** Decides if and when the next invocation of a function is killed, or hangs until its timeout. */
    private readonly killNext: (name: string) => Stop | undefined,
    /** Called whenever the result of `atWork` may have changed. */
    private readonly onChange: () => void,
  ) {}

  async run(name: string, handler: Handler, event: unknown): Promise<Outcome> {
    const { clock, onChange } = this;
    const invocation = new Invocation(name, clock.now() + handler.timeoutMs, this.killNext(name), onChange);
    const timeout = clock.at(invocation.deadline, () => invocation.die('timed out'));
    const warm = this.warm.get(handler) ?? [];
    this.warm.set(handler, warm);
    const place = warm.pop() ?? new ExecutionEnvironment(handler, clock);
    this.running.add(invocation);
    try {
      const payload = await place.invoke(invocation, event);
      return { payload: payload ?? null };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      return { payload: null, error: { errorType, errorMessage } };
    } finally {
      if (!invocation.isDead) warm.push(place);
      timeout.cancel();
      this.running.delete(invocation);
      onChange();
    }
  }

  /** Names the running functions, for messages. */
  names(): string {
    return [...this.running].map(({ name }) => name).join(', ');
  }

  /** True if an invocation is doing anything but wait for a statement or the clock. */
  atWork(): boolean {
    for (const invocation of this.running) if (!invocation.isResting) return true;
    return false;
  }
}

const never = () => new Promise<never>(() => undefined);
