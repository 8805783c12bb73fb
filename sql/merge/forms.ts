import { quoteLiteral } from '../../lambda/shared/quote';
import type { RecordForm, RecordShape } from '../../pipelines/definition';

/** The first bytes of an aggregate of the Kinesis Producer Library, in hexadecimal. */
export const aggregateStart = 'f3899ac2';

/** The first bytes of each form, in hexadecimal. All of a form have one length. */
const beginnings: Readonly<Record<RecordForm, readonly string[]>> = {
  gzip: ['1f8b'],
  // The usual window of 32 kB, with each of the four compression levels.
  zlib: ['7801', '785e', '789c', '78da'],
  aggregate: [aggregateStart],
  // A JSON array or object, or white space before it.
  objects: ['5b', '7b', '20', '09', '0a', '0d'],
};

export const recordForms = Object.keys(beginnings) as readonly RecordForm[];

/** SQL for the first bytes of `unparsed`, in hexadecimal. */
export const firstBytes = (bytes: number, of = '') => `from_varbyte(substring(${of}unparsed, 1, ${bytes}), 'hex')`;

/** SQL condition on rows with `unparsed`: the bytes begin as those of a form. It is never null. */
export function hasForm(form: RecordForm, of = ''): string {
  const list = beginnings[form];
  return `coalesce(${firstBytes(list[0]!.length / 2, of)} in (${list.map((hex) => quoteLiteral(hex)).join(', ')}), false)`;
}

/** SQL condition on rows with `payload` and `unparsed`: the load function may be able to decode the record. */
export const isEncoded = (decode: readonly RecordForm[], of = '') =>
  `(${of}payload is null and ${of}unparsed is not null and (${decode.map((form) => hasForm(form, of)).join(' or ')}))`;

/** The forms that the load function decodes. Empty if there are none. */
export const formsOf = (records: RecordShape | undefined): readonly RecordForm[] => records?.decode ?? [];
