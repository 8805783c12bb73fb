import { checkPrefixes, expandPrefix } from '../../src/firehose/prefix';

const oldestArrival = Date.UTC(2026, 2, 4, 5, 6, 7);

test.each([
  ['archive/!{timestamp:yyyy/MM/dd/HH}/', 'archive/2026/03/04/05/'],
  ['year=!{timestamp:yyyy}/day=!{timestamp:MM-dd}/', 'year=2026/day=03-04/'],
  ["!{timestamp:yyyy'T'HHmmss}/", '2026T050607/'],
  ['archive/', 'archive/2026/03/04/05/'],
  ['', '2026/03/04/05/'],
])('expands %p', (prefix, expected) => {
  expect(expandPrefix(prefix, { oldestArrival })).toBe(expected);
});

test('a random string has eleven characters and differs', () => {
  const expand = () => expandPrefix('!{timestamp:HH}/!{firehose:random-string}', { oldestArrival });
  expect(expand()).toMatch(/^05\/[A-Za-z0-9]{11}$/);
  expect(expand()).not.toBe(expand());
});

test('the error output type stands in the error prefix alone', () => {
  expect(
    expandPrefix('errors/!{firehose:error-output-type}/!{timestamp:yyyy}/', {
      oldestArrival,
      errorOutputType: 'processing-failed',
    }),
  ).toBe('errors/processing-failed/2026/');
  expect(() => checkPrefixes('a/!{firehose:error-output-type}/', 'e/!{firehose:error-output-type}/')).toThrow(
    'Prefix must not contain',
  );
});

test('refuses what Firehose refuses, and what is not modelled', () => {
  expect(() => checkPrefixes('a/!{timestamp:yyyy}/', '')).toThrow(
    'ErrorOutputPrefix is required when Prefix has expressions',
  );
  expect(() => checkPrefixes('a/', 'e/!{timestamp:yyyy}/')).toThrow('must contain !{firehose:error-output-type}');
  expect(() => expandPrefix('!{partitionKeyFromLambda:x}', { oldestArrival })).toThrow(
    'prefix expression !{partitionKeyFromLambda:x} is not modelled',
  );
  expect(() => expandPrefix('!{timestamp:YYYY}', { oldestArrival })).toThrow(
    'date pattern YYYY of a prefix is not modelled',
  );
});
