// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Fn::Sub has the same notation
import { intrinsicOf, noValue, resolve, type Scope, substitutions } from '../../src/cloudformation/intrinsics';

const scope: Scope = {
  stackName: 'millrace-dev-data',
  account: '000000000000',
  region: 'eu-west-1',
  parameter: (name) => (name === 'Mode' ? 'small' : undefined),
  mapping: (map, top, second) => `${map}/${top}/${second}`,
  condition: (name) => name === 'Yes',
  ref: (id) => `ref-of-${id}`,
  attribute: (id, attribute) => (attribute === 'Number' ? 7 : `${id}.${attribute}`),
  importValue: (name) => `imported ${name}`,
  stackOutput: (stack, output) => `${stack}/${output}`,
};

test.each<[string, unknown, unknown]>([
  ['Ref of a resource', { Ref: 'Queue' }, 'ref-of-Queue'],
  ['Ref of a parameter', { Ref: 'Mode' }, 'small'],
  ['Ref of a pseudo parameter', { Ref: 'AWS::Region' }, 'eu-west-1'],
  [
    'the stack id',
    { Ref: 'AWS::StackId' },
    'arn:aws:cloudformation:eu-west-1:000000000000:stack/millrace-dev-data/00000000-0000-4000-8000-000000000000',
  ],
  ['GetAtt as a list', { 'Fn::GetAtt': ['Cluster', 'Endpoint.Address'] }, 'Cluster.Endpoint.Address'],
  ['GetAtt as text', { 'Fn::GetAtt': 'Cluster.Endpoint.Address' }, 'Cluster.Endpoint.Address'],
  ['GetAtt keeps the type', { 'Fn::GetAtt': ['Cluster', 'Number'] }, 7],
  ['Sub', { 'Fn::Sub': 'arn:${AWS::Partition}:s3:::${Bucket}/${Key.Arn}' }, 'arn:aws:s3:::ref-of-Bucket/Key.Arn'],
  [
    'Sub with variables and a literal',
    { 'Fn::Sub': ['${a}-${!keep}-${Bucket}', { a: { Ref: 'Mode' } }] },
    'small-${keep}-ref-of-Bucket',
  ],
  ['Join', { 'Fn::Join': ['', ['a', { Ref: 'Mode' }, 1]] }, 'asmall1'],
  ['Select of Split', { 'Fn::Select': [5, { 'Fn::Split': [':', 'arn:aws:sqs:eu-west-1:0:name'] }] }, 'name'],
  ['GetAZs of this region', { 'Fn::Select': ['1', { 'Fn::GetAZs': '' }] }, 'eu-west-1b'],
  ['FindInMap', { 'Fn::FindInMap': ['Map', { Ref: 'Mode' }, 'x'] }, 'Map/small/x'],
  ['ImportValue', { 'Fn::ImportValue': { 'Fn::Sub': '${AWS::StackName}:x' } }, 'imported millrace-dev-data:x'],
  [
    'GetStackOutput',
    { 'Fn::GetStackOutput': { StackName: 'data', OutputName: 'Arn', Region: { Ref: 'AWS::Region' } } },
    'data/Arn',
  ],
  ['Base64', { 'Fn::Base64': 'hello' }, 'aGVsbG8='],
  ['If', { 'Fn::If': ['Yes', 'a', 'b'] }, 'a'],
  ['If not', { 'Fn::If': ['No', 'a', { Ref: 'Mode' }] }, 'small'],
  ['Equals', { 'Fn::Equals': [{ Ref: 'Mode' }, 'small'] }, true],
  [
    'And, Or, Not',
    { 'Fn::And': [{ Condition: 'Yes' }, { 'Fn::Or': [{ Condition: 'No' }, { 'Fn::Not': [{ Condition: 'No' }] }] }] },
    true,
  ],
  ['nested values', { a: [{ Ref: 'Mode' }], b: { c: { Ref: 'X' } } }, { a: ['small'], b: { c: 'ref-of-X' } }],
  [
    'a property that is left out',
    { keep: 1, drop: { 'Fn::If': ['No', 1, { Ref: 'AWS::NoValue' }] }, list: [{ Ref: 'AWS::NoValue' }, 2] },
    { keep: 1, list: [2] },
  ],
  [
    'a policy statement with a Condition',
    { Condition: { StringEquals: { a: { Ref: 'Mode' } } } },
    { Condition: { StringEquals: { a: 'small' } } },
  ],
])('%s', (_name, value, expected) => {
  expect(resolve(value, scope)).toEqual(expected);
});

test('AWS::NoValue is no value of its own', () => {
  expect(resolve({ Ref: 'AWS::NoValue' }, scope)).toBe(noValue);
});

test('refuses what is not modelled, by name', () => {
  expect(() => resolve({ 'Fn::Cidr': ['10.0.0.0/16', 2, 8] }, scope)).toThrow(
    'intrinsic function Fn::Cidr is not modelled',
  );
  expect(() =>
    resolve({ 'Fn::GetStackOutput': { StackName: 'a', OutputName: 'b', Region: 'us-east-1' } }, scope),
  ).toThrow('Fn::GetStackOutput from region us-east-1 is not modelled');
  expect(() => resolve({ 'Fn::Select': [3, ['a']] }, scope)).toThrow('Fn::Select asks for element 3 of 1');
  expect(() => resolve({ 'Fn::Join': ['', [{ a: 1 }]] }, scope)).toThrow('Fn::Join takes text, got {"a":1}');
});

test('an object with one member is an intrinsic by its name alone', () => {
  expect(intrinsicOf({ Ref: 'A' })).toEqual({ name: 'Ref', argument: 'A' });
  expect(intrinsicOf({ Ref: 'A', other: 1 })).toBeUndefined();
  expect(intrinsicOf({ Reference: 'A' })).toBeUndefined();
});

test('names in a Sub leave literals out', () => {
  expect(substitutions('${A}/${!B}/${ C.Arn }')).toEqual(['A', 'C.Arn']);
});
