import * as bytesOf from './bytes';

// Constants of this module: an import is looked up at each use, which would take most of the time.
const { isDigit, MINUS, POINT, textOf, ZERO } = bytesOf;

/**
 * Forms that a text can have. A text can have several: `2026-11-21` is a date, and also one of the looser forms of
 * ISO 8601.
 */
export const forms = [
  'local time',
  'zoned time',
  'iso time',
  'date',
  'time of day',
  'whole number',
  'decimal number',
  'number',
  'long digits',
  'true or false',
  'flag',
  'uuid',
  'email',
  'address',
] as const;
export type Form = (typeof forms)[number];
const bit = Object.fromEntries(forms.map((form, index) => [form, 1 << index])) as Record<Form, number>;
const times = bit['local time'] | bit['zoned time'];
const all = (1 << forms.length) - 1;

/** A longer text has none of the forms. */
const longestForm = 254;
/** A form of which so many texts are known is given up if a tenth of all texts do not have it. */
const enough = 1000;

/** What is known of the texts of a field. */
export class Texts {
  count = 0;
  empty = 0;
  /** Bytes of the longest text, and its line. */
  longest = 0;
  longestLine = 0;
  /** Texts with a character that no varchar holds. */
  zeros = 0;
  private alive = all;
  private readonly hits = new Float64Array(forms.length);
  private readonly misses: ({ line: number; text: string } | undefined)[] = [];

  /** @returns whether the text is known to be a number */
  add(bytes: Uint8Array, start: number, end: number, line: number): boolean {
    const length = end - start;
    this.count += 1;
    if (length > this.longest) {
      this.longest = length;
      this.longestLine = line;
    }
    if (length === 0) {
      this.empty += 1;
      return false;
    }
    return this.alive !== 0 && this.sort(bytes, start, end, line);
  }

  /** How many texts have the form. */
  of(form: Form): number {
    return this.hits[forms.indexOf(form)]!;
  }

  /** True if every text that is not empty has the form, and one has. */
  are(form: Form): boolean {
    return this.count > this.empty && this.of(form) === this.count - this.empty;
  }

  /** The first text without the form. */
  without(form: Form): { readonly line: number; readonly text: string } | undefined {
    return this.misses[forms.indexOf(form)];
  }

  private sort(bytes: Uint8Array, start: number, end: number, line: number): boolean {
    const found = end - start > longestForm ? 0 : formsOf(bytes, start, end, this.alive);
    const present = this.count - this.empty;
    for (let index = 0; index < forms.length; index += 1) {
      const mask = 1 << index;
      if ((this.alive & mask) === 0) continue;
      if ((found & mask) !== 0) {
        this.hits[index]! += 1;
        continue;
      }
      this.misses[index] ??= { line, text: textOf(bytes, start, Math.min(end, start + 60)) };
      const hits = this.hits[index]!;
      // Times of several forms are counted apart to the end.
      if ((mask & times) !== 0 && (this.alive & bit['iso time']) !== 0) continue;
      if (hits === 0 || (present > enough && hits < present * 0.9)) this.alive &= ~mask;
    }
    return (found & bit.number) !== 0;
  }
}

const timePattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:([Tt ])(\d\d):(\d\d)(?::(\d\d)(?:([.,])\d+)?)?( ?(?:UTC|GMT|[Zz]|[+-]\d\d(?::?\d\d)?))?)?$/;
const ownZone = /^(?:Z|[+-]\d\d:\d\d)$/;
const clockPattern = /^(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?$/;
const numberPattern = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const emailPattern = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const addressPattern = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$|^[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7}$/i;
const flagTexts = new Set(['true', 't', 'yes', 'y', '1', 'false', 'f', 'no', 'n', '0']);

/** The forms of a text, as bits. The usual numbers are known without making a string of them. */
function formsOf(bytes: Uint8Array, start: number, end: number, wanted: number): number {
  const usual = usualNumber(bytes, start, end) || usualTime(bytes, start, end);
  if (usual !== 0) return usual;
  if (isUuid(bytes, start, end)) return bit.uuid;
  const text = textOf(bytes, start, end);
  let found = 0;
  const first = bytes[start]!;
  const startsAsNumber = (first >= 0x30 && first <= 0x39) || first === 0x2d;
  if (startsAsNumber) found |= timeForms(text) | numberForms(text);
  if (text.length <= 5 && flagTexts.has(text.toLowerCase())) {
    found |= bit.flag;
    if (text === 'true' || text === 'false') found |= bit['true or false'];
  }
  if ((wanted & bit.email) !== 0 && text.includes('@') && emailPattern.test(text)) found |= bit.email;
  if ((wanted & bit.address) !== 0 && text.length <= 39 && addressPattern.test(text)) found |= bit.address;
  return found;
}

/** The forms of a number of up to 15 digits before the point, and of the flags 0 and 1. Zero for anything else. */
function usualNumber(bytes: Uint8Array, start: number, end: number): number {
  const from = bytes[start] === MINUS ? start + 1 : start;
  let at = from;
  while (at < end && isDigit(bytes[at])) at += 1;
  const whole = at - from;
  if (whole === 0 || whole > 15 || (whole > 1 && bytes[from] === ZERO)) return 0;
  if (at === end)
    return (
      bit.number |
      bit['decimal number'] |
      bit['whole number'] |
      (end - start === 1 && bytes[start]! <= ZERO + 1 ? bit.flag : 0)
    );
  if (bytes[at] !== POINT || at + 1 === end) return 0;
  for (at += 1; at < end; at += 1) if (!isDigit(bytes[at])) return 0;
  return bit.number | bit['decimal number'];
}

const [COLON, SPACE, LETTER_T, LETTER_Z] = [0x3a, 0x20, 0x54, 0x5a];

/** The value of two digits, or NaN. */
function pair(bytes: Uint8Array, at: number): number {
  const [tens, ones] = [bytes[at]! - ZERO, bytes[at + 1]! - ZERO];
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** The forms of `2026-11-21T10:00:00`, with a fraction and a `Z` or without. Zero for any other time. */
function usualTime(bytes: Uint8Array, start: number, end: number): number {
  const separator = bytes[start + 10];
  if (end - start < 19 || end - start > 40 || bytes[start + 4] !== MINUS || bytes[start + 7] !== MINUS) return 0;
  if ((separator !== LETTER_T && separator !== SPACE) || bytes[start + 13] !== COLON || bytes[start + 16] !== COLON)
    return 0;
  const year = pair(bytes, start) * 100 + pair(bytes, start + 2);
  const [hour, minute, second] = [pair(bytes, start + 11), pair(bytes, start + 14), pair(bytes, start + 17)];
  if (!(hour < 24 && minute < 60 && second < 60)) return 0;
  if (!isDay(year, pair(bytes, start + 5), pair(bytes, start + 8))) return 0;
  let at = start + 19;
  if (bytes[at] === POINT && at < end) {
    if (!isDigit(bytes[at + 1]) || at + 1 === end) return 0;
    for (at += 1; at < end && isDigit(bytes[at]); ) at += 1;
  }
  if (at === end) return bit['local time'] | bit['iso time'];
  return at + 1 === end && bytes[at] === LETTER_Z ? bit['zoned time'] | bit['iso time'] : 0;
}

function isUuid(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 36 || bytes[start + 8] !== MINUS || bytes[start + 13] !== MINUS) return false;
  if (bytes[start + 18] !== MINUS || bytes[start + 23] !== MINUS) return false;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]! | 0x20;
    if (!isDigit(bytes[at]) && bytes[at] !== MINUS && !(byte >= 0x61 && byte <= 0x66)) return false;
  }
  return true;
}

function numberForms(text: string): number {
  if (/^\d{16,}$/.test(text)) return bit['long digits'] | (text[0] === '0' ? 0 : bit['whole number'] | bit.number);
  const [, fraction, exponent] = numberPattern.exec(text) ?? [undefined, '-', '-'];
  if (fraction === '-') return 0;
  if (exponent !== undefined) return bit.number;
  // A whole number among decimals is a decimal too.
  return bit.number | bit['decimal number'] | (fraction === undefined ? bit['whole number'] : 0);
}

/** The forms of times that the merge takes. A day that does not exist has none. */
function timeForms(text: string): number {
  if (text.length === 8 || text[2] === ':') return isClock(text) ? bit['time of day'] : 0;
  const found = timePattern.exec(text);
  if (found === null) return 0;
  const [, year, month, day, separator, hour, minute, second, sign, zone] = found;
  if (!isDay(Number(year), Number(month), Number(day))) return 0;
  if (separator === undefined) return bit.date | bit['iso time'];
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) return 0;
  if (zone !== undefined && !isZone(zone, Number(year))) return 0;
  if (second === undefined || sign === ',' || separator === 't') return bit['iso time'];
  if (zone === undefined) return bit['local time'] | bit['iso time'];
  return ownZone.test(zone) ? bit['zoned time'] | bit['iso time'] : bit['iso time'];
}

function isClock(text: string): boolean {
  const [, hour, minute, second] = clockPattern.exec(text) ?? [];
  return hour !== undefined && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
}

/** True for an offset below a day, and not in a year from which it can lead out of the years 1 to 9999. */
function isZone(zone: string, year: number): boolean {
  const [, hours, minutes] = /[+-](\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (hours === undefined) return true;
  return Number(hours) < 24 && Number(minutes ?? 0) < 60 && year > 1 && year < 9999;
}

function isDay(year: number, month: number, day: number): boolean {
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return false;
  return day <= 28 || day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
}
