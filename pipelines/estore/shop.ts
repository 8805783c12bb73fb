import { createRandom, type Random } from '../generator/random';

/** Actions of customers, in the order in which they are possible. */
export const actions = ['view', 'cart', 'uncart', 'purchase', 'return'] as const;
export type Action = (typeof actions)[number];

export interface ShopEvent {
  /** 0 to 499. */
  readonly customer: number;
  /** 0 to 499. */
  readonly product: number;
  readonly action: Action;
  /** Epoch seconds. */
  readonly second: number;
}

export const CUSTOMERS = 500;
export const PRODUCTS = 500;

/** 100 visits are 65 views, 15 carts, 5 uncarts, 10 purchases and 5 returns, as in Tinybird's materialized views workshop. */
const WEIGHTS: readonly (readonly [Action, number])[] = [
  ['view', 65],
  ['cart', 80],
  ['uncart', 85],
  ['purchase', 95],
  ['return', 100],
];

/** A late visit is a multiple of 121 minutes old, so that no two multiples share a minute. */
const LATE_STEP_SECONDS = 121 * 60;
const LATE_STEPS = 3;
/**
 * Punctual events use seconds 0 to 49 of a minute. Late events use a second of their batch above those, so the two
 * never coincide.
 */
const PUNCTUAL_SECONDS = 50;

/** Prices in cents, fixed for a seed: 1.00 to 500.00. */
export function prices(seed: string): readonly number[] {
  const random = createRandom(`${seed}/prices`);
  return Array.from({ length: PRODUCTS }, () => 100 + random.below(49_901));
}

const VIEWED = 1;
const CARTED = 2;
const BOUGHT = 4;

/** The products that one customer viewed, has in the cart and bought. Each list holds a product once. */
class Customer {
  private readonly flags = new Uint8Array(PRODUCTS);
  private readonly lists: Record<number, number[]> = { [VIEWED]: [], [CARTED]: [], [BOUGHT]: [] };

  add(list: number, product: number): void {
    if ((this.flags[product]! & list) !== 0) return;
    this.flags[product]! |= list;
    this.lists[list]!.push(product);
  }

  /** A product of the list. Undefined if the list is empty. */
  pick(list: number, random: Random): { index: number; product: number } | undefined {
    const products = this.lists[list]!;
    if (products.length === 0) return undefined;
    const index = random.below(products.length);
    return { index, product: products[index]! };
  }

  removeAt(list: number, index: number): void {
    const products = this.lists[list]!;
    this.flags[products[index]!]! &= ~list;
    products[index] = products[products.length - 1]!;
    products.pop();
  }
}

export interface Visit {
  /** Name of the random sequence. */
  readonly seed: string;
  readonly batch: number;
  /** Epoch milliseconds, whole minutes, `to` exclusive. At most two hours apart if `late` is above 0. */
  readonly from: number;
  readonly to: number;
  readonly events: number;
  /** Share of the events that belong to late visits. */
  readonly late: number;
}

/**
 * Yields exactly `events` events, ordered by time except for the late ones. No two share customer, product, action
 * and second. In a late visit the customer's device was offline: its view, cart and purchase of one product all
 * arrive hours after they happened.
 */
export function* visits(options: Visit): Generator<ShopEvent> {
  const random = createRandom(options.seed);
  const customers = Array.from({ length: CUSTOMERS }, () => new Customer());
  const taken = new Taken();
  const takenLate = new Taken();
  const fromSecond = options.from / 1000;
  const seconds = options.to / 1000 - fromSecond;
  const lateSecond = PUNCTUAL_SECONDS + (options.batch % (60 - PUNCTUAL_SECONDS));
  // A late visit has two events on average.
  const lateChance = options.late / 2;
  for (let sent = 0; sent < options.events; ) {
    const second = punctual(fromSecond + Math.floor((sent * seconds) / options.events));
    if (lateChance > 0 && random.chance(lateChance)) {
      const late = lateVisit(random, takenLate, second, lateSecond);
      for (const event of late) {
        if (sent++ < options.events) yield event;
      }
      continue;
    }
    const customer = random.below(CUSTOMERS);
    const event = act(customers[customer]!, customer, second, random, taken);
    if (event === undefined) continue;
    sent++;
    yield event;
  }
}

/** Maps a second of the minute to 0 to 49, keeping the order. */
function punctual(second: number): number {
  const ofMinute = second % 60;
  return second - ofMinute + Math.floor((ofMinute * PUNCTUAL_SECONDS) / 60);
}

/**
 * One action of a customer. Undefined if the same event already happened in this second. An action that is not
 * possible is replaced by an earlier one, in the end by a view.
 */
function act(state: Customer, customer: number, second: number, random: Random, taken: Taken): ShopEvent | undefined {
  const draw = random.below(100);
  let action = WEIGHTS.find(([, below]) => draw < below)![0];
  let found: { index: number; product: number } | undefined;
  if (action === 'return') found = state.pick(BOUGHT, random);
  else if (action === 'uncart') found = state.pick(CARTED, random);
  else if (action === 'purchase') {
    found = state.pick(CARTED, random);
    if (found === undefined) action = 'cart';
  }
  if (action === 'cart') found = state.pick(VIEWED, random);
  if (found === undefined) action = 'view';
  const product = found?.product ?? random.below(PRODUCTS);
  if (!taken.add(second, identity(customer, product, action))) return undefined;
  if (action === 'view') state.add(VIEWED, product);
  else if (action === 'cart') state.add(CARTED, product);
  else if (action === 'return') state.removeAt(BOUGHT, found!.index);
  else state.removeAt(CARTED, found!.index);
  if (action === 'purchase') state.add(BOUGHT, product);
  return { customer, product, action, second };
}

function lateVisit(random: Random, taken: Taken, second: number, lateSecond: number): ShopEvent[] {
  const customer = random.below(CUSTOMERS);
  const product = random.below(PRODUCTS);
  const step = 1 + random.below(LATE_STEPS);
  const length = 1 + random.below(3);
  const minute = second - (second % 60);
  if (!taken.add(minute, identity(customer, product, 'view') * (LATE_STEPS + 1) + step)) return [];
  const begin = minute - step * LATE_STEP_SECONDS + lateSecond;
  return (['view', 'cart', 'purchase'] as const)
    .slice(0, length)
    .map((action, index) => ({ customer, product, action, second: begin + index * 60 }));
}

function identity(customer: number, product: number, action: Action): number {
  return (customer * PRODUCTS + product) * actions.length + actions.indexOf(action);
}

/** Holds the identities of the current second only, since time never goes back. So memory stays constant. */
class Taken {
  private moment = Number.NEGATIVE_INFINITY;
  private readonly identities = new Set<number>();

  /** False if this second already has the identity. */
  add(moment: number, identity: number): boolean {
    if (moment !== this.moment) {
      this.moment = moment;
      this.identities.clear();
    }
    if (this.identities.has(identity)) return false;
    this.identities.add(identity);
    return true;
  }
}
