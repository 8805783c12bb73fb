import { createInterleaver, type Interleaver } from 'redshift-local';
import type { Step } from '../../../lambda/shared/plan';
import { isPassing, maxAttempts } from '../../../lambda/shared/warehouse';
import type { TestWarehouse } from '../../sql/warehouse';
import { needsRebuild, wrongRows } from './checks';
import { type PartyName, type PartyStep, parties } from './parties';
import { makeWorld } from './world';

export const isolations = ['snapshot', 'serializable'] as const;
export const snapshotTimes = ['before-wait', 'after-wait'] as const;

/** Functions that run side by side, and the order of their statements. */
export interface Interleaved {
  readonly isolation: (typeof isolations)[number];
  /** Whether a snapshot is taken before or after its statement has waited for a lock. AWS does not document which. */
  readonly snapshots: (typeof snapshotTimes)[number];
  readonly parties: readonly PartyName[];
  /**
   * Whose turn it is, by index in `parties`: one entry for each statement. A turn of a party that has ended is skipped. If
   * the party waits for a lock, it is the turn of the next one that can go on. After the last entry it is always the turn
   * of the last party.
   */
  readonly turns: readonly number[];
  /** @default - every party lives */
  readonly kills?: readonly PartyKill[];
}

/** Ends a party between two of its statements, or while it waits for a lock. Its open transaction is rolled back. */
export interface PartyKill {
  /** Index in `parties`. If the party has ended, or has not begun, nothing happens. */
  readonly party: number;
  /** Turns of all parties before. */
  readonly turn: number;
  /** Whether the party goes on with the same transaction, as a tick or a queue lets a function do. */
  readonly again: boolean;
}

/** Changes a step of a party, to show that the checks notice. */
export type WeakenParty = (name: PartyName, step: Step, isLast: boolean) => Step;

export interface Played {
  /** What is wrong with the rows, and transactions that failed for good. */
  readonly problems: readonly string[];
  /** Errors of transactions that were retried. */
  readonly conflicts: readonly string[];
  /** Turns that were taken. */
  readonly turns: number;
  /** Turns that went to another party than the turn before. */
  readonly switches: number;
  /** Parties that were killed. */
  readonly killed: number;
}

/** Between two statements, so that times tell which was first. */
const minutesPerTurn = 1 / 60;

/** Plays the parties on a new warehouse, as their functions do: a conflict is retried. Then checks all rows. */
export async function playInterleaved(
  { isolation, snapshots, parties: names, turns, kills = [] }: Interleaved,
  weaken: WeakenParty = (_, step) => step,
): Promise<Played> {
  const world = await makeWorld(names.some((name) => needsRebuild.includes(name)));
  const { warehouse } = world;
  try {
    await warehouse.isolate(isolation);
    const order = createInterleaver(({ name }) => name !== '', snapshots);
    const played: { problems: string[]; conflicts: string[] } = { problems: [], conflicts: [] };
    const made: PartyStep[][] = [];
    for (const name of names) made.push([...(await parties[name].make(world))]);
    warehouse.order.by = order;
    const running = made.map((steps, index) => {
      const weakened = steps.map(({ step, values }, i) => ({
        step: weaken(names[index]!, step, i === steps.length - 1),
        values,
      }));
      return new Running(warehouse, `${index}`, weakened, played);
    });
    const counts = await takeTurns(order, running, { turns, kills }, () => warehouse.pass(minutesPerTurn));
    warehouse.order.by = undefined;
    played.problems.push(...(await wrongRows(world, names)));
    return { ...played, ...counts };
  } finally {
    warehouse.order.by = undefined;
    warehouse.dispose();
  }
}

/** A party at work. */
class Running {
  hasEnded = false;
  readonly end: Promise<void>;
  private attempt: { readonly stop: AbortController; readonly end: Promise<unknown> } | undefined;
  private goesOn = true;

  constructor(
    private readonly warehouse: TestWarehouse,
    /** The name of its statements. */
    readonly name: string,
    private readonly steps: readonly PartyStep[],
    private readonly played: { readonly problems: string[]; readonly conflicts: string[] },
  ) {
    this.end = this.run().finally(() => {
      this.hasEnded = true;
    });
  }

  private async run(): Promise<void> {
    for (const { step, values } of this.steps)
      for (let attempt = 1; this.goesOn; ) {
        const stop = new AbortController();
        const end = this.warehouse.attempt(this.name, step, values, stop.signal);
        this.attempt = { stop, end };
        const { status, error = status } = await end;
        if (status === 'FINISHED') break;
        if (stop.signal.aborted) continue;
        this.played.conflicts.push(error);
        attempt += 1;
        if (isPassing({ error }) && attempt <= maxAttempts) continue;
        this.played.problems.push(`${step.name} failed: ${error}`);
        return;
      }
  }

  /** Resolves when the transaction is rolled back and its locks are free. */
  async kill(again: boolean): Promise<void> {
    const { stop, end } = this.attempt!;
    this.goesOn &&= again;
    stop.abort();
    await end;
    // Those that waited for its locks come to their boundaries first.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets one statement go on after the other, until all parties have ended. */
async function takeTurns(
  order: Interleaver,
  running: readonly Running[],
  { turns, kills }: Required<Pick<Interleaved, 'turns' | 'kills'>>,
  between: () => void,
): Promise<Pick<Played, 'turns' | 'switches' | 'killed'>> {
  const left = [...turns];
  let last: string | undefined;
  let switches = 0;
  let killed = 0;
  for (let turn = 0; ; turn += 1) {
    for (const { party, again } of kills.filter((kill) => kill.turn === turn)) {
      await allArrived(order, running);
      const victim = running[party];
      if (!victim || victim.hasEnded) continue;
      await victim.kill(again);
      killed += 1;
    }
    const live = await allArrived(order, running);
    if (live.length === 0) return { turns: turn, switches, killed };
    while (left.length > 0 && running[left[0]! % running.length]!.hasEnded) left.shift();
    const wanted = left.shift() ?? running.length - 1;
    const inTurn = running.map((_, i) => running[(wanted + i) % running.length]!.name);
    const ready = new Map(order.ready.map(({ name, transaction }) => [name, transaction]));
    const next = inTurn.find((name) => ready.has(name));
    if (next === undefined) throw new Error(`nobody can go on: ${JSON.stringify(order.blocked)} wait for locks`);
    if (last !== undefined && last !== next) switches += 1;
    last = next;
    between();
    await order.step(ready.get(next)!);
  }
}

/** Waits until each party is before a statement, waits for a lock, or has ended. Returns those that have not ended. */
async function allArrived(order: Interleaver, running: readonly Running[]): Promise<readonly Running[]> {
  for (;;) {
    const live = running.filter(({ hasEnded }) => !hasEnded);
    if (live.length === 0 || order.ready.length + order.blocked.length >= live.length) return live;
    await Promise.race([order.arrived(live.length), ...live.map(({ end }) => end)]);
  }
}
