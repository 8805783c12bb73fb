import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  AccountRootPrincipal,
  ArnPrincipal,
  type CfnRole,
  type Conditions,
  Effect,
  PolicyStatement,
  Role,
} from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { Partner } from '../../environments/environment';
import { explained, grant } from '../shared/grant';
import { keyUse } from '../shared/key-use';
import { prefixesOf } from './prefixes';
import { partnerRoleName, preset } from './presets';
import { partnerRoleArn } from './role-arn';

export interface PartnerRoleProps {
  readonly environment: string;
  readonly partner: Partner;
  readonly bucket: Bucket;
  readonly key: IKey;
  /** ARNs of the routes that the partner may call. @default - none */
  readonly routes?: readonly string[];
  /** True keeps a generated external id when the stack is deleted, because the partner has configured it. */
  readonly retain: boolean;
}

/** The role of a partner. It can be assumed only with its external id, and allows only what was granted. */
export class PartnerRole extends Construct {
  readonly role: Role;
  /** Secrets with the external ids that Millrace generated, by generation. Empty for the other kinds. */
  readonly generatedIds: ReadonlyMap<number, Secret>;

  constructor(scope: Construct, id: string, props: PartnerRoleProps) {
    super(scope, id);
    const { partner, bucket, key, environment } = props;
    const known = preset(partner);
    this.generatedIds = this.generateIds(props);
    const externalIds =
      partner.externalId.kind === 'given'
        ? partner.externalId.values
        : // The trust policy shows the id in plain text in any case, so a reference that resolves to plain text is fine here.
          [...this.generatedIds.values()].map((secret) => secret.secretValue.unsafeUnwrap());
    this.role = new Role(this, 'Role', {
      roleName: partnerRoleName(environment, partner.name),
      description: `Partner ${partner.name}: ${partner.access.mode}s below its own prefix`,
      assumedBy: new AccountRootPrincipal(),
    });
    const self = partnerRoleArn(this, environment, partner.name);
    this.trust(
      known.principal === undefined || externalIds.length === 0
        ? [trustNobody]
        : trustOf(known.principal, externalIds, partner, known.assumesItself ? self : undefined),
    );
    const statements = [
      ...bucketStatements(partner, bucket, key),
      ...routeStatements(props.routes ?? []),
      ...(known.assumesItself ? [new PolicyStatement({ actions: ['sts:AssumeRole'], resources: [self] })] : []),
    ];
    for (const statement of statements) statement.addConditions(untilOf(partner));
    grant(this.role, ...statements);
  }

  private trust(statements: readonly PolicyStatement[]): void {
    (this.role.node.defaultChild as CfnRole).assumeRolePolicyDocument = {
      Version: '2012-10-17',
      Statement: statements.map((statement) => statement.toStatementJson()),
    };
  }

  private generateIds({ partner, key, retain }: PartnerRoleProps): Map<number, Secret> {
    if (partner.externalId.kind !== 'generated') return new Map();
    const generations = partner.externalId.generations ?? [1];
    return new Map(generations.map((generation) => [generation, this.generateId(partner, generation, key, retain)]));
  }

  private generateId(partner: Partner, generation: number, key: IKey, retain: boolean): Secret {
    const secret = new Secret(this, generation === 1 ? 'ExternalId' : `ExternalId${generation}`, {
      description: `External id ${generation} that ${partner.name} has to send`,
      encryptionKey: key,
      generateSecretString: { passwordLength: 40, excludePunctuation: true },
      removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'An external id is agreed on with the partner and rotated by adding a generation; automatic rotation would lock the partner out',
    });
    return secret;
  }
}

/** While principal or id are unknown, the trust denies everyone. A placeholder could be guessed. */
const trustNobody = new PolicyStatement({
  sid: 'ExternalIdAwaited',
  effect: Effect.DENY,
  principals: [new ArnPrincipal('*')],
  actions: ['sts:AssumeRole'],
});

function trustOf(
  principal: string,
  externalIds: readonly string[],
  partner: Partner,
  self: string | undefined,
): PolicyStatement[] {
  const conditions: Conditions = {
    StringEquals: { 'sts:ExternalId': externalIds.length === 1 ? externalIds[0] : externalIds },
    ...untilOf(partner),
  };
  const trusted = new PolicyStatement({
    principals: [new ArnPrincipal(principal)],
    actions: ['sts:AssumeRole'],
    conditions,
  });
  if (self === undefined) return [trusted];
  // IAM refuses a principal that does not exist yet, such as this role. So the principal is the account, and a condition names the role.
  const itself = new PolicyStatement({
    principals: [new AccountRootPrincipal()],
    actions: ['sts:AssumeRole'],
    conditions: { ...conditions, ArnEquals: { 'aws:PrincipalArn': self } },
  });
  return [trusted, itself];
}

/** Conditions that end the access. Permissions carry them too, because a session that was opened before the end lasts an hour. */
const untilOf = ({ until }: Partner): Conditions =>
  until === undefined ? {} : { DateLessThan: { 'aws:CurrentTime': `${until}T00:00:00Z` } };

/** API Gateway asks for the permission on each route with AWS_IAM (developer guide, "Control access to HTTP APIs with IAM authorization"). */
const routeStatements = (routes: readonly string[]): PolicyStatement[] =>
  routes.length === 0 ? [] : [new PolicyStatement({ actions: ['execute-api:Invoke'], resources: [...routes] })];

function bucketStatements(partner: Partner, bucket: Bucket, key: IKey): PolicyStatement[] {
  const { objects, bucket: onBucket } = preset(partner);
  const below = prefixesOf(partner).map((prefix) => `${prefix}*`);
  if (below.length === 0) return [];
  return [
    explained(
      new PolicyStatement({ actions: [...objects], resources: below.map((prefix) => bucket.arnForObjects(prefix)) }),
      partner.access.mode === 'read'
        ? 'All runs and windows of the exports that were granted, and of no others'
        : 'The partner names its objects itself, below its own prefix',
    ),
    new PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [bucket.bucketArn],
      conditions: { StringLike: { 's3:prefix': below } },
    }),
    ...(onBucket.length > 0 ? [new PolicyStatement({ actions: [...onBucket], resources: [bucket.bucketArn] })] : []),
    keyUse(key, 's3', partner.access.mode),
  ];
}
