import type { ClusterPause, PauseEvent } from 'redshift-local';
import type { Style } from '../../terminal';

/** `06:00 UTC`, or `2026-11-30 06:00 UTC` if that is another day. */
export function timeText(time: number, now: number): string {
  const [day, clock] = new Date(time).toISOString().slice(0, 16).split('T') as [string, string];
  return `${day === new Date(now).toISOString().slice(0, 10) ? '' : `${day} `}${clock} UTC`;
}

export const nextPauseText = (time: number, now: number) =>
  `the schedule of the environment pauses the cluster at ${timeText(time, now)}`;

/** One line about a pause or its end. */
export function pauseText(
  { action, scheduled, error }: PauseEvent,
  { pause, now }: { readonly pause: ClusterPause; now(): number },
  style: Style,
): string {
  const at = style.dim(new Date(now()).toISOString().slice(11, 19));
  const by = scheduled ? ' by its schedule' : '';
  if (error !== undefined) return `${at}  ${style.yellow('!')} the cluster could not ${action}${by}: ${error}`;
  if (action === 'resume')
    return `${at}  ${style.green('✔')} the cluster is resumed${by}: the next refresh reads what waited`;
  const until = pause.next('resume');
  const end = until === undefined ? '' : ` until ${timeText(until, now())}`;
  return `${at}  ${style.yellow('!')} the cluster is paused${by}${end}: records wait on the streams; \`npx millrace resume\` resumes it now`;
}
