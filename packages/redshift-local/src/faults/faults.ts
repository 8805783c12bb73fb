import { AwsError, type Clock } from 'aws-local-kit';
import { availableState, type ControlPlaneState } from '../control-plane-state';
import type { StatementFaults } from '../data-api/faults';
import type { WarehouseFaultSource } from './source';

/** Makes things go wrong in a warehouse. */
export interface WarehouseFaults {
  /** For the warehouse. */
  readonly statements: StatementFaults;
  /** From now on the cluster refuses every statement, as a paused one does. What runs goes on. */
  pause(): void;
  /** From now on the cluster is in another state than `available`: it refuses statements unless its availability says that it takes them. */
  enter(state: ControlPlaneState): void;
  /** The cluster is available. */
  resume(): void;
  /** From now on nothing goes wrong, but for what is under way. */
  stop(): void;
  /** Statements that wait for the clock before they begin. */
  waiting(): number;
}

/** Redshift's words for error 1023. */
export const serializableConflict =
  'ERROR: 1023 DETAIL: Serializable isolation violation on table, transactions forming the cycle are: 1, 2';
export const lostConnection = 'connection to the cluster was lost before the statement ended';

/**
 * What the Data API says of a cluster that it does not reach, as reported in aws/aws-cdk issue 30536. No page says what it answers for a paused one, so
 * callers must not recognise the words.
 */
export const notReached = "Redshift endpoint doesn't exist in this region.";

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
  const wait = async (ms: number) => {
    waiting += 1;
    await new Promise<void>((resolve) => clock.at(clock.now() + ms, resolve));
    waiting -= 1;
  };

  return {
    statements: {
      scan: () => (stopped ? undefined : source.scan?.()),
      state: () => state,
      // Not an accident but how the warehouse is: it does not stop.
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
            await wait(fault.ms);
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
