import { asJson, asNumber, asRecord, asText } from '../shared/parse';

/** What the sentinel says of the run that it stands for. */
export interface Sentinel {
  /** The publication on top of which the run may be published, and on no other. */
  readonly basedOn: number;
  /** Name of the statement that writes the files. */
  readonly statement: string;
}

export function parseSentinel(text: string, key: string): Sentinel {
  const fields = asRecord(asJson(text, key), key);
  return {
    basedOn: asNumber(fields['basedOn'], `${key}: basedOn`),
    statement: asText(fields['statement'], `${key}: statement`),
  };
}
