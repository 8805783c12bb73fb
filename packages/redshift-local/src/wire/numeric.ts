import { WireError } from './errors';
import { MessageReader } from './messages';

/** Decimals in PostgreSQL's binary format: digits to the base 10,000. */

const negative = 0x4000;
const notANumber = 0xc000;
const width = 4;

/** @param scale digits after the point */
export function decimalBytes(text: string, scale: number): Buffer {
  const isNegative = text.startsWith('-');
  const [whole = '', fraction = ''] = text.replace(/^[+-]/, '').split('.');
  const left = whole.replace(/^0+/, '');
  const padded =
    left.padStart(Math.ceil(left.length / width) * width, '0') +
    fraction.padEnd(Math.ceil(fraction.length / width) * width, '0');
  const digits = (padded.match(/\d{4}/g) ?? []).map(Number);
  let weight = Math.ceil(left.length / width) - 1;
  while (digits.length > 0 && digits[0] === 0) {
    digits.shift();
    weight -= 1;
  }
  while (digits.at(-1) === 0) digits.pop();
  const bytes = Buffer.alloc(8 + digits.length * 2);
  bytes.writeInt16BE(digits.length, 0);
  bytes.writeInt16BE(digits.length === 0 ? 0 : weight, 2);
  bytes.writeUInt16BE(isNegative && digits.length > 0 ? negative : 0, 4);
  bytes.writeInt16BE(scale, 6);
  digits.forEach((digit, i) => {
    bytes.writeInt16BE(digit, 8 + i * 2);
  });
  return bytes;
}

/** @param what the parameter, for messages */
export function decimalText(bytes: Buffer, what: string): string {
  const invalid = () => new WireError('22P03', `${what} is not a decimal in binary format`);
  if (bytes.length < 8) throw invalid();
  const reader = new MessageReader(bytes);
  const [count, weight, sign, scale] = [reader.int16(), reader.int16(), reader.uint16(), reader.int16()];
  if (sign === notANumber) throw new WireError('22003', `${what} is NaN, which no decimal of Redshift can hold`);
  // A decimal of Redshift has at most 38 digits.
  if (count < 0 || count > 20 || reader.rest !== count * 2 || Math.abs(weight) > 20 || scale < 0 || scale > 38)
    throw invalid();
  const digits = Array.from({ length: count }, () => String(reader.int16()).padStart(width, '0'));
  const places = weight + 1;
  const whole = Array.from({ length: Math.max(0, places) }, (_, i) => digits[i] ?? '0000').join('');
  const fraction = '0'.repeat(Math.max(0, -places) * width) + digits.slice(Math.max(0, places)).join('');
  const shown = fraction.padEnd(scale, '0').slice(0, scale);
  return `${sign === negative ? '-' : ''}${whole.replace(/^0+(?=\d)/, '') || '0'}${scale > 0 ? `.${shown}` : ''}`;
}
