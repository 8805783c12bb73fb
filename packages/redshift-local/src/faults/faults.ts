import { AwsError, type Clock } from 'aws-local-kit';
import { availableState, type ControlPlaneState } from '../control-plane-state';
import type { StatementFaults } from '../data-api/faults';
import { notReached } from '../not-reached';
import type { WarehouseFaultSource } from './source';

/** Injects faults into a warehouse. */
export interface WarehouseFaults {
  /** Hooks for the warehouse. */
  readonly statements: StatementFaults;
  /** Makes the cluster refuse new statements, as a paused one does. Running statements continue. */
  pause(): void;
  /** Puts the cluster into a state. It refuses new statements unless the state's availability is `Available`. */
  enter(state: ControlPlaneState): void;
  /** Makes the cluster available again. */
  resume(): void;
  /** Stops injecting faults into calls, statements and scans. A fault in progress still completes. */
  stop(): void;
  /** Number of statements that wait for the clock before they start. */
  waiting(): number;
}

/** Redshift's message for error 1023. */
export const serializableConflict =
  'ERROR: 1023 DETAIL: Serializable isolation violation on table, transactions forming the cycle are: 1, 2';
export const lostConnection = 'connection to the cluster was lost before the statement ended';

const submissions = ['ExecuteStatement', 'BatchExecuteStatement'];

export function createWarehouseFaults({
  clock,
  source,
}: {
  readonly clock: Clock;
  readonly source: WarehouseFaultSource;
}): WarehouseFaults {
  let stopped = false;
  let state = availableState;
  let waiting = 0;
  /** Ends early when the statement is cancelled. */
  const wait = async (ms: number, signal: AbortSignal) => {
    waiting += 1;
    await new Promise<void>((resolve) => {
      const timer = clock.at(clock.now() + ms, resolve);
      signal.addEventListener('abort', () => {
        timer.cancel();
        resolve();
      });
    });
    waiting -= 1;
  };

  return {
    statements: {
      scan: () => (stopped ? undefined : source.scan?.()),
      interleaving: () => (stopped ? undefined : source.interleaving?.()),
      state: () => state,
      // The lag of system views is a property of the warehouse, not a fault, so `stop` does not end it.
      systemViews: () => source.systemViews?.(),
      raising: () => (source.raising?.() ?? []).map((text) => JSON.stringify(text)),
      async call(operation, run) {
        const fault = stopped ? undefined : source.call(operation);
        if (fault === 'throttle') throw new AwsError('ThrottlingException', 'Rate exceeded');
        if (state.availability !== 'Available' && submissions.includes(operation))
          throw new AwsError('ValidationException', notReached);
        const answer = await run();
        if (fault === 'answer-lost') throw new AwsError('InternalServerException', 'The answer was lost', 500);
        return answer;
      },
      async execute(statement, run) {
        const fault = stopped ? undefined : source.statement(statement.name);
        switch (fault?.kind) {
          case undefined:
            return run();
          case 'slow':
            await wait(fault.ms, statement.signal);
            return run();
          case 'fail':
            return { status: 'FAILED', error: fault.error ?? serializableConflict };
          case 'abort': {
            const at = Math.min(fault.at, statement.count - 1);
            return run((index) => {
              if (index === at) statement.abort();
            });
          }
          case 'answer-lost': {
            const result = await run();
            return result.status === 'FINISHED' ? { status: 'FAILED', error: lostConnection } : result;
          }
        }
      },
    },
    pause() {
      state = { status: 'paused', availability: 'Unavailable' };
    },
    enter(entered) {
      state = entered;
    },
    resume() {
      state = availableState;
    },
    stop() {
      stopped = true;
    },
    waiting: () => waiting,
  };
}
