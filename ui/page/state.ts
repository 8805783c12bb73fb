import { computed, effect, signal } from '@preact/signals';
import type { Activity, Snapshot } from '../api';
import { call, follow, takeToken } from './client';
import { healthOf, isOld } from './health';

const KEPT_ACTIVITIES = 200;

export const snapshot = signal<Snapshot | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);
export const activities = signal<readonly Activity[]>([]);
export const connection = signal<'connecting' | 'live' | 'lost' | 'locked'>('connecting');
/** `#/why/<argument>` */
export const route = signal<{ view: string; argument: string }>({ view: 'flow', argument: '' });
/** The runtime's clock now: it goes on between two snapshots. */
export const now = signal(0);

let heardAt = performance.now();

export const health = computed(() => healthOf(snapshot.value, problem.value));
/** True if the counts are those of before a problem. */
export const hasOldCounts = computed(() => isOld(snapshot.value, problem.value));

function readRoute(): void {
  const [, view = 'flow', argument = ''] = /^#\/([\w-]+)(?:\/(.*))?$/.exec(location.hash) ?? [];
  route.value = { view, argument: decoded(argument) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const linkTo = (view: string, argument = '') =>
  `#/${view}${argument === '' ? '' : `/${encodeURIComponent(argument)}`}`;

export function start(): void {
  takeToken();
  readRoute();
  addEventListener('hashchange', () => {
    takeToken();
    readRoute();
  });
  void follow({
    message(message) {
      if (message.snapshot !== undefined) {
        heardAt = performance.now();
        snapshot.value = message.snapshot;
        now.value = message.snapshot.now;
      }
      if (message.snapshot !== undefined || message.problem !== undefined) problem.value = message.problem;
      if (message.activity !== undefined)
        activities.value = [...activities.value, ...message.activity].slice(-KEPT_ACTIVITIES);
    },
    state(state) {
      connection.value = state;
    },
    // A look at an environment in AWS costs something, so nobody looks for a page that nobody sees.
    rests: () => document.hidden && snapshot.peek()?.pace !== undefined,
  });
  setInterval(tick, 1000);
  effect(() => {
    const name = snapshot.value?.environment;
    document.title = name === undefined ? 'Millrace' : `${health.value.text} · ${name} · Millrace`;
  });
}

/** Asks for a look at an environment in AWS now. */
export const lookNow = () => call('/api/look', {}).catch(() => {});

function tick(): void {
  const state = snapshot.value;
  if (state === undefined || state.catchingUp || connection.value !== 'live' || document.hidden) return;
  now.value = state.now + (performance.now() - heardAt) * state.clockRate;
}
