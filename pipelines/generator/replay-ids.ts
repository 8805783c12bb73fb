import type { Random } from './random';

const uuid = /^"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"$/i;
const wholeNumber = /^-?\d+$/;
/** As many events of a batch have numbers of their own. */
const roomOfBatch = 100_000_000n;
/** Larger numbers would leave bigint when they are counted up. */
const countsUp = 9_000_000_000_000_000_000n;

/** Makes the JSON of a value that the sample does not have and that no two events share. */
export type NewId = (original: string, event: number) => string;

/** True for values of which new ones can be made: texts, or whole numbers. */
export const canVary = (values: readonly string[]): boolean =>
  values.length > 0 && (values.every((json) => json.startsWith('"')) || values.every((json) => wholeNumber.test(json)));

/**
 * New ids in the form of the old ones. UUIDs stay UUIDs, whole numbers are counted on, and other texts get a suffix.
 * @param values the values of the sample, as JSON
 * @param batch how many batches were made before
 */
export function newIds(values: readonly string[], batch: number, random: Random): NewId {
  if (values.every((json) => wholeNumber.test(json))) return newNumbers(values.map(BigInt), batch);
  if (values.every((json) => uuid.test(json))) return (_, event) => `"${uuidOf(random, batch, event)}"`;
  return (original, event) => `${original.slice(0, -1)}-${batch}-${event}"`;
}

function newNumbers(values: readonly bigint[], batch: number): NewId {
  const largest = values.reduce((most, value) => (value > most ? value : most), 0n);
  const smallest = values.reduce((least, value) => (value < least ? value : least), 0n);
  const skipped = BigInt(batch) * roomOfBatch + 1n;
  return (_, event) =>
    String(largest < countsUp ? largest + skipped + BigInt(event) : smallest - skipped - BigInt(event));
}

/** A UUID of version 4. Its last digits count, so that no two are equal. */
function uuidOf(random: Random, batch: number, event: number): string {
  const hex = (digits: number) => {
    let text = '';
    while (text.length < digits) text += random.below(16).toString(16);
    return text;
  };
  const counted = batch.toString(16).padStart(4, '0') + event.toString(16).padStart(8, '0');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${counted.slice(-12)}`;
}
