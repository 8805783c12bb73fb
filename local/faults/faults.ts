import type { Kill } from 'aws-local/lambda/kill';
import { AwsError, type Clock } from 'aws-local-kit/ports';
import { availableState, type ControlPlaneState } from 'redshift-local/control-plane-state';
import type { StatementFaults } from 'redshift-local/data-api/faults';
import type { ScanFault } from 'redshift-local/engine/scan-fault';

export type { Kill, ScanFault };

import type { SystemViewLag } from 'redshift-local/engine/session';

/**
 * Between whom a delivery can go wrong: S3 and a queue (`notification`), a queue and a function (`message`: what is lost there comes back
 * when its visibility timeout is over), the event bus and a function (`event`), a schedule and a function (`tick`).
 */
export type DeliveryPoint = 'notification' | 'message' | 'event' | 'tick';

/** When a delivery is made, in milliseconds from now, once for each entry: `[0]` as it should be, `[]` lost, `[0, 0]` doubled, `[86_400_000]` a day late. */
export type Deliveries = readonly number[];

/** What happens to one statement, or batch of statements, of the warehouse. */
export type StatementFault =
  /** Changes nothing and fails: by default with a serializable conflict. */
  | { readonly kind: 'fail'; readonly error?: string }
  /** Is aborted when the statement of this index of the batch begins (0 is the first); one that has fewer is aborted at its last. */
  | { readonly kind: 'abort'; readonly at: number }
  /** Takes effect, but the connection is lost before its end is known: it counts as failed. */
  | { readonly kind: 'answer-lost' }
  /** Begins so much later, by the clock. */
  | { readonly kind: 'slow'; readonly ms: number };

/** What happens to one call of an API: it is refused as too many, or it takes effect and its answer is lost. */
export type CallFault = 'throttle' | 'answer-lost';

/** Decides what goes wrong, one occasion after the other. Undefined: nothing. */
export interface FaultSource {
  delivery(point: DeliveryPoint): Deliveries | undefined;
  /** @param name of the statement, empty when it has none */
  statement(name: string): StatementFault | undefined;
  /** @param operation of the Data API */
  call(operation: string): CallFault | undefined;
  /** Which records the next refresh of a streaming view skips. @default - none */
  scan?(): ScanFault | undefined;
  /**
   * Texts, as attributes of records have them. A record with one of them makes every statement fail that types it, always: this does not stop.
   * @default - none
   */
  raising?(): readonly string[];
  /** @param operation of Kinesis. @default - nothing goes wrong there */
  kinesisCall?(operation: string): CallFault | undefined;
  /** What happens to the next invocation of a function. @default - no function dies */
  kill?(functionName: string): Kill | undefined;
  /** When the warehouse's system views show what a transaction did. @default - at once */
  systemViews?(): SystemViewLag | undefined;
}

/** Makes things go wrong in the twins that ask it. */
export interface Faults {
  readonly deliver: (point: DeliveryPoint) => (send: () => Promise<void>) => Promise<void>;
  readonly statements: StatementFaults;
  /** In place of an operation of Kinesis, whose input is given. */
  readonly kinesis: (operation: string, input: unknown, run: () => unknown) => unknown;
  readonly kill: (functionName: string) => Kill | undefined;
  /** From now on the cluster refuses every statement, as a paused one does. What runs goes on. */
  pause(): void;
  /** From now on the cluster is in another state than `available`: it refuses statements unless its availability says that it takes them. */
  enter(state: ControlPlaneState): void;
  /** The cluster is available. */
  resume(): void;
  /** From now on nothing goes wrong, but for what is under way: late deliveries still come. */
  stop(): void;
  /** Statements that wait for the clock before they begin. */
  waiting(): number;
  /** When the last of the deliveries under way is made, in epoch milliseconds; undefined when there is none. */
  lateUntil(): number | undefined;
}

/** Redshift's words for error 1023. */
export const serializableConflict =
  'ERROR: 1023 DETAIL: Serializable isolation violation on table, transactions forming the cycle are: 1, 2';
export const lostConnection = 'connection to the cluster was lost before the statement ended';

/**
 * What the Data API says of a cluster that it does not reach, as reported in aws/aws-cdk issue 30536. No page says what it answers for a paused one, so the
 * functions must not recognise the words.
 */
export const notReached = "Redshift endpoint doesn't exist in this region.";

const submissions = ['ExecuteStatement', 'BatchExecuteStatement'];

export function createFaults({ clock, source }: { readonly clock: Clock; readonly source: FaultSource }): Faults {
  let stopped = false;
  let state = availableState;
  let waiting = 0;
  const late = new Set<{ readonly at: number }>();
  const later = (ms: number, run: () => void | Promise<void>) => clock.at(clock.now() + ms, run);
  const wait = async (ms: number) => {
    waiting += 1;
    await new Promise<void>((resolve) => later(ms, resolve));
    waiting -= 1;
  };

  return {
    deliver: (point) => async (send) => {
      const deliveries = (stopped ? undefined : source.delivery(point)) ?? [0];
      for (const ms of deliveries)
        if (ms === 0) await send();
        else {
          const delivery = { at: clock.now() + ms };
          late.add(delivery);
          later(ms, () => {
            late.delete(delivery);
            return send();
          });
        }
    },
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
    async kinesis(operation, input, run) {
      const fault = stopped ? undefined : source.kinesisCall?.(operation);
      if (fault === 'throttle') return throttledKinesis(operation, input);
      const answer = await run();
      if (fault === 'answer-lost') throw new AwsError('InternalFailureException', 'The answer was lost', 500);
      return answer;
    },
    kill: (functionName) => (stopped ? undefined : source.kill?.(functionName)),
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
    lateUntil: () => (late.size === 0 ? undefined : Math.max(...[...late].map(({ at }) => at))),
  };
}

/** PutRecords refuses record by record, in an answer that is no error (Kinesis API reference). */
function throttledKinesis(operation: string, input: unknown): unknown {
  const ErrorCode = 'ProvisionedThroughputExceededException';
  const ErrorMessage = 'Rate exceeded';
  const { Records } = (input ?? {}) as { Records?: unknown };
  if (operation !== 'PutRecords' || !Array.isArray(Records)) throw new AwsError(ErrorCode, ErrorMessage);
  return { FailedRecordCount: Records.length, Records: Records.map(() => ({ ErrorCode, ErrorMessage })) };
}
