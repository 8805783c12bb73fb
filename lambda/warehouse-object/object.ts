import { atMost, type RemainingMs } from '../shared/deadline';
import { isPassing, isTerminal, StatementError, WarehouseAsleepError } from '../shared/warehouse';
import { whenAwake } from './awake';
import { Group, type ObjectCall } from './call';
import { checkCreated, createOrUpdate } from './create';
import type { ObjectHost } from './host';
import { checkBefore } from './precheck';
import { remove } from './remove';
import { type ObjectRequest, parseRequest } from './request';
import { Deadline } from './steps';

/** Longest time in one call. The provider framework calls isComplete again, so a call need not wait longer. */
const maxCallMs = 50_000;

/**
 * The custom resource's first call. It returns the physical id and changes nothing. It refuses requests that cannot succeed, because a Create that
 * fails here has no physical id: its rollback does not delete the object that existed before.
 */
export const onEventFunction =
  (host: ObjectHost) =>
  async (event: unknown, remainingMs: RemainingMs): Promise<{ PhysicalResourceId: string }> => {
    const { physicalId, requests } = parseRequest(event, host.texts);
    await whenAwake(host, remainingMs, async () => {
      const call = newCall(host, remainingMs, requests);
      for (const request of requests) await checkBefore({ ...call, request });
    });
    return { PhysicalResourceId: physicalId };
  };

/**
 * Called every few seconds until it returns true. Each call runs the object's statements as far as time allows. A statement that fails throws, and
 * that fails the deployment.
 */
export const isCompleteFunction =
  (host: ObjectHost) =>
  async (event: unknown, remainingMs: RemainingMs): Promise<{ IsComplete: boolean }> => {
    const { type, requests } = parseRequest(event, host.texts);
    const call = newCall(host, remainingMs, requests);
    const work = type === 'Delete' ? remove : createOrUpdate;
    try {
      for (const request of requests)
        if ((await work({ ...call, request })) === 'waiting') return { IsComplete: false };
      await checkCreated(call);
      return { IsComplete: true };
    } catch (error) {
      if (!mayBeRetried(host, error)) throw error;
      return { IsComplete: false };
    }
  };

const newCall = (
  host: ObjectHost,
  remainingMs: RemainingMs,
  requests: readonly ObjectRequest[],
): Omit<ObjectCall, 'request'> => ({
  ...host,
  group: new Group(requests.map(({ object }) => object)),
  deadline: new Deadline(host.now, host.limitMs),
  remainingMs: atMost(maxCallMs, remainingMs),
});

/**
 * True where the warehouse is coming back, and for a query that is still running or failed with a passing error. The next isComplete call retries it,
 * until CloudFormation's timeout.
 */
function mayBeRetried({ log }: ObjectHost, error: unknown): boolean {
  if (error instanceof WarehouseAsleepError && error.returning) {
    log('the warehouse is coming back, waiting', { error: error.message });
    return true;
  }
  if (!(error instanceof StatementError)) return false;
  const { statementName, state } = error;
  if (isTerminal(state.status) && !isPassing(state)) return false;
  log('a query has no answer yet', { statement: statementName, status: state.status, error: state.error });
  return true;
}
