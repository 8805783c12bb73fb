import type { ColumnType } from '../../pipelines/definition';
import type { Field, Kind } from './field';
import { mostNames } from './field';
import { namesTime } from './hints';
import type { Texts } from './texts';

/** The type of a column with the options that its values need. */
export type ColumnShape = ColumnType & { readonly emptyAsNull?: true };

/** What becomes of a field, and why. */
export interface Decision {
  /** `column`; `payload`: it stays in the payload alone; `parent`: its children are decided. */
  readonly becomes: 'column' | 'payload' | 'parent';
  readonly shape?: ColumnShape;
  readonly why: string;
}

/** Deeper fields stay in the payload: their names would be too long to use. */
export const mostLevelsOfColumns = 8;
const mostDigits = 38;
const mostBytes = 65_535;
const column = (shape: ColumnShape, why: string): Decision => ({ becomes: 'column', shape, why });
const payload = (why: string): Decision => ({ becomes: 'payload', why });

const article = (kind: Kind) => (kind === 'object' || kind === 'array' ? `an ${kind}` : `a ${kind}`);

/** @param isText true if all values are texts because the file is CSV, whose numbers and booleans COPY converts */
export function decide(field: Field, isText: boolean): Decision {
  const { kinds } = field;
  if (kinds.length === 0) return payload('only null so far: no type can be known');
  if (kinds.length > 1) return mixed(field, kinds);
  if (field.depth > mostLevelsOfColumns) return payload(`deeper than ${mostLevelsOfColumns} levels`);
  switch (kinds[0]!) {
    case 'array':
      return payload('an array');
    case 'object':
      if (field.isMap) return payload(`a map: an object with more than ${mostNames} different names`);
      return field.children.size === 0 ? payload('an empty object') : { becomes: 'parent', why: '' };
    case 'boolean':
      return column({ type: 'boolean' }, 'true or false');
    case 'number':
      return ofNumbers(field);
    default:
      return isText ? ofCells(field) : ofTexts(field);
  }
}

function mixed(field: Field, kinds: readonly Kind[]): Decision {
  const parts = kinds.map((kind) => `${article(kind)} in line ${field.lineOf(kind)}`);
  return payload(`mixed: ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`);
}

function ofNumbers(field: Field): Decision {
  const { numbers } = field;
  if (numbers.infinite > 0) return payload(`a number that no type holds in line ${numbers.lines.exponent}`);
  if (numbers.exponents > 0)
    return column({ type: 'double' }, `a number with an exponent in line ${numbers.lines.exponent}`);
  if (numbers.fraction > 0) return ofDecimals(field);
  const zero = numbers.negativeZeros > 0 ? '; -0 becomes 0' : '';
  const epoch = epochOf(field);
  if (epoch) return epoch;
  if (numbers.large === 0) return column({ type: 'bigint' }, `whole numbers${zero}`);
  if (numbers.whole > mostDigits) return payload(`a number of ${numbers.whole} digits: decimal has ${mostDigits}`);
  return column(
    { type: 'decimal', precision: mostDigits, scale: 0 },
    `too large for bigint in line ${numbers.lines.large}: ${numbers.whole} digits`,
  );
}

function ofDecimals({ numbers }: Field): Decision {
  const { whole, fraction } = numbers;
  const digits = whole + fraction;
  if (digits > mostDigits)
    return payload(`numbers of ${digits} digits, before and after the point: decimal has ${mostDigits}`);
  const { precision, scale } = roomFor(whole, fraction);
  const places = `${fraction} decimal place${fraction === 1 ? '' : 's'}`;
  const first = numbers.lines.fraction === undefined ? '' : ` (first in line ${numbers.lines.fraction})`;
  const room = scale > fraction ? `; room for ${scale}, since a value with more places is a reject` : '';
  return column({ type: 'decimal', precision, scale }, `at most ${places}${first}${room}`);
}

/** Decimal places that amounts of money and most measurements have, even if a sample has fewer. */
const fewestPlaces = 4;
/** Digits before the point that later values may have more. */
const moreDigits = 4;

/**
 * Leaves room for later values: twice the places that were seen, and larger numbers. 18 digits take 8 bytes as fewer
 * do. What does not fit into 38 digits is taken from the room, half from each side.
 */
function roomFor(whole: number, fraction: number): { readonly precision: number; readonly scale: number } {
  const spare = mostDigits - whole - fraction;
  const more = Math.min(moreDigits, Math.ceil(spare / 2));
  const scale = Math.min(Math.max(fewestPlaces, 2 * fraction), fraction + spare - more);
  return { precision: Math.max(18, whole + more + scale), scale };
}

const firstSecond = Date.UTC(2000, 0, 1) / 1000;
const lastSecond = Date.UTC(2100, 0, 1) / 1000;

/** Whole numbers are times only if the name says so too, and every value lies in this century. */
function epochOf({ name, numbers: { least, most } }: Field): Decision | undefined {
  if (!namesTime(name)) return undefined;
  const isWithin = (factor: number) => least >= firstSecond * factor && most < lastSecond * factor;
  if (isWithin(1)) return column({ type: 'timestamp', convert: 'epochseconds' }, 'seconds since 1970, by its name');
  if (isWithin(1000))
    return column({ type: 'timestamp', convert: 'epochmillis' }, 'milliseconds since 1970, by its name');
  return undefined;
}

/** Strings of JSON. A number in a string stays a text: its producer may have quoted it because it is an id. */
function ofTexts(field: Field): Decision {
  const { texts } = field;
  const time = ofTimes(texts);
  if (time) return time;
  if (texts.are('true or false')) return column({ type: 'boolean', convert: 'flag' }, 'true or false, written as text');
  const asNumber = texts.are('whole number')
    ? "; whole numbers in quotes stay text: { type: 'bigint', convert: 'text' } reads them"
    : texts.are('decimal number')
      ? "; decimals in quotes stay text: { type: 'decimal', …, convert: 'text' } reads them"
      : '';
  return ofLength(texts, `text${asNumber}${unlike(texts, timeForms)}`);
}

/** Fields of CSV. An empty field is null. */
function ofCells(field: Field): Decision {
  const { texts, numbers } = field;
  const time = ofTimes(texts);
  if (time) return time;
  if (texts.are('true or false')) return column({ type: 'boolean' }, 'true or false');
  if (texts.are('number') && numbers.large > 0 && numbers.fraction === 0)
    return ofLength(texts, `numbers of up to ${numbers.whole} digits stay text: bigint is too small`);
  if (texts.are('number') && numbers.infinite === 0) {
    const found = ofNumbers(field);
    if (found.becomes === 'column') return found;
  }
  if (isWords(texts)) return column({ type: 'boolean', convert: 'flag' }, 'yes and no, or other words for them');
  return ofLength(texts, `text${unlike(texts, [...timeForms, 'number'])}`);
}

const isWords = (texts: Texts) => texts.are('flag') && texts.of('number') === 0 && texts.longest > 1;

const timeForms = ['local time', 'zoned time', 'iso time', 'date', 'time of day'] as const;

function ofTimes(texts: Texts): Decision | undefined {
  const blank = texts.empty > 0 ? ({ emptyAsNull: true } as const) : {};
  const note = texts.empty > 0 ? `; ${texts.empty} empty texts become null` : '';
  if (texts.are('zoned time')) return column({ type: 'timestamptz', ...blank }, `times with a zone${note}`);
  if (texts.are('local time'))
    return column({ type: 'timestamp', ...blank }, `times without a zone, read as UTC${note}`);
  if (texts.are('date')) return column({ type: 'date', ...blank }, `days${note}`);
  if (texts.are('time of day')) return column({ type: 'time', ...blank }, `times of day${note}`);
  if (!texts.are('iso time')) return undefined;
  const isMixed = texts.of('zoned time') > 0 && texts.of('local time') > 0;
  const what = isMixed ? 'times, some without a zone: those are read as UTC' : 'times in several forms of ISO 8601';
  return column({ type: 'timestamp', convert: 'iso', ...blank }, `${what}${note}`);
}

/** Names the text that keeps most others from being times or numbers. */
function unlike(texts: Texts, forms: readonly Parameters<Texts['of']>[0][]): string {
  const present = texts.count - texts.empty;
  const near = forms.find((form) => texts.of(form) * 2 > present && texts.of(form) < present);
  const other = near && texts.without(near);
  if (!near || !other) return '';
  const noun = near === 'number' ? 'numbers' : near === 'date' ? 'days' : 'times';
  return `; most are ${noun}, but line ${other.line} has ${JSON.stringify(other.text)}`;
}

function ofLength(texts: Texts, why: string): Decision {
  if (texts.zeros > 0) return payload('texts with the character U+0000, which no varchar holds');
  if (texts.longest > mostBytes)
    return payload(`a text of ${texts.longest} bytes in line ${texts.longestLine}: varchar has ${mostBytes}`);
  return column({ type: 'varchar', maxBytes: bytesFor(texts.longest) }, why);
}

/** Twice the longest text, rounded up to a power of two. */
export const bytesFor = (longest: number) => Math.min(mostBytes, 2 ** Math.ceil(Math.log2(Math.max(16, longest * 2))));
