import { computed, effect, signal } from '@preact/signals';
import type { Activity, Snapshot } from '../api';
import { call, follow, takeToken } from './client';
import { plural } from './format';

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

export const health = computed((): { tone: 'good' | 'warn' | 'bad'; text: string } => {
  const state = snapshot.value;
  if (problem.value !== undefined) return { tone: 'warn', text: 'not known' };
  if (state === undefined) return { tone: 'warn', text: 'connecting' };
  if (state.pipelines.length === 0 && state.problems?.length) return { tone: 'warn', text: 'not known' };
  const missing = state.counts.produced - state.counts.terms.reduce((sum, { records }) => sum + records, 0);
  if (!state.counts.balanced || state.pipelines.some(({ counts }) => !counts.balanced))
    return {
      tone: 'bad',
      text:
        missing === 0
          ? 'counts of a pipeline differ'
          : `${plural(Math.abs(missing), 'record')} ${missing > 0 ? 'missing' : 'too many'}`,
    };
  if (state.alarms.length > 0)
    return {
      tone: 'bad',
      text: state.alarms.length === 1 ? state.alarms[0]!.heading : `${state.alarms.length} alarms`,
    };
  if (state.warehouse === 'paused') return { tone: 'warn', text: pausedText(state) };
  const nodes = state.pipelines.flatMap((pipeline) => [
    ...pipeline.nodes,
    ...pipeline.views,
    ...pipeline.exports,
    ...pipeline.endpoints,
  ]);
  if (nodes.some((node) => node.state === 'failed')) return { tone: 'bad', text: 'something failed' };
  if (nodes.some((node) => node.state === 'late')) return { tone: 'warn', text: 'a refresh is late' };
  return { tone: 'good', text: state.catchingUp ? 'catching up' : 'healthy' };
});

/** `the warehouse is paused until 06:00 UTC`. */
function pausedText({ pausedUntil }: Snapshot): string {
  const until = pausedUntil === undefined ? '' : ` until ${new Date(pausedUntil).toISOString().slice(11, 16)} UTC`;
  return `the warehouse is paused${until}`;
}

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
