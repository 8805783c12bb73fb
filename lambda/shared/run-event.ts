import type { StartRun, StatementDone } from '../refresh/contract';
import { asOneOf, asRecord, asText, asTime } from './parse';

/** A tick of the schedule. */
export interface Tick {
  readonly kind: 'tick';
  /** Epoch milliseconds. */
  readonly scheduledTime: number;
}

/** A statement ended. */
export interface Ended {
  readonly kind: 'ended';
  readonly statementName: string;
  readonly statementId: string;
  readonly state: 'FINISHED' | 'FAILED' | 'ABORTED';
}

/** Parses an event of the refresh or the export: the schedule's StartRun or Redshift's StatementDone. Throws on anything else. */
export function parseRunEvent(event: unknown): Tick | Ended {
  const fields = asRecord(event, 'event') as Partial<Record<keyof StartRun | keyof StatementDone, unknown>>;
  if (fields.kind === 'start') return parseTick(event);
  asOneOf(fields.source, ['aws.redshift-data'], 'event.source');
  const detail = asRecord(fields.detail, 'event.detail');
  return {
    kind: 'ended',
    statementName: asText(detail.statementName ?? '', 'event.detail.statementName'),
    statementId: asText(detail.statementId, 'event.detail.statementId'),
    state: asOneOf(detail.state, ['FINISHED', 'FAILED', 'ABORTED'], 'event.detail.state'),
  };
}

/** Parses an event of a function that only has a schedule. Throws on anything but StartRun. */
export function parseTick(event: unknown): Tick {
  const fields = asRecord(event, 'event') as Partial<Record<keyof StartRun, unknown>>;
  asOneOf(fields.kind, ['start'], 'event.kind');
  return { kind: 'tick', scheduledTime: asTime(fields.scheduledTime, 'event.scheduledTime') };
}
