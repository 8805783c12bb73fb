import { isPassing, type StatementState } from './warehouse';

/**
 * The possible cause of a failed statement.
 * - `data`: the message is about a value.
 * - `unknown`: a record or the warehouse. If a second attempt fails with the same message, a record is assumed.
 * - `other`: no record can be the cause.
 */
export type Blame = 'data' | 'unknown' | 'other';

/** Messages that no record causes: missing rights or relations, a full disk, a timeout, a cancel. */
const neverData = [
  /\bpermission denied\b|\bnot authorized\b|\bAccess ?Denied\b|\bassume ?role\b|\bauthentication\b/i,
  /\b(?:relation|table|view|schema|column|function|database|user)\b.*\bdoes not exist\b/is,
  /\bsyntax error\b/i,
  /\bdisk full\b|\bno space left\b/i,
  /\bcancel(?:l?ed|ling)\b|\baborted by\b|\bstatement timeout\b|\bquery timeout\b/i,
  /\bmust be owner\b/i,
  /\block\b.*\b(?:not available|timeout)\b/is,
];

/**
 * Messages about values, as in Redshift's load error reference, in its errors of casts and functions, and in PostgreSQL 8, where many come from. A
 * message that is missing here is `unknown`, which only means that two messages are compared.
 */
const aboutData = [
  /\bout of range\b|\boverflow\b|\bunderflow\b/i,
  /\bdivision by zero\b/i,
  /\binvalid (?:input syntax|digit|value|byte sequence|character|timestamp|date|json|escape)\b/i,
  /\bvalue too long\b|\bstring (?:length|too long)\b|\bexceeds? (?:ddl|the maximum|the limit|maximum)\b/i,
  /\bjson\b|\bsuper\b|\bnest(?:ed|ing)\b|\butf-?8\b|\bmultibyte\b/i,
  /\bcannot cast\b|\bcould not convert\b|\bconversion\b/i,
];

type Ended = Pick<StatementState, 'status' | 'error' | 'warehouse'>;

/** The possible cause of a statement's end. */
export function blameOf(state: Ended): Blame {
  const { status, error } = state;
  if (status !== 'FAILED' || error === undefined || isPassing(state)) return 'other';
  if (neverData.some((pattern) => pattern.test(error))) return 'other';
  return aboutData.some((pattern) => pattern.test(error)) ? 'data' : 'unknown';
}

/** Whether two successive failures of a step count as caused by a record. */
export function failedTwiceOnData(one: Ended, other: Ended): boolean {
  const blames = [blameOf(one), blameOf(other)];
  if (blames.includes('other')) return false;
  return blames.every((blame) => blame === 'data') || withoutNumbers(one.error) === withoutNumbers(other.error);
}

/** Messages contain query ids and process ids, which differ between attempts. */
const withoutNumbers = (error: string | undefined) => error?.replace(/[0-9]+/g, '#');
