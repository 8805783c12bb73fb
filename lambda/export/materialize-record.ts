import { createHash } from 'node:crypto';
import { asJson, asNumber, asOneOf, asRecord, asText } from '../shared/parse';
import { compactTime } from '../shared/statement-name';
import { unloadRecordPrefix } from './contract';
import { parseUnloadName } from './layout';

/** What is known of one COPY TO: Materialize itself keeps nothing of it. Times in epoch milliseconds. */
export interface CopyRecord {
  /** Of the unload. */
  readonly name: string;
  /** Key prefix below which the COPY writes, ending in a slash. */
  readonly staged: string;
  readonly status: 'running' | 'finished' | 'failed';
  readonly startedAt: number;
  /** When no function and no statement works at it any more, whatever became of them. */
  readonly deadline: number;
  readonly updatedAt: number;
  /** Of the query, counted in the transaction of the COPY; there before the COPY begins. */
  readonly counted?: { readonly rows: number; readonly fingerprint: string };
  /** As Materialize answered; not there when its answer was lost. */
  readonly unloaded?: number;
  readonly error?: string;
  readonly mayPass?: boolean;
}

/** The unload's id: the key of its record, the same for the same name. Keys sort as unloads follow each other. */
export function recordKey(environment: string, pipeline: string, name: string): string {
  const batch = parseUnloadName(environment, pipeline, name);
  if (!batch) throw new Error(`not the name of an unload: ${name}`);
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 24);
  const place = `${compactTime(batch.tick)}-${String(batch.ordinal).padStart(4, '0')}-${batch.attempt}`;
  return `${unloadRecordPrefix(pipeline)}${batch.export}/${place}-${digest}.json`;
}

export const isRecordKey = (id: string, pipeline: string) => id.startsWith(unloadRecordPrefix(pipeline));

/** @throws Error naming the field that is not as it should be */
export function parseRecord(text: string, key: string): CopyRecord {
  const fields = asRecord(asJson(text, key), key);
  const at = (name: string) => `${key}: ${name}`;
  const counted = fields['counted'] === undefined ? undefined : asRecord(fields['counted'], at('counted'));
  return {
    name: asText(fields['name'], at('name')),
    staged: asText(fields['staged'], at('staged')),
    status: asOneOf(fields['status'], ['running', 'finished', 'failed'] as const, at('status')),
    startedAt: asNumber(fields['startedAt'], at('startedAt')),
    deadline: asNumber(fields['deadline'], at('deadline')),
    updatedAt: asNumber(fields['updatedAt'], at('updatedAt')),
    ...(counted && {
      counted: {
        rows: asNumber(counted['rows'], at('counted.rows')),
        fingerprint: asText(counted['fingerprint'], at('counted.fingerprint')),
      },
    }),
    ...(fields['unloaded'] === undefined ? {} : { unloaded: asNumber(fields['unloaded'], at('unloaded')) }),
    ...(fields['error'] === undefined ? {} : { error: asText(fields['error'], at('error')) }),
    ...(fields['mayPass'] === undefined ? {} : { mayPass: fields['mayPass'] === true }),
  };
}
