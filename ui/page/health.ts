import type { Snapshot } from '../api';
import { plural } from './format';

export interface Health {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly text: string;
}

/** Parts without which nobody can say that all is well. */
const needed = ['warehouse', 'alarms', 'runs', 'streams'];

/** @param problem why there is no newer snapshot */
export function healthOf(state: Snapshot | undefined, problem: string | undefined): Health {
  if (problem !== undefined) return { tone: 'warn', text: 'not known' };
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
  if (needed.some((part) => isUnread(part, state.problems ?? []))) return { tone: 'warn', text: 'not known' };
  return { tone: 'good', text: state.catchingUp ? 'catching up' : 'healthy' };
}

/** True if the counts are those of before a problem. */
export const isOld = (state: Snapshot | undefined, problem: string | undefined): boolean =>
  problem !== undefined || isUnread('warehouse', state?.problems ?? []);

/** @param problems their parts are lists: `warehouse, alarms` */
const isUnread = (part: string, problems: NonNullable<Snapshot['problems']>) =>
  problems.some((one) => one.part.split(', ').includes(part));

/** `the warehouse is paused until 06:00 UTC`. */
function pausedText({ pausedUntil }: Snapshot): string {
  const until = pausedUntil === undefined ? '' : ` until ${new Date(pausedUntil).toISOString().slice(11, 16)} UTC`;
  return `the warehouse is paused${until}`;
}
