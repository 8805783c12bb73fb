import { randomUUID } from 'node:crypto';
import type { Principal } from 'aws-local-kit';
import type { StoredResult } from './results';

/** Format of a result's rows. */
export type ResultFormat = 'JSON' | 'CSV';

export type Status = 'SUBMITTED' | 'PICKED' | 'STARTED' | 'FINISHED' | 'FAILED' | 'ABORTED';

export interface SqlParameter {
  readonly name: string;
  readonly value: string;
}

/** One SQL text and its outcome: a single statement, or a member of a batch. */
export interface SubStatement {
  readonly sql: string;
  status: Status;
  error?: string;
  updatedMs: number;
  durationMs: number;
  queryId: number;
  /** Number of rows, -1 if there is nothing to count. */
  rows: number;
  result?: StoredResult;
}

/** A submission and its state. */
export interface StatementRecord {
  readonly id: string;
  readonly warehouse: WarehouseTarget;
  readonly database: string;
  readonly dbUser: string;
  readonly secretArn?: string;
  readonly principal: Principal;
  readonly name?: string;
  readonly batch: boolean;
  readonly mode: 'transaction' | 'auto-commit';
  readonly parameters?: readonly SqlParameter[];
  readonly withEvent: boolean;
  readonly resultFormat: ResultFormat;
  readonly clientToken?: string;
  readonly sessionId?: string;
  /** Hash of the client's request, without its token and waiting time. */
  readonly fingerprint: string;
  readonly createdMs: number;
  readonly pid: number;
  updatedMs: number;
  status: Status;
  error?: string;
  durationMs: number;
  readonly members: readonly SubStatement[];
}

/** What a search for statements asks of each. Memory keeps it of every statement; the journal has the rest. */
export type StatementSummary = Pick<
  StatementRecord,
  'id' | 'warehouse' | 'database' | 'principal' | 'name' | 'clientToken' | 'createdMs' | 'status'
> & {
  /** Number of members. */
  readonly statements: number;
};

export const summaryOf = (record: StatementRecord): StatementSummary => ({
  id: record.id,
  warehouse: record.warehouse,
  database: record.database,
  principal: record.principal,
  name: record.name,
  clientToken: record.clientToken,
  createdMs: record.createdMs,
  status: record.status,
  statements: record.members.length,
});

export type WarehouseTarget = { readonly kind: 'cluster' | 'workgroup'; readonly name: string; readonly arn: string };

export const isTerminal = (status: Status): boolean =>
  status === 'FINISHED' || status === 'FAILED' || status === 'ABORTED';

export const newStatementId = (): string => randomUUID();

/** Returns a statement's owner: the role that submitted it, whatever the session. */
export const ownerOf = (principal: Principal): string => principal.roleArn ?? principal.arn;
