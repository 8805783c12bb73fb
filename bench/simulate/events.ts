/** The parts of a simulation of discrete events in virtual time: an agenda, servers with a queue, and a limit of calls a second. */

/** What is going to happen, in the order of its time. Times are in seconds. */
export class Agenda {
  now = 0;
  private readonly due: { readonly at: number; readonly order: number; readonly happen: () => void }[] = [];
  private order = 0;

  at(time: number, happen: () => void): void {
    this.order += 1;
    this.due.push({ at: Math.max(time, this.now), order: this.order, happen });
    // A heap: the parent of n is at (n - 1) / 2.
    for (let n = this.due.length - 1; n > 0; ) {
      const parent = (n - 1) >> 1;
      if (!this.isBefore(n, parent)) break;
      this.swap(n, parent);
      n = parent;
    }
  }

  after(seconds: number, happen: () => void): void {
    this.at(this.now + seconds, happen);
  }

  /** Lets everything happen until a time, or until nothing is due any more. */
  run(until = Number.POSITIVE_INFINITY): void {
    while (this.due.length > 0 && this.due[0]!.at <= until) {
      const next = this.take();
      this.now = next.at;
      next.happen();
    }
  }

  private take() {
    const first = this.due[0]!;
    const last = this.due.pop()!;
    if (this.due.length === 0) return first;
    this.due[0] = last;
    for (let n = 0; ; ) {
      let least = n;
      for (const child of [2 * n + 1, 2 * n + 2])
        if (child < this.due.length && this.isBefore(child, least)) least = child;
      if (least === n) return first;
      this.swap(n, least);
      n = least;
    }
  }

  private isBefore(one: number, other: number): boolean {
    const [a, b] = [this.due[one]!, this.due[other]!];
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  private swap(one: number, other: number): void {
    [this.due[one], this.due[other]] = [this.due[other]!, this.due[one]!];
  }
}

/** Serves jobs in the order in which they come, a number of them at once. One place is a lock. */
export class Server {
  private busy = 0;
  private readonly waiting: { readonly since: number; readonly begin: () => void }[] = [];
  /** How long the jobs waited that have begun. */
  readonly waits = { count: 0, sum: 0, longest: 0 };
  longestQueue = 0;

  constructor(
    private readonly agenda: Agenda,
    private readonly places = 1,
  ) {}

  /** Serves a job that takes so long. `done` gets how long it waited. */
  serve(seconds: number, done: (waited: number) => void = () => undefined): void {
    this.waiting.push({
      since: this.agenda.now,
      begin: () => {
        const waited = this.agenda.now - since;
        this.waits.count += 1;
        this.waits.sum += waited;
        this.waits.longest = Math.max(this.waits.longest, waited);
        this.agenda.after(seconds, () => {
          this.busy -= 1;
          this.beginNext();
          done(waited);
        });
      },
    });
    const { since } = this.waiting.at(-1)!;
    this.beginNext();
    this.longestQueue = Math.max(this.longestQueue, this.waiting.length);
  }

  meanWait(): number {
    return this.waits.count === 0 ? 0 : this.waits.sum / this.waits.count;
  }

  private beginNext(): void {
    if (this.busy >= this.places) return;
    const next = this.waiting.shift();
    if (!next) return;
    this.busy += 1;
    next.begin();
  }
}

/** Lets calls through at a rate, those that have to wait in their order. */
export class RateLimit {
  private next = 0;
  longestWait = 0;

  constructor(
    private readonly agenda: Agenda,
    private readonly perSecond: number,
  ) {}

  /** Calls `done` once so many calls were let through. */
  call(calls: number, done: () => void): void {
    const begin = Math.max(this.agenda.now, this.next);
    this.next = begin + calls / this.perSecond;
    this.longestWait = Math.max(this.longestWait, this.next - this.agenda.now);
    this.agenda.at(this.next, done);
  }
}
