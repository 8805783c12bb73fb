import { randomBytes } from 'node:crypto';
import {
  type Authorizer,
  AwsError,
  type Caller,
  type Credentials,
  NotModelledError,
  type Principal,
  randomCredentials,
  type Service,
  type ServiceRequest,
  type StsPort,
  xmlDocument,
} from 'aws-local-kit';
import { type IamStore, uniqueId } from './store';

interface Session {
  readonly principal: Principal;
  readonly credentials: Credentials;
  /** Expiry in real time: clients hold sessions, and renew them by their own clock. Undefined for sessions that the runtime itself renews. */
  readonly expiresAt?: number;
}

/** An expired session is refused as expired for so long, then as unknown. */
const keptAfterExpiryMs = 3_600_000;

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';
const parameters = ['Action', 'Version', 'RoleArn', 'RoleSessionName', 'ExternalId', 'DurationSeconds'];

/** Sessions by access key id. They are kept in memory only: after a restart a caller needs new credentials. */
export class Sts implements StsPort {
  readonly #sessions = new Map<string, Session>();
  readonly #standing = new Map<string, Credentials>();
  /** API in the query protocol. */
  readonly service: Service = { signingName: 'sts', protocol: 'query', handle: (request) => this.#handle(request) };

  constructor(
    private readonly store: IamStore,
    private readonly authorizer: Authorizer,
    /** Epoch milliseconds by which sessions expire. */
    private readonly realNow: () => number,
  ) {}

  assumeRole(caller: Principal, input: Parameters<StsPort['assumeRole']>[1] & { durationSeconds?: number }) {
    const { roleArn, sessionName, externalId } = input;
    if (!/^[\w+=,.@-]{2,64}$/.test(sessionName))
      throw new AwsError(
        'ValidationError',
        `roleSessionName must match [\\w+=,.@-]{2,64}, got ${JSON.stringify(sessionName)}`,
      );
    const role = this.store.role(roleArn);
    // As on AWS, a caller cannot distinguish a missing role from one that does not trust the caller.
    if (!role)
      throw new AwsError(
        'AccessDenied',
        `${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn} because there is no such role, or it does not trust the caller`,
        403,
      );
    const seconds = input.durationSeconds ?? 3600;
    if (seconds < 900 || seconds > role.maxSessionSeconds)
      throw new AwsError(
        'ValidationError',
        `DurationSeconds must be between 900 and ${role.maxSessionSeconds}, got ${seconds}`,
      );
    const context: Record<string, string> = { ...input.context, 'sts:RoleSessionName': sessionName };
    if (externalId !== undefined) context['sts:ExternalId'] = externalId;
    this.authorizer.authorize({
      principal: caller,
      action: 'sts:AssumeRole',
      resource: roleArn,
      resourcePolicy: role.trust,
      context,
    });
    const account = roleArn.split(':')[4]!;
    const principal: Principal = {
      kind: 'role',
      arn: `arn:aws:sts::${account}:assumed-role/${role.name}/${sessionName}`,
      roleArn,
      account,
    };
    const expiresAt = this.realNow() + seconds * 1000;
    return { principal, credentials: this.#open(principal, newCredentials(), expiresAt), expiresAt };
  }

  /** Credentials without an expiry. They are the same for each call with the same principal. */
  credentialsFor(principal: Principal): Credentials {
    const id = `${principal.arn} ${principal.account}`;
    const known = this.#standing.get(id);
    if (known) return known;
    const credentials = this.#open(principal, newCredentials());
    this.#standing.set(id, credentials);
    return credentials;
  }

  /** Registers fixed credentials for a principal. */
  register(principal: Principal, credentials: Credentials): void {
    this.#open(principal, credentials);
  }

  /**
   * The caller that owns an access key. Undefined if the key is unknown or the session token does not match.
   * @throws AwsError ExpiredTokenException if the session has expired
   */
  callerOf(accessKeyId: string, sessionToken?: string): Caller | undefined {
    const session = this.#sessions.get(accessKeyId);
    if (!session || session.credentials.sessionToken !== (sessionToken ?? '')) return undefined;
    if (session.expiresAt !== undefined && session.expiresAt <= this.realNow())
      throw new AwsError('ExpiredTokenException', `the session of ${session.principal.arn} has expired`, 403);
    return { principal: session.principal, secretAccessKey: session.credentials.secretAccessKey };
  }

  userIdOf(principal: Principal): string {
    if (principal.kind !== 'role') return uniqueId('AIDA', principal.arn);
    const sessionName = principal.arn.slice(principal.arn.lastIndexOf('/') + 1);
    return `${uniqueId('AROA', principal.roleArn ?? principal.arn)}:${sessionName}`;
  }

  #open(principal: Principal, credentials: Credentials, expiresAt?: number): Credentials {
    this.#forgetOld();
    this.#sessions.set(credentials.accessKeyId, { principal, credentials, expiresAt });
    return credentials;
  }

  /** Removes the sessions that expired long ago. */
  #forgetOld(): void {
    const oldest = this.realNow() - keptAfterExpiryMs;
    for (const [id, { expiresAt }] of this.#sessions)
      if (expiresAt !== undefined && expiresAt < oldest) this.#sessions.delete(id);
  }

  async #handle(request: ServiceRequest) {
    const form = new URLSearchParams(request.body.toString('utf8'));
    const action = form.get('Action') ?? request.query.get('Action') ?? '';
    for (const name of form.keys())
      if (!parameters.includes(name)) throw new NotModelledError(`parameter ${name} of sts:${action}`);
    if (action === 'GetCallerIdentity') return this.#callerIdentity(request.principal);
    if (action !== 'AssumeRole') throw new NotModelledError(`operation sts:${action}`);
    const roleArn = form.get('RoleArn') ?? '';
    const duration = form.get('DurationSeconds');
    const { principal, credentials, expiresAt } = this.assumeRole(request.principal, {
      roleArn,
      sessionName: form.get('RoleSessionName') ?? '',
      externalId: form.get('ExternalId') ?? undefined,
      durationSeconds: duration === null ? undefined : Number(duration),
    });
    return answer('AssumeRole', {
      AssumedRoleUser: { AssumedRoleId: this.userIdOf(principal), Arn: principal.arn },
      Credentials: {
        AccessKeyId: credentials.accessKeyId,
        SecretAccessKey: credentials.secretAccessKey,
        SessionToken: credentials.sessionToken,
        Expiration: new Date(expiresAt).toISOString(),
      },
    });
  }

  #callerIdentity(principal: Principal) {
    return answer('GetCallerIdentity', {
      Arn: principal.arn,
      UserId: this.userIdOf(principal),
      Account: principal.account,
    });
  }
}

function answer(operation: string, result: Parameters<typeof xmlDocument>[1]) {
  const metadata = { RequestId: randomBytes(16).toString('hex') };
  const value = { [`${operation}Result`]: result, ResponseMetadata: metadata };
  return { headers: { 'content-type': 'text/xml' }, body: xmlDocument(`${operation}Response`, value, namespace) };
}

const newCredentials = (): Credentials => ({
  ...randomCredentials('ASIA'),
  sessionToken: randomBytes(48).toString('base64'),
});
