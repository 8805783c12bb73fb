import type { StreamRecord } from 'kinesis-reader';
import { type Output, printable, type Style } from '../../terminal';
import type { MergeOutcome, Payload } from './merge-outcomes';

/** A record as one JSON object. */
export function jsonLine(
  { value, undecodable, ...envelope }: StreamRecord<Payload>,
  outcome: MergeOutcome | undefined,
): string {
  if (!undecodable) return JSON.stringify({ value: value.value, ...outcome, ...envelope });
  const { reason, bytes } = undecodable;
  const base64 = Buffer.from(bytes).toString('base64');
  return JSON.stringify({ undecodable: { reason, base64 }, ...outcome, ...envelope });
}

const SHOWN_BYTES = 2_000;

/** A record as one line that fits the terminal. */
export function textLine(
  record: StreamRecord<Payload>,
  outcome: MergeOutcome | undefined,
  style: Style,
  { isTTY, columns }: Output,
): string {
  const { ts, shard_id, partition } = record._kinesis;
  const shard = shard_id.replace(/^shardId-0*(?=\d)/, '#');
  const start = `${ts.toISOString().slice(11, 23)}  ${shard.padEnd(4)} ${printable(partition).slice(0, 16).padEnd(16)} `;
  const room = isTTY ? Math.max(20, (columns ?? 80) - start.length) : SHOWN_BYTES;
  const shown = printable(`${markOf(record, outcome)}${payloadOf(record)}`);
  const cut = shown.length > room ? `${shown.slice(0, room - 1)}…` : shown;
  const colour = outcome?.reject || (record.undecodable && !outcome) ? style.red : outcome ? style.dim : String;
  return `${style.dim(start)}${colour(cut)}`;
}

/** The merge's own reason, or else the decoder's. */
function markOf({ undecodable }: StreamRecord<Payload>, outcome: MergeOutcome | undefined): string {
  if (outcome?.reject !== undefined) return `✘ ${outcome.reject}: `;
  if (outcome?.skipped !== undefined) return `– left to another pipeline (${outcome.skipped}): `;
  return undecodable ? `✘ not JSON (${undecodable.reason}): ` : '';
}

const payloadOf = ({ value, undecodable }: StreamRecord<Payload>) =>
  undecodable ? Buffer.from(undecodable.bytes.subarray(0, SHOWN_BYTES)).toString() : JSON.stringify(value.value);
