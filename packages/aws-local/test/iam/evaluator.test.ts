// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written so

import { type AuthorizationRequest, createClock, type PolicyDocument, type Principal } from 'aws-local-kit';
import { createAuthorizer } from '../../src/iam/authorizer';
import { parsePolicy } from '../../src/iam/policy';

const account = '000000000000';
const roleArn = `arn:aws:iam::${account}:role/Loader`;
const role: Principal = { kind: 'role', arn: `arn:aws:sts::${account}:assumed-role/Loader/run-7`, roleArn, account };
const service: Principal = { kind: 'service', arn: 's3.amazonaws.com', account };
const administrator: Principal = { kind: 'administrator', arn: `arn:aws:iam::${account}:user/administrator`, account };
const outsider: Principal = {
  kind: 'administrator',
  arn: 'arn:aws:iam::111111111111:role/Partner',
  account: '111111111111',
};
const anonymous: Principal = { kind: 'anonymous', arn: 'anonymous', account: 'anonymous' };

type Part = Record<string, unknown>;
const policy = (...Statement: Part[]): PolicyDocument => ({ Version: '2012-10-17', Statement });
const allow = (rest: Part = {}): Part => ({ Effect: 'Allow', Action: 's3:GetObject', Resource: '*', ...rest });
const deny = (rest: Part = {}): Part => ({ ...allow(rest), Effect: 'Deny' });

/** Undefined when allowed, else the message. */
function refusal(identity: Part[], request: Partial<AuthorizationRequest> = {}): string | undefined {
  const authorizer = createAuthorizer({
    account,
    region: 'eu-west-1',
    clock: createClock({ start: Date.UTC(2026, 2, 1), rate: 0 }),
    statementsOf: (arn) => (arn === roleArn ? parsePolicy(policy(...identity), 'identity', 'test') : undefined),
    userIdOf: () => 'AROAEXAMPLE:run-7',
  });
  try {
    authorizer.authorize({
      principal: role,
      action: 's3:GetObject',
      resource: 'arn:aws:s3:::data/in/a.gz',
      ...request,
    });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
const allowed = (identity: Part[], request: Partial<AuthorizationRequest> = {}) =>
  refusal(identity, request) === undefined;

describe('actions and resources', () => {
  test.each<[string, Part, boolean]>([
    ['the action itself', { Action: 's3:GetObject' }, true],
    ['whatever its case', { Action: 'S3:getobject' }, true],
    ['* in an action', { Action: ['sqs:*', 's3:Get*'] }, true],
    ['? in an action', { Action: 's3:Get?bject' }, true],
    ['another action', { Action: 's3:GetObjectVersion' }, false],
    ['NotAction without it', { Action: undefined, NotAction: 's3:Put*' }, true],
    ['NotAction with it', { Action: undefined, NotAction: 's3:Get*' }, false],
    ['the resource itself', { Resource: 'arn:aws:s3:::data/in/a.gz' }, true],
    ['* over slashes', { Resource: 'arn:aws:s3:::data/*' }, true],
    ['the bucket alone', { Resource: 'arn:aws:s3:::data' }, false],
    ['a prefix that is another bucket', { Resource: 'arn:aws:s3:::dat/*' }, false],
    ['a resource in another case', { Resource: 'arn:aws:s3:::DATA/*' }, false],
    ['a * that would have to reach over a colon', { Resource: 'arn:aws:s3:*data/in/a.gz' }, false],
    ['NotResource with it', { Resource: undefined, NotResource: 'arn:aws:s3:::data/in/*' }, false],
    ['NotResource without it', { Resource: undefined, NotResource: 'arn:aws:s3:::data/out/*' }, true],
  ])('%s', (_, part, expected) => {
    expect(allowed([allow(part)])).toBe(expected);
  });

  test('characters of regular expressions in a resource are themselves', () => {
    expect(allowed([allow({ Resource: 'arn:aws:s3:::data/in/a.g.' })])).toBe(false);
    expect(
      allowed([allow({ Resource: 'arn:aws:s3:::data/(in)/a+.gz' })], { resource: 'arn:aws:s3:::data/(in)/a+.gz' }),
    ).toBe(true);
  });

  test('nothing allows without a statement, and a deny wins over any allow', () => {
    expect(refusal([])).toMatch(/no identity-based policy allows it/);
    expect(refusal([allow(), deny({ Sid: 'NoInput', Resource: 'arn:aws:s3:::data/in/*' })])).toMatch(
      /explicit deny "NoInput"/,
    );
  });

  test('a refusal names the caller, the action and the resource', () => {
    expect(refusal([])).toMatch(
      /assumed-role\/Loader\/run-7 is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::data\/in\/a.gz/,
    );
  });
});

describe('conditions', () => {
  const context = {
    's3:prefix': 'in/2026',
    'kms:ViaService': 'S3',
    's3:max-keys': '10',
    'aws:SourceArn': 'arn:aws:s3:::data',
    'aws:TagKeys': ['a', 'b'],
  };
  test.each<[string, Part, boolean]>([
    ['StringEquals', { StringEquals: { 's3:prefix': 'in/2026' } }, true],
    ['StringEquals any of', { StringEquals: { 's3:prefix': ['x', 'in/2026'] } }, true],
    ['StringEquals is not a pattern', { StringEquals: { 's3:prefix': 'in/*' } }, false],
    ['StringEquals minds case', { StringEquals: { 'kms:ViaService': 's3' } }, false],
    ['key names do not', { StringEquals: { 'KMS:viaservice': 'S3' } }, true],
    ['StringEqualsIgnoreCase', { StringEqualsIgnoreCase: { 'kms:ViaService': 's3' } }, true],
    ['StringNotEquals', { StringNotEquals: { 's3:prefix': ['x', 'in/2026'] } }, false],
    ['StringNotEquals of a missing key', { StringNotEquals: { 's3:delimiter': '/' } }, true],
    ['StringEquals of a missing key', { StringEquals: { 's3:delimiter': '/' } }, false],
    ['StringEqualsIfExists of a missing key', { StringEqualsIfExists: { 's3:delimiter': '/' } }, true],
    ['StringEqualsIfExists of another value', { StringEqualsIfExists: { 's3:prefix': 'x' } }, false],
    ['StringLike', { StringLike: { 's3:prefix': 'in/20??' } }, true],
    ['StringNotLike', { StringNotLike: { 's3:prefix': 'in/*' } }, false],
    ['ArnLike', { ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::d*' } }, true],
    ['ArnEquals takes wildcards too', { ArnEquals: { 'aws:SourceArn': 'arn:*:s3:*:*:data' } }, true],
    ['ArnLike does not reach over colons', { ArnLike: { 'aws:SourceArn': 'arn:aws:s3*data' } }, false],
    ['ArnNotEquals', { ArnNotEquals: { 'aws:SourceArn': 'arn:aws:s3:::other' } }, true],
    ['Bool', { Bool: { 'aws:SecureTransport': 'true' } }, true],
    ['Bool false', { Bool: { 'aws:SecureTransport': false } }, false],
    ['Null of a present key', { Null: { 's3:prefix': 'false' } }, true],
    ['Null of a missing key', { Null: { 's3:delimiter': 'true' } }, true],
    ['NumericLessThanEquals', { NumericLessThanEquals: { 's3:max-keys': 10 } }, true],
    ['NumericGreaterThan compares numbers, not texts', { NumericGreaterThan: { 's3:max-keys': '9' } }, true],
    ['NumericEquals of no number', { NumericEquals: { 's3:prefix': '0' } }, false],
    ['NumericLessThan s3:TlsVersion', { NumericLessThan: { 's3:TlsVersion': 1.2 } }, false],
    ['DateGreaterThan by the clock', { DateGreaterThan: { 'aws:CurrentTime': '2026-02-28T23:59:59Z' } }, true],
    ['DateLessThan by the clock', { DateLessThan: { 'aws:CurrentTime': '2026-03-01T00:00:00Z' } }, false],
    ['IpAddress', { IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }, true],
    ['NotIpAddress', { NotIpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '127.0.0.1/32'] } }, false],
    ['ForAnyValue', { 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['b', 'c'] } }, true],
    ['ForAllValues', { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['b', 'c'] } }, false],
    ['ForAllValues of a missing key', { 'ForAllValues:StringEquals': { 's3:delimiter': 'x' } }, true],
    ['ForAnyValue of a missing key', { 'ForAnyValue:StringEquals': { 's3:delimiter': 'x' } }, false],
    [
      'every operator has to hold',
      { StringEquals: { 's3:prefix': 'in/2026' }, Bool: { 'aws:SecureTransport': 'false' } },
      false,
    ],
    ['every key has to hold', { StringEquals: { 's3:prefix': 'in/2026', 'aws:RequestedRegion': 'us-east-1' } }, false],
    ['global keys', { StringEquals: { 'aws:RequestedRegion': 'eu-west-1', 'aws:PrincipalAccount': account } }, true],
    ['aws:PrincipalArn is the role, not its session', { ArnEquals: { 'aws:PrincipalArn': roleArn } }, true],
  ])('%s', (_, condition, expected) => {
    expect(allowed([allow({ Condition: condition })], { context })).toBe(expected);
  });

  test.each<[string, Part, RegExp]>([
    ['an unknown operator', { StringSounds: { 's3:prefix': 'x' } }, /condition operator StringSounds is not modelled/],
    [
      'a key that is not known here',
      { StringEquals: { 'aws:SourceVpce': 'vpce-1' } },
      /condition key aws:SourceVpce is not modelled/,
    ],
    ['even behind IfExists', { StringEqualsIfExists: { 'aws:PrincipalOrgID': 'o-1' } }, /aws:PrincipalOrgID/],
    ['a malformed key', { StringEquals: { prefix: 'x' } }, /condition key prefix is malformed/],
    ['several values without a quantifier', { StringEquals: { 'aws:TagKeys': 'a' } }, /ForAnyValue or ForAllValues/],
  ])('%s denies and says why, whatever else allows', (_, condition, reason) => {
    expect(refusal([allow(), allow({ Condition: condition })], { context })).toMatch(reason);
    expect(refusal([allow(), deny({ Condition: condition })], { context })).toMatch(reason);
  });
});

describe('policy variables', () => {
  const home = allow({ Resource: 'arn:aws:s3:::data/${aws:userid}/*' });
  test('stand for the value and for nothing else', () => {
    expect(allowed([home], { resource: 'arn:aws:s3:::data/AROAEXAMPLE:run-7/x' })).toBe(true);
    expect(allowed([home], { resource: 'arn:aws:s3:::data/AROAEXAMPLE:run-8/x' })).toBe(false);
    const own = { StringEquals: { 'redshift-data:statement-owner-iam-userid': '${aws:userid}' } };
    const context = { 'redshift-data:statement-owner-iam-userid': 'AROAEXAMPLE:run-7' };
    expect(allowed([allow({ Condition: own })], { context })).toBe(true);
    expect(
      allowed([allow({ Condition: own })], { context: { 'redshift-data:statement-owner-iam-userid': 'AROAOTHER:x' } }),
    ).toBe(false);
  });

  test('are no wildcards, have defaults, and match nothing when missing', () => {
    const prefixed = allow({ Resource: 'arn:aws:s3:::data/${s3:prefix}/x' });
    expect(allowed([prefixed], { context: { 's3:prefix': '*' }, resource: 'arn:aws:s3:::data/secret/x' })).toBe(false);
    expect(allowed([prefixed], { resource: 'arn:aws:s3:::data//x' })).toBe(false);
    expect(allowed([allow({ Resource: "arn:aws:s3:::data/${s3:prefix, 'in'}/*" })])).toBe(true);
    expect(allowed([allow({ Resource: 'arn:aws:s3:::data/${*}/x' })], { resource: 'arn:aws:s3:::data/in/x' })).toBe(
      false,
    );
  });

  test('are text in documents of the older version', () => {
    const document: PolicyDocument = { Version: '2008-10-17', Statement: [{ ...home, Principal: '*' }] };
    const request = { resourcePolicy: document, resource: 'arn:aws:s3:::data/AROAEXAMPLE:run-7/x' };
    expect(allowed([], request)).toBe(false);
  });
});

describe('who decides', () => {
  const grant = (Principal: unknown, rest: Part = {}) => ({ resourcePolicy: policy(allow({ Principal, ...rest })) });

  test('within the account the resource may allow the role or its session by name', () => {
    expect(allowed([], grant({ AWS: roleArn }))).toBe(true);
    expect(allowed([], grant({ AWS: role.arn }))).toBe(true);
    expect(allowed([], grant('*'))).toBe(true);
    expect(allowed([], grant({ AWS: `${roleArn}2` }))).toBe(false);
    expect(allowed([], grant({ Service: 's3.amazonaws.com' }))).toBe(false);
  });

  test('naming the account leaves it to the identity policies', () => {
    for (const name of [account, `arn:aws:iam::${account}:root`]) {
      expect(allowed([], grant({ AWS: name }))).toBe(false);
      expect(allowed([allow()], grant({ AWS: name }))).toBe(true);
    }
  });

  test('a deny of the resource binds everybody, the administrator too', () => {
    const resourcePolicy = policy(deny({ Principal: '*' }));
    for (const principal of [role, service, administrator, outsider, anonymous])
      expect(refusal([allow()], { principal, resourcePolicy })).toMatch(/explicit deny/);
    expect(allowed([], { principal: administrator })).toBe(true);
  });

  test('services and strangers need the resource policy', () => {
    for (const principal of [service, anonymous])
      expect(refusal([allow()], { principal })).toMatch(/does not allow it/);
    expect(allowed([], { principal: service, ...grant({ Service: 's3.amazonaws.com' }) })).toBe(true);
    expect(allowed([], { principal: service, ...grant({ Service: 'sns.amazonaws.com' }) })).toBe(false);
    expect(allowed([], { principal: anonymous, ...grant('*') })).toBe(true);
    expect(allowed([], { principal: anonymous, ...grant({ AWS: account }) })).toBe(false);
  });

  test('across accounts the resource has to allow as well', () => {
    expect(refusal([], { principal: outsider })).toMatch(/does not allow the other account/);
    expect(allowed([], { principal: outsider, ...grant({ AWS: outsider.arn }) })).toBe(true);
    expect(allowed([], { principal: outsider, ...grant({ AWS: 'arn:aws:iam::111111111111:root' }) })).toBe(true);
    expect(allowed([], { principal: outsider, ...grant({ AWS: '222222222222' }) })).toBe(false);
  });

  test('a key needs its own policy: naming the caller, or the account and then the identity', () => {
    const request = { action: 'kms:Decrypt', resource: `arn:aws:kms:eu-west-1:${account}:key/1` };
    const identity = [allow({ Action: 'kms:Decrypt' })];
    const delegated = policy(allow({ Action: 'kms:*', Principal: { AWS: `arn:aws:iam::${account}:root` } }));
    expect(allowed(identity, { ...request, resourcePolicy: policy() })).toBe(false);
    expect(allowed(identity, { ...request, resourcePolicy: delegated })).toBe(true);
    expect(allowed([], { ...request, resourcePolicy: delegated })).toBe(false);
    expect(
      allowed([], {
        ...request,
        resourcePolicy: policy(allow({ Action: 'kms:Decrypt', Principal: { AWS: roleArn } })),
      }),
    ).toBe(true);
  });

  test('a role that is gone may nothing', () => {
    const gone: Principal = { ...role, roleArn: `${roleArn}2` };
    expect(refusal([], { principal: gone, ...grant('*') })).toMatch(/Loader2 does not exist/);
  });
});

test.each<[string, Part, 'identity' | 'resource' | 'trust', RegExp]>([
  ['an effect in the wrong case', allow({ Effect: 'allow' }), 'identity', /Effect must be Allow or Deny, got "allow"/],
  ['no action', allow({ Action: undefined }), 'identity', /either Action or NotAction/],
  ['no resource', allow({ Resource: undefined }), 'identity', /either Resource or NotResource/],
  ['a resource that is no ARN', allow({ Resource: 'data/*' }), 'identity', /must be an ARN or \*, got "data\/\*"/],
  ['a principal in an identity policy', allow({ Principal: '*' }), 'identity', /absent from an identity policy/],
  ['no principal in a resource policy', allow(), 'resource', /Principal must be given/],
  [
    'a federated principal',
    allow({ Principal: { Federated: 'x' } }),
    'resource',
    /Principal.Federated is not modelled/,
  ],
  [
    'a wildcard within a principal',
    allow({ Principal: { AWS: 'arn:aws:iam::1:role/*' } }),
    'resource',
    /without wildcards/,
  ],
  ['a resource in a trust policy', allow({ Principal: '*' }), 'trust', /without Resource/],
])('a document with %s is refused', (_, statement, kind, message) => {
  expect(() => parsePolicy(policy(statement), kind, 'P')).toThrow(message);
});
