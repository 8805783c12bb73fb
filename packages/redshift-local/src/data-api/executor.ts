import type { Clock, EventBusPort } from 'aws-local-kit';
import type { Engine, HeldSession, RunRequest, RunResult } from '../engine/engine';
import { errorText } from '../engine/errors';
import type { StatementFaults } from './faults';
import { retentionMs } from './journal';
import { isTerminal, type StatementRecord } from './records';
import type { ResultFiles, ResultWriter } from './results';
import type { StatementStore } from './store';

/** Where a statement runs. */
export interface DatabaseConnection {
  readonly engine: Engine;
  /** Connects to the database. Returns undefined if it accepts the user, and its error message otherwise. */
  connect(signal: AbortSignal): Promise<string | undefined>;
  readonly held?: HeldSession;
  /** Called when the statement has ended, before anything that waits for it continues. */
  readonly onEnd?: () => void;
}

/** Runs submitted statements, updates their status and publishes their end to the event bus. */
export class Executor {
  private readonly running = new Map<string, AbortController>();
  private readonly work = new Set<Promise<void>>();

  constructor(
    private readonly store: StatementStore,
    private readonly clock: Clock,
    private readonly bus: EventBusPort,
    private readonly results: ResultFiles,
    private readonly faults?: StatementFaults,
  ) {}

  start(record: StatementRecord, connection: DatabaseConnection): void {
    const controller = new AbortController();
    this.running.set(record.id, controller);
    const done = this.execute(record, connection, controller.signal).finally(() => {
      this.running.delete(record.id);
      this.work.delete(done);
    });
    this.work.add(done);
  }

  cancel(record: StatementRecord): void {
    this.running.get(record.id)?.abort(new Error('the statement was cancelled'));
  }

  /** Cancels all statements and waits until they have ended. */
  async stop(): Promise<void> {
    for (const controller of this.running.values()) controller.abort(new Error('the warehouse is stopping'));
    await Promise.all(this.work);
  }

  private async execute(record: StatementRecord, connection: DatabaseConnection, signal: AbortSignal): Promise<void> {
    // The submission is answered before the statement is picked.
    await new Promise((resolve) => setImmediate(resolve));
    const started = performance.now();
    try {
      if (signal.aborted) return this.end(record, connection, 'ABORTED', started);
      record.status = 'PICKED';
      const refusal = await connection.connect(signal);
      if (refusal !== undefined) return this.end(record, connection, 'FAILED', started, refusal);
      const result = await this.faulty(record, signal, (onStart) =>
        connection.engine.run({ ...this.request(record, signal, onStart), held: connection.held }),
      );
      this.end(record, connection, result.status, started, result.error);
    } catch (error) {
      this.end(
        record,
        connection,
        signal.aborted ? 'ABORTED' : 'FAILED',
        started,
        signal.aborted ? undefined : errorText(error),
      );
    }
  }

  private request(record: StatementRecord, signal: AbortSignal, onStart?: (index: number) => void): RunRequest {
    const writers = new Map<number, ResultWriter>();
    const { members, parameters } = record;
    return {
      sqls: members.map((member) => member.sql),
      mode: record.mode,
      tag: record.id,
      name: record.name,
      user: record.dbUser,
      parameters: parameters && Object.fromEntries(parameters.map(({ name, value }) => [name, value])),
      signal,
      sinkOf: (index) => {
        const writer = this.results.writer(record.id, index, signal);
        writers.set(index, writer);
        return writer;
      },
      onStart: (index) => {
        onStart?.(index);
        record.status = 'STARTED';
        record.updatedMs = this.clock.now();
        const member = members[index]!;
        member.status = 'STARTED';
        member.updatedMs = record.updatedMs;
      },
      onEnd: (index, outcome) => {
        const member = members[index]!;
        if (outcome.status === 'FINISHED' && outcome.result) member.result = writers.get(index)!.end(outcome.result);
        else writers.get(index)?.discard();
        member.status = outcome.status;
        member.updatedMs = this.clock.now();
        member.durationMs = outcome.durationMs;
        member.queryId = outcome.queryId;
        if (outcome.status === 'FAILED') member.error = outcome.error;
        if (outcome.status === 'FINISHED') member.rows = outcome.rows;
      },
    };
  }

  private faulty(
    record: StatementRecord,
    signal: AbortSignal,
    run: (onStart?: (index: number) => void) => Promise<RunResult>,
  ): Promise<RunResult> {
    if (!this.faults) return run();
    const { name = '', members } = record;
    return this.faults.execute({ name, count: members.length, abort: () => this.cancel(record), signal }, run);
  }

  private end(
    record: StatementRecord,
    connection: DatabaseConnection,
    status: 'FINISHED' | 'FAILED' | 'ABORTED',
    started: number,
    error?: string,
  ): void {
    record.status = status;
    record.error = error;
    record.updatedMs = this.clock.now();
    record.durationMs = performance.now() - started;
    for (const member of record.members) {
      if (isTerminal(member.status)) continue;
      member.status = status === 'FINISHED' ? 'FINISHED' : 'ABORTED';
      if (!record.batch) Object.assign(member, { status, error });
    }
    connection.onEnd?.();
    this.store.update(record, () => connection.engine.done.forget(record.id));
    if (record.withEvent) this.publish(record);
  }

  /** Publishes an event as in the Redshift management guide, "Monitoring events for the Amazon Redshift Data API". */
  private publish(record: StatementRecord): void {
    const only = record.batch ? undefined : record.members[0];
    this.bus.publish({
      source: 'aws.redshift-data',
      'detail-type': 'Redshift Data Statement Status Change',
      resources: [record.warehouse.arn],
      detail: {
        principal: record.principal.arn,
        statementName: record.name ?? '',
        statementId: record.id,
        redshiftQueryId: only?.queryId ?? -1,
        state: record.status,
        rows: only?.rows ?? 0,
        expireAt: Math.floor((record.createdMs + retentionMs) / 1000),
      },
    });
  }
}
