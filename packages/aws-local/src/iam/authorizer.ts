import { type AuthorizationRequest, type Authorizer, AwsError, type Clock, type Principal } from 'aws-local-kit';
import { type EvaluationRequest, evaluate, type Verdict } from './evaluate';
import { type Context, UndecidableCondition } from './match';
import { parsePolicy, type Statement } from './policy';

export interface AuthorizerOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  /** Identity statements of a role, inline and managed. Undefined if the role does not exist. */
  readonly statementsOf: (roleArn: string) => readonly Statement[] | undefined;
  readonly userIdOf: (principal: Principal) => string;
  /** Called for every allowed request, with the keys of its context. */
  readonly onAllowed?: AllowedListener;
}

export type AllowedListener = (request: AuthorizationRequest, context: Context) => void;

/** Keys that a request can lack on AWS too. A condition on any other key that the request lacks cannot be decided. */
const optionalKeys = new Set([
  'aws:sourcearn',
  'aws:sourceaccount',
  'aws:sourceip',
  'aws:principalarn',
  'aws:principalaccount',
  'aws:principalservicename',
  'aws:username',
  'aws:userid',
  'aws:calledvia',
  'kms:viaservice',
  'kms:calleraccount',
  'kms:grantisforawsresource',
  'sts:externalid',
  'sts:rolesessionname',
  'iam:passedtoservice',
  's3:prefix',
  's3:delimiter',
  's3:max-keys',
  's3:versionid',
  's3:x-amz-acl',
  's3:tlsversion',
  's3:x-amz-server-side-encryption',
  's3:x-amz-server-side-encryption-aws-kms-key-id',
  'secretsmanager:versionid',
  'secretsmanager:versionstage',
]);

/**
 * Decides as IAM does.
 * - An explicit deny in any policy wins.
 * - Within the account, an identity policy or the resource's policy can allow a request. A key's policy and a role's
 *   trust policy must name the caller or delegate to its account.
 * - Across accounts, both sides must allow a request.
 * - Services and anonymous callers need the resource's policy.
 * - The administrator, the person at the terminal, may do everything that no resource policy denies, with one
 *   exception: a role that does not trust the administrator cannot be assumed.
 *
 * Local traffic is plain HTTP over loopback and never leaves the machine. It counts as TLS 1.3 (`aws:SecureTransport`
 * true, `s3:TlsVersion` 1.3) unless the request says otherwise, so that policies that require TLS can be evaluated.
 */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  return {
    authorize(request) {
      const reason = refusal(request, options);
      if (reason === undefined) return options.onAllowed?.(request, contextOf(request, options));
      const { principal, action, resource } = request;
      throw new AwsError(
        'AccessDeniedException',
        `${principal.arn} is not authorized to perform: ${action} on resource: ${resource} because ${reason}`,
      );
    },
  };
}

function refusal(request: AuthorizationRequest, options: AuthorizerOptions): string | undefined {
  const { principal } = request;
  const evaluation: EvaluationRequest = { ...request, context: contextOf(request, options) };
  const kind = request.action === 'sts:AssumeRole' ? 'trust' : 'resource';
  const policyName = kind === 'trust' ? "the role's trust policy" : "the resource's policy";
  const onResource: Verdict = request.resourcePolicy
    ? evaluate(parsePolicy(request.resourcePolicy, kind, policyName), evaluation, policyName)
    : { effect: 'none' };
  if (onResource.effect === 'deny') return onResource.reason;
  if (principal.kind === 'service' || principal.kind === 'anonymous')
    return onResource.effect === 'allow' ? undefined : `${policyName} does not allow it`;

  const onIdentity = identityVerdict(evaluation, options);
  if (onIdentity.effect === 'deny') return onIdentity.reason;
  const identityAllows = onIdentity.effect === 'allow';
  const resourceNames = onResource.effect === 'allow' || onResource.effect === 'delegated';
  // Also in other accounts: the person at the terminal acts for their owners.
  if (principal.kind === 'administrator' && principal.account === options.account && kind !== 'trust') return undefined;
  if (principal.account !== accountOf(request.resource, options)) {
    if (!resourceNames) return `${policyName} does not allow the other account`;
    return identityAllows ? undefined : 'no identity policy of the other account allows it';
  }
  if (onResource.effect === 'allow') return undefined;
  const needsResourcePolicy = kind === 'trust' || request.action.startsWith('kms:');
  if (needsResourcePolicy && !resourceNames) return `${policyName} does not allow it`;
  return identityAllows ? undefined : 'no identity-based policy allows it';
}

/** The account in a resource's ARN. Those of S3 have none. */
const accountOf = (resource: string, { account }: Pick<AuthorizerOptions, 'account'>) =>
  /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(resource)?.[1] ?? account;

function identityVerdict(evaluation: EvaluationRequest, options: AuthorizerOptions): Verdict {
  const { principal } = evaluation;
  if (principal.kind === 'administrator') return { effect: 'allow' };
  const statements = principal.roleArn === undefined ? undefined : options.statementsOf(principal.roleArn);
  if (!statements) return { effect: 'deny', reason: `the role ${principal.roleArn ?? principal.arn} does not exist` };
  return evaluate(statements, evaluation, `the policies of ${principal.roleArn}`);
}

function contextOf(request: AuthorizationRequest, options: AuthorizerOptions): Context {
  const { principal } = request;
  const now = options.clock.now();
  const isService = principal.kind === 'service';
  const hasAccount = !isService && principal.kind !== 'anonymous';
  // Most requests need few of them, so those that take time are computed on demand.
  const values: Record<string, readonly string[] | (() => string)> = {
    'aws:securetransport': [String(!principal.unencrypted)],
    ...(principal.unencrypted ? {} : { 's3:tlsversion': ['1.3'] }),
    'aws:requestedregion': [options.region],
    'aws:currenttime': () => new Date(now).toISOString(),
    'aws:epochtime': () => String(Math.floor(now / 1000)),
    'aws:resourceaccount': () => accountOf(request.resource, options),
    'aws:principalisawsservice': [String(isService)],
    'aws:viaawsservice': ['false'],
    'aws:principaltype': [principalType(principal)],
  };
  if (hasAccount) {
    values['aws:principalarn'] = [principal.roleArn ?? principal.arn];
    values['aws:principalaccount'] = [principal.account];
    values['aws:userid'] = () => options.userIdOf(principal);
  }
  if (principal.kind === 'administrator')
    values['aws:username'] = [principal.arn.slice(principal.arn.lastIndexOf('/') + 1)];
  if (isService) values['aws:principalservicename'] = [principal.arn];
  else values['aws:sourceip'] = ['127.0.0.1'];
  for (const [key, value] of Object.entries(request.context ?? {}))
    values[key.toLowerCase()] = typeof value === 'string' ? [value] : value;
  return (key) => {
    const name = key.toLowerCase();
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value !== undefined) return typeof value === 'function' ? [value()] : value;
    if (!optionalKeys.has(name) && !name.startsWith('kms:encryptioncontext:'))
      throw new UndecidableCondition(`condition key ${key} is not modelled for ${request.action}`);
    return undefined;
  };
}

function principalType(principal: Principal): string {
  if (principal.kind === 'role') return 'AssumedRole';
  if (principal.kind === 'administrator') return 'User';
  return principal.kind === 'service' ? 'Service' : 'Anonymous';
}
