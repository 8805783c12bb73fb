import { isTerminal, type Warehouse, waitFor } from '../shared/warehouse';

export interface OthersHost {
  readonly subject: string;
  readonly warehouse: Warehouse;
  /** What the names of all statements about this object begin with, of those of this stack, and of those of this request. */
  readonly prefixes: { readonly object: string; readonly stack: string; readonly request: string };
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** No request waits longer for its statements. */
  readonly limitMs: number;
  readonly remainingMs: () => number;
}

/**
 * Sees to it that nobody else is at work on the object. What an earlier request of the same stack left running is cancelled: CloudFormation has
 * given that request up, since it makes one change of a stack at a time. What another stack has running is none of ours to end.
 * @throws Error when another stack is at work, before anything is done
 */
export async function clearTheWay(host: OthersHost): Promise<void> {
  const { subject, warehouse, prefixes, now, limitMs, remainingMs } = host;
  const active = (await warehouse.list(prefixes.object)).filter(
    ({ name, status }) => !isTerminal(status) && !name.startsWith(prefixes.request),
  );
  const foreign = active.find(
    ({ name, createdAt }) => !name.startsWith(prefixes.stack) && now() <= createdAt + limitMs,
  );
  if (foreign)
    throw new Error(
      `${subject}: another stack has a statement active on it since ${new Date(foreign.createdAt).toISOString()}: ${foreign.name} (${foreign.id}). Wait until it has ended, and deploy again`,
    );
  for (const { id } of active) await warehouse.cancel(id);
  for (const { id } of active) await waitFor(warehouse, id, remainingMs);
}
