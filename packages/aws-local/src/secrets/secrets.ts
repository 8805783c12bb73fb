import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {
  type Authorizer,
  AwsError,
  type Clock,
  type PolicyDocument,
  type Principal,
  replaceFile,
  type SecretsPort,
} from 'aws-local-kit';
import type { Kms } from '../kms';

export interface SecretsOptions {
  /** The runtime's data folder. Values are stored in its `secrets.json`, which only the owner can read. */
  readonly dataDir: string;
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly kms: Kms;
}

export interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly value: string;
  readonly versionId: string;
  readonly createdAt: number;
  readonly description?: string;
  readonly kmsKey?: string;
  /** The service that manages the secret, for example `redshift`. */
  readonly owningService?: string;
}

/** The account's secrets, each with one version. */
export class Secrets implements SecretsPort {
  readonly #secrets = new Map<string, Secret>();
  readonly #policies = new Map<string, PolicyDocument>();
  readonly #file: string;

  constructor(readonly options: SecretsOptions) {
    this.#file = path.join(options.dataDir, 'secrets.json');
    for (const secret of readSecrets(this.#file)) this.#secrets.set(secret.arn, secret);
  }

  async getSecretString(principal: Principal, secretId: string): Promise<string> {
    return this.readable(principal, secretId).value;
  }

  /** The secret. Checks that the caller may read its value. */
  readable(principal: Principal, secretId: string): Secret {
    const secret = this.#authorized(principal, 'secretsmanager:GetSecretValue', secretId);
    if (secret.kmsKey)
      this.options.kms.authorizeUse(principal, secret.kmsKey, 'Decrypt', {
        'kms:ViaService': `secretsmanager.${this.options.region}.amazonaws.com`,
        'kms:EncryptionContext:SecretARN': secret.arn,
      });
    return secret;
  }

  /** Gives the secret a new value. Checks that the caller may. */
  put(principal: Principal, secretId: string, value: string): Secret {
    const secret = this.#authorized(principal, 'secretsmanager:PutSecretValue', secretId);
    if (secret.kmsKey)
      for (const use of ['GenerateDataKey', 'Decrypt'] as const)
        this.options.kms.authorizeUse(principal, secret.kmsKey, use, {
          'kms:ViaService': `secretsmanager.${this.options.region}.amazonaws.com`,
          'kms:EncryptionContext:SecretARN': secret.arn,
        });
    return this.#put({ ...secret, value, versionId: randomUUID() });
  }

  describable(principal: Principal, secretId: string): Secret {
    return this.#authorized(principal, 'secretsmanager:DescribeSecret', secretId);
  }

  /**
   * The value of `{{resolve:secretsmanager:<secretId>:SecretString:<jsonKey>}}`, or the whole string without `jsonKey`.
   * No authorization is needed: CloudFormation resolves the reference for the person who deploys.
   * @throws AwsError ResourceNotFoundException; Error if the value has no such key
   */
  resolve(secretId: string, jsonKey?: string): string {
    const secret = this.find(secretId);
    if (!secret) throw notFound(secretId);
    if (jsonKey === undefined || jsonKey === '') return secret.value;
    let members: unknown;
    try {
      members = JSON.parse(secret.value);
    } catch {
      throw new Error(`the secret ${secret.name} is not JSON, so it has no key ${jsonKey}`);
    }
    const member = (members as Record<string, unknown> | null)?.[jsonKey];
    if (member === undefined) throw new Error(`the secret ${secret.name} has no key ${jsonKey}`);
    return typeof member === 'string' ? member : JSON.stringify(member);
  }

  /** Creates the secret, or returns the existing one with the name, so that a generated value outlives restarts. */
  ensure(
    name: string,
    value: () => string,
    rest: Partial<Pick<Secret, 'arn' | 'description' | 'kmsKey' | 'owningService'>> = {},
  ): Secret {
    const known = [...this.#secrets.values()].find((secret) => secret.name === name);
    return this.#put({ ...(known ?? this.#fresh(name, value())), ...rest });
  }

  /** Creates the secret, or gives the existing one with the name this value. */
  set(
    name: string,
    value: string,
    rest: Partial<Pick<Secret, 'description' | 'kmsKey' | 'owningService'>> = {},
  ): Secret {
    const secret = this.ensure(name, () => value, rest);
    return secret.value === value ? secret : this.#put({ ...secret, value, versionId: randomUUID() });
  }

  /**
   * Creates a secret that a service manages for its user, for example Redshift's admin password. An existing value
   * stays.
   * @returns its ARN and value
   */
  createManagedSecret(name: string, value: string, kmsKey?: string): { arn: string; value: string } {
    return this.ensure(name, () => value, { owningService: 'redshift', kmsKey });
  }

  /**
   * Sets members in the JSON of a secret. Other members stay.
   * @returns its ARN
   */
  complete(secretId: string, members: Readonly<Record<string, unknown>>): string {
    const secret = this.find(secretId);
    if (!secret) throw notFound(secretId);
    const value = JSON.stringify({ ...(JSON.parse(secret.value) as object), ...members });
    if (secret.value !== value) this.#put({ ...secret, value, versionId: randomUUID() });
    return secret.arn;
  }

  setPolicy(secretId: string, policy: PolicyDocument): Secret {
    const secret = this.find(secretId);
    if (!secret) throw notFound(secretId);
    this.#policies.set(secret.arn, policy);
    return secret;
  }

  deletePolicy(arn: string): void {
    this.#policies.delete(arn);
  }

  /** Deletes the secret at once, without a recovery window. */
  delete(arn: string): void {
    const rest = new Map(this.#secrets);
    if (rest.delete(arn)) this.#write(rest);
    this.#secrets.delete(arn);
    this.#policies.delete(arn);
  }

  list(): readonly Secret[] {
    return [...this.#secrets.values()];
  }

  /** Finds a secret by name, ARN, or ARN without its six random characters. */
  find(secretId: string): Secret | undefined {
    const exact = this.#secrets.get(secretId);
    if (exact) return exact;
    return [...this.#secrets.values()].find(
      (secret) => secret.name === secretId || secret.arn.slice(0, -7) === secretId,
    );
  }

  #authorized(principal: Principal, action: string, secretId: string): Secret {
    const secret = this.find(secretId);
    const { account, region } = this.options;
    const arn = secretId.startsWith('arn:')
      ? secretId
      : `arn:aws:secretsmanager:${region}:${account}:secret:${secretId}`;
    this.options.authorizer.authorize({
      principal,
      action,
      resource: secret?.arn ?? arn,
      resourcePolicy: secret && this.#policies.get(secret.arn),
      context: { 'secretsmanager:SecretId': secret?.arn ?? arn },
    });
    if (!secret) throw notFound(secretId);
    return secret;
  }

  #fresh(name: string, value: string): Secret {
    const { account, region, clock } = this.options;
    const suffix = createHash('sha256')
      .update(`${account} ${region} ${name}`)
      .digest('base64')
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 6);
    const arn = `arn:aws:secretsmanager:${region}:${account}:secret:${name}-${suffix}`;
    return { name, arn, value, versionId: randomUUID(), createdAt: clock.now() };
  }

  #put(secret: Secret): Secret {
    this.#write(new Map(this.#secrets).set(secret.arn, secret));
    this.#secrets.set(secret.arn, secret);
    return secret;
  }

  /** Stores the secrets before they are in use: a value that was not stored would be lost with the process. */
  #write(secrets: ReadonlyMap<string, Secret>): void {
    const text = `${JSON.stringify([...secrets.values()], null, 2)}\n`;
    replaceFile('Secrets Manager', this.#file, text, { mode: 0o600 });
  }
}

function readSecrets(file: string): Secret[] {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Secret[];
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`${file} cannot be read`, { cause });
  }
}

function notFound(secretId: string): AwsError {
  return new AwsError('ResourceNotFoundException', `Secrets Manager can't find the secret ${secretId}`);
}
