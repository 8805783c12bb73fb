// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written so

import { type AuthorizationRequest, createClock, type PolicyDocument, type Principal } from 'aws-local-kit';
import { createAuthorizer } from '../../src/iam/authorizer';
import { parsePolicy } from '../../src/iam/policy';

/*
 * Case by case what the IAM user guide says. Pages, below docs.aws.amazon.com/IAM/latest/UserGuide/:
 */
const pages = {
  logic: 'reference_policies_evaluation-logic_policy-eval-denyallow',
  basics: 'reference_policies_evaluation-logic_policy-eval-basics',
  crossAccount: 'reference_policies_evaluation-logic-cross-account',
  operators: 'reference_policies_elements_condition_operators',
  blocks: 'reference_policies_condition-logic-multiple-context-keys-or-values',
  sets: 'reference_policies_condition-single-vs-multi-valued-context-keys',
  setExamples: 'reference_policies_condition_examples-multi-valued-context-keys',
  action: 'reference_policies_elements_action',
  notAction: 'reference_policies_elements_notaction',
  resource: 'reference_policies_elements_resource',
  notResource: 'reference_policies_elements_notresource',
  principal: 'reference_policies_elements_principal',
  notPrincipal: 'reference_policies_elements_notprincipal',
  variables: 'reference_policies_variables',
  version: 'reference_policies_elements_version',
  externalId: 'confused-deputy',
} as const;
type Page = keyof typeof pages;

const account = '123456789012';
const other = '444455556666';
const roleArn = `arn:aws:iam::${account}:role/Reader`;
const sessionArn = `arn:aws:sts::${account}:assumed-role/Reader/monday`;
const principals: Record<string, Principal> = {
  role: { kind: 'role', arn: sessionArn, roleArn, account },
  service: { kind: 'service', arn: 'firehose.amazonaws.com', account },
  outsider: { kind: 'administrator', arn: `arn:aws:iam::${other}:user/x`, account: other },
  anonymous: { kind: 'anonymous', arn: 'anonymous', account: 'anonymous' },
  administrator: { kind: 'administrator', arn: `arn:aws:iam::${account}:user/administrator`, account },
};

type Part = Record<string, unknown>;
const allow = (rest: Part = {}): Part => ({ Effect: 'Allow', Action: 's3:GetObject', Resource: '*', ...rest });
const deny = (rest: Part = {}): Part => ({ ...allow(rest), Effect: 'Deny' });
const when = (Condition: Part) => allow({ Condition });
const document = (statements: Part[], Version = '2012-10-17'): PolicyDocument => ({ Version, Statement: statements });

interface Case {
  readonly identity?: Part[];
  /** Policy of the resource, of the key or of the role. */
  readonly resource?: Part[];
  readonly version?: string;
  readonly who?: string;
  readonly action?: string;
  readonly on?: string;
  readonly context?: Record<string, string | string[]>;
}

function allowed({
  identity = [],
  resource,
  version,
  who = 'role',
  action = 's3:GetObject',
  on,
  context,
}: Case): boolean {
  const authorizer = createAuthorizer({
    account,
    region: 'eu-west-1',
    clock: createClock({ start: Date.UTC(2026, 10, 21, 12), rate: 0 }),
    statementsOf: (arn) =>
      arn === roleArn ? parsePolicy(document(identity, version), 'identity', 'the identity') : undefined,
    userIdOf: () => 'AROAEXAMPLE:monday',
  });
  const request: AuthorizationRequest = {
    principal: principals[who]!,
    action,
    resource: on ?? 'arn:aws:s3:::data/a/b.txt',
    context,
    resourcePolicy: resource && document(resource, version),
  };
  try {
    authorizer.authorize(request);
    return true;
  } catch {
    return false;
  }
}

const tags = (...keys: string[]) => ({ 'aws:TagKeys': keys });
const key = `arn:aws:kms:eu-west-1:${account}:key/1`;
const toRole = (Principal: unknown, rest: Part = {}): Part => ({
  Effect: 'Allow',
  Action: 'sts:AssumeRole',
  Principal,
  ...rest,
});
const assume = { action: 'sts:AssumeRole', on: roleArn };
const everyName = { AWS: [account, roleArn, sessionArn] };

// biome-ignore format: a table
const cases: [Page, string, boolean, Case][] = [
  ['logic', 'everything is denied by default', false, {}],
  ['logic', 'an allow of the identity is enough', true, { identity: [allow()] }],
  ['logic', 'an explicit deny overrides an allow', false, { identity: [allow(), deny()] }],
  ['logic', 'whichever comes first', false, { identity: [deny(), allow()] }],
  ['logic', 'a deny of the resource overrides the allow of the identity', false, { identity: [allow()], resource: [deny({ Principal: '*' })] }],
  ['logic', 'a deny of the identity overrides the allow of the resource', false, { identity: [deny()], resource: [allow({ Principal: { AWS: roleArn } })] }],
  ['logic', 'a deny whose condition fails denies nothing', true, { identity: [allow(), deny({ Condition: { Bool: { 'aws:SecureTransport': 'false' } } })] }],
  ['basics', 'within an account either policy may allow', true, { resource: [allow({ Principal: { AWS: roleArn } })] }],
  ['basics', 'a resource that allows somebody else allows nobody', false, { resource: [allow({ Principal: { AWS: `${roleArn}s` } })] }],
  ['basics', 'a key asks its own policy as well', false, { identity: [allow({ Action: 'kms:Decrypt' })], action: 'kms:Decrypt', on: key, resource: [] }],
  ['basics', 'which may leave it to the identity', true, { identity: [allow({ Action: 'kms:Decrypt' })], action: 'kms:Decrypt', on: key, resource: [allow({ Action: 'kms:*', Principal: { AWS: account } })] }],
  ['basics', 'a role opens for whom its trust names', true, { ...assume, resource: [toRole({ AWS: roleArn })] }],
  ['basics', 'and for nobody whom only an identity policy lets', false, { ...assume, identity: [allow({ Action: 'sts:AssumeRole' })], resource: [] }],
  ['crossAccount', 'another account needs both', true, { who: 'outsider', resource: [allow({ Principal: { AWS: other } })] }],
  ['crossAccount', 'not its own policies alone', false, { who: 'outsider' }],
  ['crossAccount', 'a third account is not the one', false, { who: 'outsider', resource: [allow({ Principal: { AWS: '777788889999' } })] }],
  ['crossAccount', 'a deny for it wins', false, { who: 'outsider', resource: [allow({ Principal: { AWS: other } }), deny({ Principal: { AWS: other } })] }],
  ['crossAccount', 'a role opens for the user it names', true, { ...assume, who: 'outsider', resource: [toRole({ AWS: `arn:aws:iam::${other}:user/x` })] }],
  ['crossAccount', 'and for another user of that account not', false, { ...assume, who: 'outsider', resource: [toRole({ AWS: `arn:aws:iam::${other}:user/y` })] }],
  ['externalId', 'the id that was agreed on opens', true, { ...assume, who: 'outsider', context: { 'sts:ExternalId': 'id' }, resource: [toRole({ AWS: other }, { Condition: { StringEquals: { 'sts:ExternalId': 'id' } } })] }],
  ['externalId', 'another does not', false, { ...assume, who: 'outsider', context: { 'sts:ExternalId': 'ID' }, resource: [toRole({ AWS: other }, { Condition: { StringEquals: { 'sts:ExternalId': 'id' } } })] }],
  ['externalId', 'none does not', false, { ...assume, who: 'outsider', resource: [toRole({ AWS: other }, { Condition: { StringEquals: { 'sts:ExternalId': 'id' } } })] }],

  ['action', 'case does not matter', true, { identity: [allow({ Action: 'S3:GETOBJECT' })] }],
  ['action', '* for any characters', true, { identity: [allow({ Action: 's3:*Object' })] }],
  ['action', 'an action of another service', false, { identity: [allow({ Action: 'sqs:*' })] }],
  ['notAction', 'all but these', true, { identity: [allow({ Action: undefined, NotAction: 's3:DeleteObject' })] }],
  ['notAction', 'is no deny of these', true, { identity: [allow({ Action: undefined, NotAction: 's3:*' }), allow()] }],
  ['notAction', 'in a deny denies all but these', false, { identity: [allow(), deny({ Action: undefined, NotAction: 's3:ListBucket' })] }],
  ['resource', '? for one character', true, { identity: [allow({ Resource: 'arn:aws:s3:::data/?/b.txt' })] }],
  ['resource', '* over slashes', true, { identity: [allow({ Resource: 'arn:aws:s3:::d*' })] }],
  ['resource', 'a wildcard stays within its part of the ARN', false, { identity: [allow({ Resource: 'arn:aws:s3*' })] }],
  ['resource', 'a bucket is not its objects', false, { identity: [allow({ Resource: 'arn:aws:s3:::data' })] }],
  ['notResource', 'all but these', false, { identity: [allow({ Resource: undefined, NotResource: 'arn:aws:s3:::data/*' })] }],
  ['notResource', 'in a deny spares these', true, { identity: [allow(), deny({ Resource: undefined, NotResource: 'arn:aws:s3:::data/*' })] }],
  ['notResource', 'and denies the others', false, { identity: [allow(), deny({ Resource: undefined, NotResource: ['arn:aws:s3:::data', 'arn:aws:s3:::data/x/*'] })] }],

  ['principal', 'everybody, the anonymous too', true, { who: 'anonymous', resource: [allow({ Principal: '*' })] }],
  ['principal', '{"AWS": "*"} is the same', true, { who: 'anonymous', resource: [allow({ Principal: { AWS: '*' } })] }],
  ['principal', 'an account stands for what its policies allow', false, { resource: [allow({ Principal: { AWS: account } })] }],
  ['principal', 'a session by its own ARN', true, { resource: [allow({ Principal: { AWS: sessionArn } })] }],
  ['principal', 'and no other session', false, { resource: [allow({ Principal: { AWS: `${sessionArn}s` } })] }],
  ['principal', 'a service by its name', true, { who: 'service', resource: [allow({ Principal: { Service: 'firehose.amazonaws.com' } })] }],
  ['principal', 'and no other service', false, { who: 'service', resource: [allow({ Principal: { Service: 'sns.amazonaws.com' } })] }],
  ['notPrincipal', 'denies whom it does not name', false, { identity: [allow()], resource: [deny({ NotPrincipal: { AWS: [`arn:aws:iam::${other}:root`] } })] }],
  ['notPrincipal', 'spares a role named with session and account', true, { identity: [allow()], resource: [deny({ NotPrincipal: everyName })] }],
  ['notPrincipal', 'not one that is named without its account', false, { identity: [allow()], resource: [deny({ NotPrincipal: { AWS: [roleArn, sessionArn] } })] }],
  ['notPrincipal', 'spares a service by its name', true, { who: 'service', resource: [allow({ Principal: { Service: 'firehose.amazonaws.com' } }), deny({ NotPrincipal: { Service: 'firehose.amazonaws.com' } })] }],

  ['operators', 'StringEquals minds case', false, { identity: [when({ StringEquals: { 's3:prefix': 'Logs' } })], context: { 's3:prefix': 'logs' } }],
  ['operators', 'StringEqualsIgnoreCase does not', true, { identity: [when({ StringEqualsIgnoreCase: { 's3:prefix': 'Logs' } })], context: { 's3:prefix': 'logs' } }],
  ['operators', 'StringEquals takes no wildcards', false, { identity: [when({ StringEquals: { 's3:prefix': 'l*' } })], context: { 's3:prefix': 'logs' } }],
  ['operators', 'StringLike does', true, { identity: [when({ StringLike: { 's3:prefix': 'l*' } })], context: { 's3:prefix': 'logs' } }],
  ['operators', 'StringNotLike', false, { identity: [when({ StringNotLike: { 's3:prefix': 'l*' } })], context: { 's3:prefix': 'logs' } }],
  ['operators', 'StringNotEqualsIgnoreCase', false, { identity: [when({ StringNotEqualsIgnoreCase: { 's3:prefix': 'LOGS' } })], context: { 's3:prefix': 'logs' } }],
  ['operators', 'a key that is missing does not match', false, { identity: [when({ StringEquals: { 's3:prefix': 'logs' } })] }],
  ['operators', 'and is not matched by StringNotLike, so that it holds', true, { identity: [when({ StringNotLike: { 's3:prefix': 'logs' } })] }],
  ['operators', 'by ArnNotLike too', true, { identity: [when({ ArnNotLike: { 'aws:SourceArn': 'arn:aws:s3:::x' } })] }],
  ['operators', 'NumericLessThanEquals', true, { identity: [when({ NumericLessThanEquals: { 's3:max-keys': '10' } })], context: { 's3:max-keys': '10' } }],
  ['operators', 'NumericGreaterThan compares numbers', true, { identity: [when({ NumericGreaterThan: { 's3:max-keys': '9' } })], context: { 's3:max-keys': '10' } }],
  ['operators', 'NumericNotEquals', false, { identity: [when({ NumericNotEquals: { 's3:max-keys': '10.0' } })], context: { 's3:max-keys': '10' } }],
  ['operators', 'DateGreaterThan', true, { identity: [when({ DateGreaterThan: { 'aws:CurrentTime': '2026-11-21T11:59:59Z' } })] }],
  ['operators', 'DateLessThan', false, { identity: [when({ DateLessThan: { 'aws:CurrentTime': '2026-11-21T12:00:00Z' } })] }],
  ['operators', 'DateLessThanEquals with another zone', true, { identity: [when({ DateLessThanEquals: { 'aws:CurrentTime': '2026-11-21T13:00:00+01:00' } })] }],
  ['operators', 'dates as seconds since 1970', true, { identity: [when({ DateEquals: { 'aws:CurrentTime': String(Date.UTC(2026, 10, 21, 12) / 1000) } })] }],
  ['operators', 'a time of day without a zone is no date', false, { identity: [when({ DateGreaterThan: { 'aws:CurrentTime': '2026-11-20T00:00:00' } })] }],
  ['operators', 'aws:EpochTime with numbers', true, { identity: [when({ NumericGreaterThan: { 'aws:EpochTime': '1700000000' } })] }],
  ['operators', 'Bool', true, { identity: [when({ Bool: { 'aws:SecureTransport': true } })] }],
  ['operators', 'Bool of the other', false, { identity: [when({ Bool: { 'aws:SecureTransport': 'false' } })] }],
  ['operators', 'BinaryEquals compares what is encoded', true, { identity: [when({ BinaryEquals: { 's3:prefix': 'QmluYXJ5' } })], context: { 's3:prefix': 'QmluYXJ5' } }],
  ['operators', 'IpAddress of a range', true, { identity: [when({ IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } })], context: { 'aws:SourceIp': '203.0.113.9' } }],
  ['operators', 'IpAddress without a length is one address', false, { identity: [when({ IpAddress: { 'aws:SourceIp': '203.0.113.8' } })], context: { 'aws:SourceIp': '203.0.113.9' } }],
  ['operators', 'IpAddress of IPv6', true, { identity: [when({ IpAddress: { 'aws:SourceIp': '2001:db8:1234:5678::/64' } })], context: { 'aws:SourceIp': '2001:DB8:1234:5678:0:0:0:1' } }],
  ['operators', 'NotIpAddress', false, { identity: [when({ NotIpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '203.0.113.0/24'] } })], context: { 'aws:SourceIp': '203.0.113.9' } }],
  ['operators', 'ArnEquals is ArnLike', true, { identity: [when({ ArnEquals: { 'aws:PrincipalArn': `arn:aws:iam::${account}:role/*` } })] }],
  ['operators', 'part by part', false, { identity: [when({ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam*role/Reader' } })] }],
  ['operators', 'ArnNotEquals', false, { identity: [when({ ArnNotEquals: { 'aws:PrincipalArn': roleArn } })] }],
  ['operators', 'IfExists holds where the key is missing', true, { identity: [when({ StringLikeIfExists: { 's3:prefix': 'l*' } })] }],
  ['operators', 'and compares where it is there', false, { identity: [when({ StringLikeIfExists: { 's3:prefix': 'l*' } })], context: { 's3:prefix': 'x' } }],
  ['operators', 'IfExists of a negated operator', false, { identity: [when({ StringNotEqualsIfExists: { 's3:prefix': 'x' } })], context: { 's3:prefix': 'x' } }],
  ['operators', 'NumericLessThanIfExists', true, { identity: [when({ NumericLessThanIfExists: { 's3:max-keys': '5' } })] }],
  ['operators', 'BoolIfExists', true, { identity: [when({ BoolIfExists: { 'kms:GrantIsForAWSResource': 'true' } })] }],
  ['operators', 'Null true: the key must be missing', true, { identity: [when({ Null: { 's3:prefix': 'true' } })] }],
  ['operators', 'Null true of a key that is there', false, { identity: [when({ Null: { 's3:prefix': 'true' } })], context: { 's3:prefix': 'x' } }],
  ['operators', 'Null false: the key must be there', false, { identity: [when({ Null: { 's3:prefix': 'false' } })] }],
  ['operators', 'Null false of no values', false, { identity: [when({ Null: { 'aws:TagKeys': 'false' } })], context: { 'aws:TagKeys': [] } }],

  ['blocks', 'any of several values', true, { identity: [when({ StringEquals: { 's3:prefix': ['a', 'b'] } })], context: { 's3:prefix': 'b' } }],
  ['blocks', 'none of several values under a negated operator', false, { identity: [when({ StringNotEquals: { 's3:prefix': ['a', 'b'] } })], context: { 's3:prefix': 'b' } }],
  ['blocks', 'all keys of an operator', false, { identity: [when({ StringEquals: { 's3:prefix': 'b', 's3:delimiter': '/' } })], context: { 's3:prefix': 'b' } }],
  ['blocks', 'all operators', false, { identity: [when({ StringEquals: { 's3:prefix': 'b' }, Bool: { 'aws:SecureTransport': 'false' } })], context: { 's3:prefix': 'b' } }],
  ['blocks', 'names of keys in any case', true, { identity: [when({ StringEquals: { 'S3:PREFIX': 'b' } })], context: { 's3:prefix': 'b' } }],

  ['sets', 'ForAllValues: each value of the request matches one', true, { identity: [when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b', 'c'] } })], context: tags('a', 'b') }],
  ['sets', 'ForAllValues: one that matches none', false, { identity: [when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'c'] } })], context: tags('a', 'b') }],
  ['sets', 'ForAllValues: no key in the request', true, { identity: [when({ 'ForAllValues:StringEquals': { 's3:prefix': 'a' } })] }],
  ['sets', 'ForAllValues: no values in the request', true, { identity: [when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': 'a' } })], context: tags() }],
  ['sets', 'ForAnyValue: one that matches', true, { identity: [when({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['b', 'x'] } })], context: tags('a', 'b') }],
  ['sets', 'ForAnyValue: none that matches', false, { identity: [when({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'x' } })], context: tags('a', 'b') }],
  ['sets', 'ForAnyValue: no key in the request', false, { identity: [when({ 'ForAnyValue:StringEquals': { 's3:prefix': 'a' } })] }],
  ['sets', 'ForAnyValue: no values in the request', false, { identity: [when({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } })], context: tags() }],
  ['sets', 'ForAllValues with a negated operator', false, { identity: [when({ 'ForAllValues:StringNotEquals': { 'aws:TagKeys': 'b' } })], context: tags('a', 'b') }],
  ['sets', 'ForAnyValue with a negated operator', true, { identity: [when({ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': 'b' } })], context: tags('a', 'b') }],
  ['sets', 'several values without a set operator cannot be decided', false, { identity: [when({ StringEquals: { 'aws:TagKeys': 'a' } })], context: tags('a', 'b') }],
  ['setExamples', 'a deny of tag keys by ForAnyValue', false, { identity: [allow(), deny({ Condition: { 'ForAnyValue:StringLike': { 'aws:TagKeys': 'key1*' } } })], context: tags('key1:x', 'other') }],
  ['setExamples', 'ForAllValues with Null, so that no keys do not pass', false, { identity: [when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': 'a' }, Null: { 'aws:TagKeys': 'false' } })], context: tags() }],

  ['variables', 'in a resource', true, { identity: [allow({ Resource: 'arn:aws:s3:::data/${aws:PrincipalAccount}/*' })], on: `arn:aws:s3:::data/${account}/x` }],
  ['variables', 'in a condition', true, { identity: [when({ StringLike: { 's3:prefix': '${aws:userid}/*' } })], context: { 's3:prefix': 'AROAEXAMPLE:monday/x' } }],
  ['variables', 'a value is never a wildcard', false, { identity: [allow({ Resource: 'arn:aws:s3:::data/${s3:prefix}/x' })], on: 'arn:aws:s3:::data/any/x', context: { 's3:prefix': '*' } }],
  ['variables', 'a missing one matches nothing', false, { identity: [allow({ Resource: 'arn:aws:s3:::data/${aws:username}/*' })], on: 'arn:aws:s3:::data//x' }],
  ['variables', 'a default for a missing one', true, { identity: [allow({ Resource: "arn:aws:s3:::data/${aws:username, 'all'}/*" })], on: 'arn:aws:s3:::data/all/x' }],
  ['variables', '${*} is a star', true, { identity: [allow({ Resource: 'arn:aws:s3:::data/${*}' })], on: 'arn:aws:s3:::data/*' }],
  ['variables', 'and no wildcard', false, { identity: [allow({ Resource: 'arn:aws:s3:::data/${*}' })], on: 'arn:aws:s3:::data/x' }],
  ['variables', 'one of several values cannot be decided', false, { identity: [allow({ Resource: 'arn:aws:s3:::data/${aws:TagKeys}/*' })], on: 'arn:aws:s3:::data/a/x', context: tags('a', 'b') }],
  ['version', 'older documents have no variables', false, { version: '2008-10-17', identity: [allow({ Resource: 'arn:aws:s3:::data/${aws:PrincipalAccount}/*' })], on: `arn:aws:s3:::data/${account}/x` }],
];

test.each(cases)('%s: %s', (_, __, expected, input) => {
  expect(allowed(input)).toBe(expected);
});

test('every page has cases for both answers', () => {
  for (const page of Object.keys(pages)) {
    const answers = cases.filter(([of]) => of === page).map(([, , expected]) => expected);
    expect([page, answers.length > 0]).toEqual([page, true]);
    if (page !== 'version' && page !== 'setExamples') expect([page, new Set(answers).size]).toEqual([page, 2]);
  }
});

test.each<[string, Part]>([
  ['an unknown operator', { StringSounds: { 's3:prefix': 'x' } }],
  ['an unknown set operator', { 'ForNoValue:StringEquals': { 's3:prefix': 'x' } }],
  ['a set operator before Null', { 'ForAnyValue:Null': { 's3:prefix': 'true' } }],
  ['Null with IfExists', { NullIfExists: { 's3:prefix': 'true' } }],
  ['a key that no request is known to carry', { StringEquals: { 'aws:PrincipalTag/team': 'x' } }],
  ['a range of addresses that is none', { IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } }],
])('%s denies, whatever else allows', (_, condition) => {
  expect(allowed({ identity: [allow(), when(condition)] })).toBe(false);
  expect(allowed({ identity: [allow(), deny({ Condition: condition })] })).toBe(false);
});

test.each<[string, Part, 'identity' | 'resource' | 'trust', RegExp]>([
  ['NotPrincipal in an Allow', allow({ NotPrincipal: { AWS: account } }), 'resource', /NotPrincipal must be in a Deny/],
  [
    'NotPrincipal in an identity policy',
    deny({ NotPrincipal: { AWS: account } }),
    'identity',
    /absent from an identity/,
  ],
  [
    'NotPrincipal in a trust policy',
    { Effect: 'Deny', Action: 'sts:AssumeRole', NotPrincipal: { AWS: account } },
    'trust',
    /absent from a trust policy/,
  ],
  [
    'Principal and NotPrincipal',
    deny({ Principal: '*', NotPrincipal: { AWS: account } }),
    'resource',
    /either Principal or NotPrincipal/,
  ],
  ['Action and NotAction', allow({ NotAction: 's3:*' }), 'identity', /either Action or NotAction/],
  ['Resource and NotResource', allow({ NotResource: '*' }), 'identity', /either Resource or NotResource/],
  [
    'an action without its service',
    allow({ Action: 'GetObject' }),
    'identity',
    /Action must be an action as service:Name/,
  ],
  ['a condition without a value', when({ StringEquals: { 's3:prefix': [] } }), 'identity', /must be one value or more/],
  ['an element that is not known', allow({ Ressource: '*' }), 'identity', /Ressource is not modelled/],
  [
    'a canonical user',
    allow({ Principal: { CanonicalUser: 'x' } }),
    'resource',
    /Principal.CanonicalUser is not modelled/,
  ],
])('%s is refused when it is deployed', (_, statement, kind, message) => {
  expect(() => parsePolicy(document([statement]), kind, 'P')).toThrow(message);
});
