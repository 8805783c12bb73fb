import { decodeCbor, encodeCbor } from '../src';

const hex = (text: string) => Buffer.from(text, 'hex');

// Examples of RFC 8949, appendix A.
test.each([
  ['00', 0],
  ['1818', 24],
  ['1903e8', 1000],
  ['1a000f4240', 1000000],
  ['1b000000e8d4a51000', 1000000000000],
  ['20', -1],
  ['3903e7', -1000],
  ['fb3ff199999999999a', 1.1],
  ['f4', false],
  ['f5', true],
  ['f6', null],
  ['4401020304', Buffer.from([1, 2, 3, 4])],
  ['62c3bc', 'ü'],
  ['80', []],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  ['a26161016162820203', { a: 1, b: [2, 3] }],
  ['c11a514b67b0', new Date('2013-03-21T20:04:00Z')],
])('%s is read and written', (text, value) => {
  expect(decodeCbor(hex(text))).toEqual(value);
  expect(encodeCbor(value).toString('hex')).toBe(text);
});

test.each([
  ['f90001', 2 ** -24],
  ['f93c00', 1],
  ['f9fc00', Number.NEGATIVE_INFINITY],
  ['fa47c35000', 100000],
  ['f7', null],
  ['c1fb41d452d9ec200000', new Date('2013-03-21T20:04:00.500Z')],
  ['7f657374726561646d696e67ff', 'streaming'],
  ['5f42010243030405ff', Buffer.from([1, 2, 3, 4, 5])],
  ['9f018202039f0405ffff', [1, [2, 3], [4, 5]]],
  ['bf61610161629f0203ffff', { a: 1, b: [2, 3] }],
])('%s is read', (text, value) => {
  expect(decodeCbor(hex(text))).toEqual(value);
});

test.each([
  ['', 'cut off'],
  ['1903', 'cut off'],
  ['0000', 'ends at byte 1 of 2'],
  ['ff', 'break at byte 0'],
  ['a10102', 'keys are no texts'],
  ['82ff01', 'break in a list of known length'],
  ['9b7fffffffffffffff', 'cut off'],
  ['81'.repeat(100), 'nested deeper than 64'],
  ['c16161', 'tag 1 must have a number'],
  ['e0', 'simple value 0'],
])('%s is refused: %s', (text, message) => {
  expect(() => decodeCbor(hex(text))).toThrow(message);
});

test('members without a value are left out', () => {
  expect(decodeCbor(encodeCbor({ a: undefined, b: 'x' }))).toEqual({ b: 'x' });
});
