import { asOneOf, asRecord, asText, asTime } from '../shared/parse';
import { type Ended, parseRunEvent, type Tick } from '../shared/run-event';

/** What an operator asks for. */
export interface Request {
  readonly kind: 'request';
  readonly export: string;
  /** Epoch milliseconds: the moment by which it is decided what is due. */
  readonly scheduledTime: number;
  /** Start of a published window, epoch milliseconds. */
  readonly rerun?: number;
}

/** A tick, the end of an unload, or a RequestExport. Throws on anything else. */
export function parseExportEvent(event: unknown): Tick | Ended | Request {
  const fields = asRecord(event, 'event');
  if (fields['kind'] !== 'request') return parseRunEvent(event);
  asOneOf(fields['kind'], ['request'], 'event.kind');
  return {
    kind: 'request',
    export: asText(fields['export'], 'event.export'),
    scheduledTime: asTime(fields['time'], 'event.time'),
    ...(fields['rerun'] === undefined ? {} : { rerun: asTime(fields['rerun'], 'event.rerun') }),
  };
}
