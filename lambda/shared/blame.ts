import { isPassing, type StatementState } from './warehouse';

/**
 * What a failed statement may be due to. `data`: its message is one that Redshift gives of a value. `unknown`: a record or the warehouse; the
 * same message in a second attempt counts as a record's. `other`: nothing that a record does.
 */
export type Blame = 'data' | 'unknown' | 'other';

/** Messages of failures that no record causes: rights, relations that are missing, a full disk, a limit of time, a person. */
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
 * Messages about values. The wording is that of Redshift's load error reference, of its errors of casts and functions, and of PostgreSQL 8,
 * from which Redshift took many. A message that is missing here is `unknown`, which costs nothing but the comparison of two messages.
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

/** Which blame the end of a statement allows. */
export function blameOf(state: Ended): Blame {
  const { status, error } = state;
  if (status !== 'FAILED' || error === undefined || isPassing(state)) return 'other';
  if (neverData.some((pattern) => pattern.test(error))) return 'other';
  return aboutData.some((pattern) => pattern.test(error)) ? 'data' : 'unknown';
}

/** Whether two failures of one step, one after the other, count as a record's doing. */
export function failedTwiceOnData(one: Ended, other: Ended): boolean {
  const blames = [blameOf(one), blameOf(other)];
  if (blames.includes('other')) return false;
  return blames.every((blame) => blame === 'data') || withoutNumbers(one.error) === withoutNumbers(other.error);
}

/** Query ids and process ids differ from attempt to attempt. */
const withoutNumbers = (error: string | undefined) => error?.replace(/[0-9]+/g, '#');
