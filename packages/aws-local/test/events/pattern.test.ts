import { compilePattern } from '../../src/events/pattern';

const event = {
  source: 'aws.redshift-data',
  'detail-type': 'Redshift Data Statement Status Change',
  resources: ['arn:one', 'arn:two'],
  detail: { statementName: 'millrace/dev/estore/refresh/1/merge/1', state: 'FINISHED', rows: 3, flag: false },
};

test.each<[string, unknown, boolean]>([
  ['an exact value', { source: ['aws.redshift-data'] }, true],
  ['one of several values', { source: ['aws.s3', 'aws.redshift-data'] }, true],
  ['another value', { source: ['aws.s3'] }, false],
  ['a prefix', { detail: { statementName: [{ prefix: 'millrace/dev/estore/refresh/' }] } }, true],
  ['a prefix of another pipeline', { detail: { statementName: [{ prefix: 'millrace/dev/pageviews/' }] } }, false],
  ['a suffix', { detail: { statementName: [{ suffix: '/1' }] } }, true],
  ['anything but a value', { detail: { state: [{ 'anything-but': ['STARTED', 'PICKED'] }] } }, true],
  ['anything but this value', { detail: { state: [{ 'anything-but': 'FINISHED' }] } }, false],
  ['anything but a prefix', { detail: { state: [{ 'anything-but': { prefix: 'FIN' } }] } }, false],
  ['anything but, of a missing field', { detail: { missing: [{ 'anything-but': 'x' }] } }, false],
  ['a field that exists', { detail: { rows: [{ exists: true }] } }, true],
  ['a field that must not exist', { detail: { rows: [{ exists: false }] } }, false],
  ['a number, not its text', { detail: { rows: [3] } }, true],
  ['a text for a number', { detail: { rows: ['3'] } }, false],
  ['an element of a list', { resources: ['arn:two'] }, true],
  ['all fields, of which one differs', { source: ['aws.redshift-data'], detail: { state: ['FAILED'] } }, false],
])('%s', (_name, pattern, expected) => {
  expect(compilePattern(pattern)(event)).toBe(expected);
});

test('refuses a filter that is not modelled, by its name and place', () => {
  expect(() => compilePattern({ detail: { rows: [{ numeric: ['>', 1] }] } })).toThrow(
    'content filter numeric of EventPattern.detail.rows is not modelled',
  );
  expect(() => compilePattern({ $or: [{ source: ['a'] }] })).toThrow('EventPattern.$or is not modelled');
});
