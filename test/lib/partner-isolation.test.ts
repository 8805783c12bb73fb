import { App, type CfnElement, CfnResource, Stack } from 'aws-cdk-lib';
import { CfnPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnKey, Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, CfnBucketPolicy } from 'aws-cdk-lib/aws-s3';
import { createAuthorizer, parsePolicy } from 'aws-local/policies';
import { type Authorizer, createClock, type PolicyDocument, type Principal } from 'aws-local-kit';
import * as fc from 'fast-check';
import type { Partner, PartnerExternalId, PartnerIdentity } from '../../environments/environment';
import { exportPrefix } from '../../lambda/export/contract';
import { guardAgainstPartners } from '../../lib/partners/guards';
import { PartnerRole } from '../../lib/partners/partner-role';
import { partnerPrefix, prefixesOf } from '../../lib/partners/prefixes';
import { preset } from '../../lib/partners/presets';
import { checkEnvironment } from '../../lib/rules/environment';
import { cases, seedOf } from '../support/tier';
import { testEnvironment } from './fixtures';

const account = '555555555555';
const region = 'eu-west-1';
/** Some names are prefixes of others. */
const exportNames = ['a.b', 'a.bc', 'a.b_c', 'ab.c', 'a_b.c', 'partners.a', 'a.a'];
const partnerNames = ['a', 'ab', 'a-b', 'abc', 'exports', 'b'];
const sets = cases(60, 300);

const identity: fc.Arbitrary<PartnerIdentity> = fc.oneof(
  fc
    .constantFrom('111122223333:root', '111122223333:role/reader', '444455556666:user/x')
    .map((who): PartnerIdentity => ({ kind: 'aws', principal: `arn:aws:iam::${who}` })),
  fc.constantFrom<PartnerIdentity>(
    { kind: 'snowflake' },
    { kind: 'snowflake', userArn: 'arn:aws:iam::777788889999:user/snow' },
    { kind: 'databricks' },
    { kind: 'materialize' },
  ),
);
const access: fc.Arbitrary<Partner['access']> = fc.oneof(
  fc
    .uniqueArray(fc.constantFrom(...exportNames), { minLength: 1, maxLength: 3 })
    .map((exports) => ({ mode: 'read', exports }) as const),
  fc.constant({ mode: 'write' } as const),
);
const letters = 'xyzuvwqrst';

/** Random ids that differ between partners. */
function externalId(kind: PartnerIdentity['kind'], name: string, chance: number): PartnerExternalId {
  const value = (number: number) => `${name}.${letters}${letters}.${number}`;
  const given: PartnerExternalId = { kind: 'given', values: chance % 2 === 0 ? [value(1)] : [value(1), value(2)] };
  const generated: PartnerExternalId = { kind: 'generated', generations: chance % 3 === 0 ? [1, 2] : [2] };
  if (chance % 5 === 0) return { kind: 'awaited' };
  return kind === 'aws' || kind === 'snowflake' ? (chance % 7 < 4 ? generated : given) : given;
}

const partnerSets: fc.Arbitrary<Partner[]> = fc
  .uniqueArray(fc.constantFrom(...partnerNames), { minLength: 2, maxLength: 4 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc.tuple(identity, access, fc.nat(209)).map(
          ([who, granted, chance]): Partner => ({
            name,
            who,
            access: granted,
            externalId: externalId(who.kind, name, chance),
          }),
        ),
      ),
    ),
  );

/** The policies of a set of partners, as CloudFormation would resolve them. */
class World {
  readonly roles = new Map<string, { trust: PolicyDocument; policy: PolicyDocument }>();
  readonly buckets = new Map<string, PolicyDocument>();
  key!: PolicyDocument;
  private readonly statements = new Map<string, ReturnType<typeof parsePolicy>>();
  private readonly authorizer: Authorizer;

  constructor(readonly partners: readonly Partner[]) {
    const stack = new Stack(new App({ analyticsReporting: false }), 'Set', { env: { account, region } });
    const key = new Key(stack, 'Key');
    const bucket = (id: string) => new Bucket(stack, id, { encryptionKey: key });
    const exports = bucket('Exports');
    guardAgainstPartners(
      { exports, closed: [bucket('History'), bucket('Archive')], key },
      { ...testEnvironment(), partners },
    );
    for (const partner of partners)
      new PartnerRole(stack, partner.name, { environment: 'test', partner, bucket: exports, key, retain: false });
    this.read(stack);
    this.authorizer = createAuthorizer({
      account,
      region,
      clock: createClock({ start: Date.UTC(2026, 10, 21), rate: 0 }),
      statementsOf: (arn) => {
        const role = this.roles.get(arn.slice(roleArn('').length));
        if (!role) return undefined;
        const statements = this.statements.get(arn) ?? parsePolicy(role.policy, 'identity', arn);
        this.statements.set(arn, statements);
        return statements;
      },
      userIdOf: ({ arn }) => arn,
    });
  }

  private read(stack: Stack): void {
    const elements = stack.node
      .findAll()
      .filter((node): node is CfnResource => CfnResource.isCfnResource(node as CfnElement));
    const nameOf = (element: CfnResource) => element.node.scopes.at(2)!.node.id;
    for (const element of elements) {
      const of = (value: unknown) => resolved(stack.resolve(value)) as PolicyDocument;
      if (element instanceof CfnRole)
        this.roles.set(nameOf(element), {
          ...this.roles.get(nameOf(element))!,
          trust: of(element.assumeRolePolicyDocument),
        });
      if (element instanceof CfnPolicy)
        this.roles.set(nameOf(element), { ...this.roles.get(nameOf(element))!, policy: of(element.policyDocument) });
      if (element instanceof CfnBucketPolicy) this.buckets.set(nameOf(element), of(element.policyDocument));
      if (element instanceof CfnKey) this.key = of(element.keyPolicy);
    }
  }

  private may(request: Parameters<Authorizer['authorize']>[0]): boolean {
    try {
      this.authorizer.authorize(request);
      return true;
    } catch {
      return false;
    }
  }

  opens(caller: string, partner: Partner, id: string | undefined): boolean {
    const arn = roleArn(partner.name);
    const other = /::(\d{12}):/.exec(caller)![1]!;
    return this.may({
      principal: { kind: 'administrator', arn: caller, account: other },
      action: 'sts:AssumeRole',
      resource: arn,
      resourcePolicy: this.roles.get(partner.name)!.trust,
      context: id === undefined ? {} : { 'sts:ExternalId': id },
    });
  }

  /** @param guarded false evaluates only the role's own policy */
  reaches(
    partner: Partner,
    action: string,
    bucket: string,
    key: string | undefined,
    guarded: boolean,
    prefix?: string,
  ): boolean {
    return this.may({
      principal: session(partner),
      action,
      resource: `arn:aws:s3:::${bucket}${key === undefined ? '' : `/${key}`}`,
      resourcePolicy: guarded ? this.buckets.get(bucket) : undefined,
      context: prefix === undefined ? {} : { 's3:prefix': prefix },
    });
  }

  usesKey(partner: Partner, context: Record<string, string>): boolean {
    return this.may({
      principal: session(partner),
      action: 'kms:Decrypt',
      resource: `arn:aws:kms:${region}:${account}:key/Key`,
      resourcePolicy: this.key,
      context,
    });
  }
}

const roleArn = (partner: string) => `arn:aws:iam::${account}:role/millrace-test-${partner}`;
const session = (partner: Partner): Principal => ({
  kind: 'role',
  arn: `arn:aws:sts::${account}:assumed-role/millrace-test-${partner.name}/x`,
  roleArn: roleArn(partner.name),
  account,
});

/** Resolves intrinsics as a deployment does. A bucket's name is the id of its construct. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [name, content] = entries[0] ?? [];
  if (entries.length === 1 && name === 'Fn::Join') return (resolved(content[1]) as string[]).join(content[0]);
  if (entries.length === 1 && name === 'Ref') return content === 'AWS::Partition' ? 'aws' : String(content);
  if (entries.length === 1 && name === 'Fn::GetAtt') {
    const id = String(content[0]).replace(/[0-9A-F]{8}$/, '');
    return id === 'Key' ? `arn:aws:kms:${region}:${account}:key/Key` : `arn:aws:s3:::${id}`;
  }
  return Object.fromEntries(entries.map(([key, member]) => [key, resolved(member)]));
}

/** Ids as in the trust policy. A generated id is the reference to its secret. */
function idsOf(world: World, { name }: Partner): string[] {
  const statements = world.roles.get(name)!.trust.Statement as {
    Condition?: { StringEquals?: Record<string, string | string[]> };
  }[];
  return [...new Set(statements.flatMap(({ Condition }) => Condition?.StringEquals?.['sts:ExternalId'] ?? []))];
}

const objectActions = [
  's3:GetObject',
  's3:GetObjectVersion',
  's3:PutObject',
  's3:DeleteObject',
  's3:DeleteObjectVersion',
  's3:PutObjectAcl',
  's3:GetObjectTagging',
];
const strangers = [
  'arn:aws:iam::111122223333:role/reader',
  'arn:aws:iam::444455556666:user/x',
  'arn:aws:iam::999999999999:root',
  'arn:aws:iam::664411391173:role/MaterializeConnection',
];

/** Every access of a partner to data of another. Empty for a sound set. */
function leaks(world: World): string[] {
  const { partners } = world;
  const found: string[] = [];
  const everything = [
    ...exportNames.map((name) => exportPrefix(...(name.split('.') as [string, string]))),
    ...partnerNames.map(partnerPrefix),
  ];
  for (const partner of partners) {
    const own = prefixesOf(partner);
    const principal = preset(partner).principal;
    const ids = idsOf(world, partner);
    const others = partners.filter((other) => other !== partner);
    const wrong = [undefined, '', 'PENDING', ...others.flatMap((other) => idsOf(world, other))];
    const callers = [...strangers, ...partners.flatMap((other) => preset(other).principal ?? [])];
    for (const caller of callers) {
      for (const id of wrong)
        if (world.opens(caller, partner, id)) found.push(`${caller} opens ${partner.name} with ${id}`);
      const isOwn =
        principal !== undefined &&
        (caller === principal || (principal.endsWith(':root') && caller.startsWith(principal.slice(0, -4))));
      for (const id of ids)
        if (world.opens(caller, partner, id) !== isOwn)
          found.push(`${caller} ${isOwn ? 'does not open' : 'opens'} ${partner.name} with its id`);
    }
    if (principal === undefined && ids.length > 0) found.push(`${partner.name} trusts before its principal is known`);
    for (const prefix of everything.filter((candidate) => !own.includes(candidate))) {
      const tried = (action: string, key: string, guarded: boolean) => {
        if (world.reaches(partner, action, 'Exports', key, guarded))
          found.push(`${partner.name}${guarded ? '' : ' without guards'}: ${action} ${key}`);
      };
      for (const action of objectActions) tried(action, `${prefix}latest.json`, true);
      for (const key of [prefix, `${prefix}../${own[0]}x`]) tried('s3:GetObject', key, true);
      for (const action of ['s3:GetObject', 's3:PutObject']) tried(action, `${prefix}latest.json`, false);
      for (const [listed, guarded] of [
        [prefix, true],
        [prefix, false],
        [prefix.slice(0, -1), true],
        [prefix.slice(0, -1), false],
        [`${prefix}x`, true],
      ] as const)
        if (world.reaches(partner, 's3:ListBucket', 'Exports', undefined, guarded, listed))
          found.push(`${partner.name}${guarded ? '' : ' without guards'} lists ${listed}`);
    }
    for (const listed of ['', 'exports/', 'partners/', 'e', 'p'])
      if (world.reaches(partner, 's3:ListBucket', 'Exports', undefined, false, listed))
        found.push(`${partner.name} lists ${listed}`);
    for (const guarded of [true, false])
      for (const bucket of ['History', 'Archive'])
        for (const action of [...objectActions, 's3:ListBucket']) {
          const key = action === 's3:ListBucket' ? undefined : `${own[0]}x`;
          if (world.reaches(partner, action, bucket, key, guarded, own[0]))
            found.push(`${partner.name}: ${action} of ${bucket}`);
        }
    for (const prefix of own)
      if (!world.reaches(partner, preset(partner).objects[0]!, 'Exports', `${prefix}x`, true))
        found.push(`${partner.name} does not reach ${prefix}`);
    if (world.usesKey(partner, {})) found.push(`${partner.name} uses the key directly`);
    if (!world.usesKey(partner, { 'kms:ViaService': `s3.${region}.amazonaws.com` }))
      found.push(`${partner.name} cannot read what is encrypted`);
  }
  return found;
}

jest.setTimeout(300_000);

const { stackTraceLimit } = Error;
beforeAll(() => {
  // Each refusal is an error, and there are millions.
  Error.stackTraceLimit = 0;
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

test('in no set of partners can one reach data of another', () => {
  fc.assert(
    fc.property(partnerSets, (partners) => {
      const environment = { ...testEnvironment(), account, partners };
      const known = {
        pipelines: [],
        exports: exportNames,
        materialize: [],
        endpoints: new Map(),
        endpointFunctions: 0,
      };
      expect(checkEnvironment(environment, 'environments.test', known).problems).toEqual([]);
      expect(leaks(new World(partners))).toEqual([]);
    }),
    { numRuns: sets, seed: seedOf(20261121) },
  );
});

test('a set that leaks is found', () => {
  const partners: Partner[] = [
    {
      name: 'a',
      who: { kind: 'materialize' },
      access: { mode: 'write' },
      externalId: { kind: 'given', values: ['shared-id-of-two-partners'] },
    },
    {
      name: 'b',
      who: { kind: 'materialize' },
      access: { mode: 'write' },
      externalId: { kind: 'given', values: ['shared-id-of-two-partners'] },
    },
  ];
  expect(leaks(new World(partners))).toEqual([
    'arn:aws:iam::664411391173:role/MaterializeConnection opens a with shared-id-of-two-partners',
    expect.anything(),
    expect.anything(),
    expect.anything(),
    expect.anything(),
    expect.anything(),
  ]);
});
