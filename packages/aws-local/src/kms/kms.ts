import { createHash } from 'node:crypto';
import {
  type Authorizer,
  AwsError,
  booleanOf,
  integerOf,
  NotModelledError,
  oneOf,
  type PolicyDocument,
  type Principal,
  type ResourceContext,
  type ResourceState,
  type ResourceTwin,
  requiredText,
  textOf,
} from 'aws-local-kit';
import { parsePolicy } from '../iam/policy';

export interface KmsOptions {
  readonly account: string;
  readonly region: string;
  readonly authorizer: Authorizer;
}

export type KmsUse =
  | 'Encrypt'
  | 'Decrypt'
  | 'GenerateDataKey'
  | 'GenerateDataKeyWithoutPlaintext'
  | 'DescribeKey'
  | 'CreateGrant';

interface Key {
  readonly id: string;
  readonly arn: string;
  readonly enabled: boolean;
  readonly policy: PolicyDocument;
}

/** Customer keys, modelled as policies that decide who may use the protected data. No local data is encrypted. */
export class Kms {
  readonly #keys = new Map<string, Key>();
  readonly #aliases = new Map<string, string>();
  readonly resources: ResourceTwin[];

  constructor(private readonly options: KmsOptions) {
    this.resources = [
      {
        type: 'AWS::KMS::Key',
        properties: [
          'BypassPolicyLockoutSafetyCheck',
          'Description',
          'Enabled',
          'EnableKeyRotation',
          'KeyPolicy',
          'KeySpec',
          'KeyUsage',
          'MultiRegion',
          'Origin',
          'PendingWindowInDays',
          'RotationPeriodInDays',
          'Tags',
        ],
        create: (properties, context) => this.#createKey(properties, context),
        delete: ({ ref }) => void this.#keys.delete(ref),
      },
      {
        type: 'AWS::KMS::Alias',
        properties: ['AliasName', 'TargetKeyId'],
        replacedBy: ['AliasName'],
        create: (properties, context) => this.#createAlias(properties, context),
        delete: ({ ref }) => void this.#aliases.delete(ref),
      },
    ];
  }

  /**
   * ARN of the key for an id, an ARN, `alias/<name>` or the ARN of an alias.
   * @throws AwsError NotFoundException
   */
  keyArn(keyIdOrArn: string): string {
    return this.#find(keyIdOrArn)?.arn ?? this.#managedArn(keyIdOrArn);
  }

  /**
   * Checks that the caller may use the key, by the key's policy and the caller's own policies. `context` contains
   * `kms:ViaService` and `kms:EncryptionContext:…`; `kms:CallerAccount` is added. A key managed by AWS
   * (`alias/aws/<service>`) allows services and every caller of the account.
   * @throws AwsError AccessDeniedException, NotFoundException, DisabledException
   */
  authorizeUse(
    principal: Principal,
    keyIdOrArn: string,
    use: KmsUse,
    context: Readonly<Record<string, string>> = {},
  ): void {
    const key = this.#find(keyIdOrArn);
    if (!key) {
      this.#managedArn(keyIdOrArn);
      if (principal.kind === 'service' || principal.account === this.options.account) return;
      throw new AwsError(
        'AccessDeniedException',
        `${principal.arn} is of another account and cannot use ${keyIdOrArn}`,
      );
    }
    if (!key.enabled) throw new AwsError('DisabledException', `key ${key.arn} is disabled`);
    const caller: Record<string, string> =
      principal.kind === 'service' ? {} : { 'kms:CallerAccount': principal.account };
    this.options.authorizer.authorize({
      principal,
      action: `kms:${use}`,
      resource: key.arn,
      resourcePolicy: key.policy,
      context: { ...caller, ...context },
    });
  }

  #find(keyIdOrArn: string): Key | undefined {
    const name = keyIdOrArn.replace(/^arn:[^:]+:kms:[^:]*:[^:]*:/, '').replace(/^key\//, '');
    return this.#keys.get(this.#aliases.get(name) ?? name);
  }

  #managedArn(keyIdOrArn: string): string {
    const alias = /(?:^|:)(alias\/aws\/[a-z0-9-]+)$/.exec(keyIdOrArn)?.[1];
    if (!alias) throw new AwsError('NotFoundException', `key ${keyIdOrArn} does not exist`);
    return `arn:aws:kms:${this.options.region}:${this.options.account}:${alias}`;
  }

  #createKey(properties: Record<string, unknown>, context: ResourceContext): ResourceState {
    const { account, region } = this.options;
    const where = `AWS::KMS::Key ${context.logicalId}`;
    oneOf(properties['KeySpec'], ['SYMMETRIC_DEFAULT'], `${where}.KeySpec`);
    oneOf(properties['KeyUsage'], ['ENCRYPT_DECRYPT'], `${where}.KeyUsage`);
    oneOf(properties['Origin'], ['AWS_KMS'], `${where}.Origin`);
    if (booleanOf(properties['MultiRegion'], `${where}.MultiRegion`))
      throw new NotModelledError(`${where}.MultiRegion true`);
    integerOf(properties['PendingWindowInDays'], `${where}.PendingWindowInDays`, 7, 30);
    integerOf(properties['RotationPeriodInDays'], `${where}.RotationPeriodInDays`, 90, 2560);
    const id = context.previous?.ref ?? keyId(`${account} ${region} ${context.stackName} ${context.generatedName}`);
    const arn = `arn:aws:kms:${region}:${account}:key/${id}`;
    const policy = (properties['KeyPolicy'] as PolicyDocument | undefined) ?? delegationTo(account);
    parsePolicy(policy, 'resource', `${where}.KeyPolicy`);
    this.#keys.set(id, { id, arn, policy, enabled: booleanOf(properties['Enabled'], `${where}.Enabled`) ?? true });
    return { ref: id, attributes: { Arn: arn, KeyId: id } };
  }

  #createAlias(properties: Record<string, unknown>, context: ResourceContext): ResourceState {
    const where = `AWS::KMS::Alias ${context.logicalId}`;
    const name = requiredText(properties['AliasName'], `${where}.AliasName`);
    if (!/^alias\/(?!aws\/)[a-zA-Z0-9/_-]+$/.test(name))
      throw new Error(`${where}.AliasName must be alias/<name>, got ${name}`);
    const target = this.#find(textOf(properties['TargetKeyId'], `${where}.TargetKeyId`) ?? '');
    if (!target)
      throw new AwsError('NotFoundException', `${where}.TargetKeyId: key ${properties['TargetKeyId']} does not exist`);
    this.#aliases.set(name, target.id);
    return { ref: name, attributes: {} };
  }
}

/** Keys and aliases of one account and region. */
export function createKms(options: KmsOptions): { port: Kms; resources: ResourceTwin[] } {
  const port = new Kms(options);
  return { port, resources: port.resources };
}

function delegationTo(account: string): PolicyDocument {
  const root = `arn:aws:iam::${account}:root`;
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' }],
  };
}

function keyId(seed: string): string {
  const hex = createHash('sha256').update(seed).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
