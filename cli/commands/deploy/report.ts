import type { DeployResult } from 'aws-local/internal-api';
import type { RunEvent } from 'aws-local-kit';
import { plural, printable, type Style } from '../../terminal';

export type Changes = Readonly<Record<'create' | 'update' | 'delete', number>>;

const done = { create: 'created', update: 'updated', delete: 'deleted' } as const;

/** Formats an event that ended something; undefined for one that started something. */
export function lineOf(event: RunEvent, style: Style): string | undefined {
  if (event.kind === 'stack') {
    const paint = /FAILED|ROLLBACK/.test(event.status) ? style.yellow : style.bold;
    return `  ${paint(event.status)} ${event.name}`;
  }
  if (event.kind === 'trouble') return `  ${style.yellow('!')} ${printable(`${event.name}: ${event.message}`)}`;
  if (event.kind !== 'resource' || (!event.done && event.error === undefined)) return undefined;
  const what = `${done[event.action].padEnd(7)} ${event.name} ${style.dim(event.type)}`;
  return event.done
    ? `    ${style.green('✔')} ${what}`
    : `    ${style.red('✘')} ${what.replace(done[event.action].padEnd(7), `${event.action} failed:`)}`;
}

/** Counts the completed requests, including those of a rollback and of a cleanup. */
export function changesOf(events: readonly RunEvent[]): Changes {
  const count = (action: string) =>
    events.filter((event) => event.kind === 'resource' && event.done && event.action === action).length;
  return { create: count('create'), update: count('update'), delete: count('delete') };
}

export function resultText({ failures, failedStatus }: DeployResult, changes: Changes, style: Style): string {
  if (failures.length > 0)
    return [
      style.red(style.bold(verdicts[failedStatus ?? ''] ?? 'nothing was changed')),
      ...failures.map(indented),
    ].join('\n');
  const counts = (['create', 'update', 'delete'] as const)
    .filter((action) => changes[action] > 0)
    .map((action) => `${plural(changes[action], 'resource')} ${done[action]}`);
  return style.green(
    counts.length === 0
      ? 'nothing to change: the running environment equals the tree'
      : `deployed: ${counts.join(', ')}`,
  );
}

/** Explains the failed stack's status. */
const verdicts: Readonly<Record<string, string>> = {
  UPDATE_ROLLBACK_COMPLETE: 'failed and rolled back: the environment runs as before',
  ROLLBACK_COMPLETE: 'failed and rolled back: nothing of the new stack is left',
  UPDATE_ROLLBACK_FAILED:
    'failed, and the rollback failed too: correct the cause and deploy again, which finishes the rollback first',
  ROLLBACK_FAILED:
    'failed, and parts of it could not be deleted: correct the cause and deploy again, which deletes them first',
};

const indented = (failure: string) =>
  failure
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `  ${printable(line.trim())}`)
    .join('\n');
