import * as bytesOf from './bytes';

// Constants of this module: an import is looked up at each use, which would take most of the time.
const { isDigit, MINUS, POINT, ZERO } = bytesOf;

const largest = '9223372036854775807';
const smallest = '9223372036854775808';

/** What is known of the numbers of a field, from their texts alone. */
export class Numbers {
  count = 0;
  /** Most digits before the point and after it, as they are written: 7.0 is no whole number. */
  whole = 0;
  fraction = 0;
  /** Numbers with an exponent. */
  exponents = 0;
  /** Numbers that no double holds: 1e400. */
  infinite = 0;
  /** Whole numbers out of the range of bigint. */
  large = 0;
  negativeZeros = 0;
  least = Infinity;
  most = -Infinity;
  /** Lines of the first number of each kind. */
  readonly lines: { exponent?: number; large?: number; fraction?: number } = {};

  /** @param start, end the number's text, which has the form of JSON */
  add(bytes: Uint8Array, start: number, end: number, line: number): void {
    this.count += 1;
    const isNegative = bytes[start] === MINUS;
    const from = isNegative ? start + 1 : start;
    let at = from;
    let value = 0;
    while (at < end && isDigit(bytes[at])) {
      value = value * 10 + (bytes[at]! - ZERO);
      at += 1;
    }
    const whole = at - from;
    let fraction = 0;
    if (bytes[at] === POINT && at < end) {
      const point = at;
      for (at += 1; at < end && isDigit(bytes[at]); ) at += 1;
      fraction = at - point - 1;
    }
    if (at < end) this.exponent(bytes, start, end, line);
    if (fraction > 0) this.lines.fraction ??= line;
    if (whole > this.whole) this.whole = whole;
    if (fraction > this.fraction) this.fraction = fraction;
    if (whole >= 19 && isBeyond(bytes, from, whole, isNegative)) {
      this.large += 1;
      this.lines.large ??= line;
    }
    if (isNegative && value === 0 && fraction === 0) this.negativeZeros += 1;
    const signed = isNegative ? -value : value;
    if (signed < this.least) this.least = signed;
    if (signed > this.most) this.most = signed;
  }

  private exponent(bytes: Uint8Array, start: number, end: number, line: number): void {
    this.exponents += 1;
    this.lines.exponent ??= line;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
    if (!Number.isFinite(Number(text))) this.infinite += 1;
  }
}

/** True for a whole number of 19 digits or more that bigint does not hold. */
function isBeyond(bytes: Uint8Array, from: number, digits: number, isNegative: boolean): boolean {
  if (digits > 19) return true;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, digits).toString('latin1');
  return text > (isNegative ? smallest : largest);
}
