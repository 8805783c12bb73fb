import { type Authorizer, AwsError, type Principal, type SecretsPort } from 'aws-local-kit';
import type { Engine } from '../engine/engine';
import type { ReachableWarehouse } from './reachable';

/** A caller's request to log in. */
export interface LoginRequest {
  readonly principal: Principal;
  readonly warehouse: ReachableWarehouse;
  readonly database: string;
  readonly secretArn?: string;
  readonly dbUser?: string;
}

/** A database user, and the check that runs when the statement's turn has come. */
export interface Login {
  readonly user: string;
  /** Returns undefined if the database accepts the user. A text is its refusal, and the statement fails with it. */
  connect(signal: AbortSignal): Promise<string | undefined>;
}

/** Finds the database user behind a call. @throws AwsError when the call itself is refused */
export interface Logins {
  login(request: LoginRequest): Promise<Login>;
}

export const unknownUser = (user: string) => `FATAL: user "${user}" does not exist`;
export const wrongPassword = (user: string) => `FATAL: password authentication failed for user "${user}"`;

/** Reads user name and password from a secret, in the JSON that Redshift uses. */
export function credentialsOf(secretArn: string, text: string): { user: string; password: string } {
  try {
    const secret = JSON.parse(text) as { username?: unknown; password?: unknown };
    if (typeof secret.username === 'string' && typeof secret.password === 'string')
      return { user: secret.username, password: secret.password };
  } catch {}
  throw new AwsError('ValidationException', `secret ${secretArn} is not a JSON object with username and password`);
}

/** Returns the database user of an IAM identity: `IAM:<user>`, or `IAMR:<role>` for a role's session. */
export function identityUser(principal: Principal): string {
  const name = (arn: string) => arn.slice(arn.lastIndexOf('/') + 1);
  return principal.roleArn === undefined ? `IAM:${name(principal.arn)}` : `IAMR:${name(principal.roleArn)}`;
}

export interface AwsLoginsOptions {
  readonly authorizer: Authorizer;
  readonly secrets: SecretsPort;
  readonly account: string;
  readonly region: string;
}

/** The three ways to log in of the Redshift management guide, "Authorizing access to the Amazon Redshift Data API". */
export class AwsLogins implements Logins {
  constructor(private readonly options: AwsLoginsOptions) {}

  async login(request: LoginRequest): Promise<Login> {
    const { principal, secretArn, dbUser, warehouse } = request;
    const { engine } = warehouse;
    if (secretArn !== undefined) {
      const text = await this.options.secrets.getSecretString(principal, secretArn);
      const { user, password } = credentialsOf(secretArn, text);
      return { user, connect: async () => (engine.authenticate(user, password) ? undefined : wrongPassword(user)) };
    }
    if (dbUser !== undefined) return this.named(request, dbUser);
    return this.identity(request);
  }

  /**
   * Logs in as DbUser. Redshift creates no user for these credentials unless it is asked to, and the Data API does not
   * ask.
   */
  private named({ principal, warehouse, database }: LoginRequest, user: string): Login {
    const cluster = warehouse.target.name;
    for (const resource of [`dbuser:${cluster}/${user}`, `dbname:${cluster}/${database}`])
      this.authorize(principal, 'redshift:GetClusterCredentials', this.arn('redshift', resource));
    return { user, connect: async () => (warehouse.engine.user(user) ? undefined : unknownUser(user)) };
  }

  private identity({ principal, warehouse, database }: LoginRequest): Login {
    if (warehouse.target.kind === 'cluster')
      this.authorize(
        principal,
        'redshift:GetClusterCredentialsWithIAM',
        this.arn('redshift', `dbname:${warehouse.target.name}/${database}`),
      );
    else this.authorize(principal, 'redshift-serverless:GetCredentials', warehouse.target.arn);
    const user = identityUser(principal);
    return { user, connect: (signal) => madeAtLogin(warehouse.engine, user, false, signal) };
  }

  private authorize(principal: Principal, action: string, resource: string): void {
    this.options.authorizer.authorize({ principal, action, resource });
  }

  private arn(service: string, resource: string): string {
    return `arn:aws:${service}:${this.options.region}:${this.options.account}:${resource}`;
  }
}

/** Creates the user if it does not exist. The new user has no known password to log in with. */
export async function madeAtLogin(
  engine: Engine,
  user: string,
  superuser: boolean,
  signal: AbortSignal,
): Promise<undefined> {
  await engine.ensureUser(user, { superuser }, signal);
}
