import {
  type Authorizer,
  type Caller,
  type Clock,
  type Credentials,
  type PolicyDocument,
  type Principal,
  type ResourceTwin,
  randomCredentials,
  type Service,
} from 'aws-local-kit';
import { type AllowedListener, createAuthorizer } from './authorizer';
import { parsePolicy, type Statement } from './policy';
import { IamStore, iamTwins, uniqueId } from './store';
import { Sts } from './sts';

export type { AllowedListener } from './authorizer';

export interface IamOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  /** Epoch milliseconds by which sessions expire. @default Date.now */
  readonly realNow?: () => number;
  readonly onAllowed?: AllowedListener;
  /** Credentials of the administrator. @default - random ones */
  readonly administratorCredentials?: Credentials;
}

export interface Iam {
  readonly authorizer: Authorizer;
  readonly sts: Sts;
  /** STS service for the gateway. */
  readonly service: Service;
  /** Twins of AWS::IAM::Role, Policy and ManagedPolicy. */
  readonly resources: ResourceTwin[];
  /** The person at the terminal, allowed everything that no resource policy denies. */
  readonly administrator: { readonly principal: Principal; readonly credentials: Credentials };
  /** Statements of a role's policies. Undefined if the role does not exist. */
  statementsOf(roleArn: string): readonly Statement[] | undefined;
  /** The caller that owns an access key, for the gateway. */
  callerOf(accessKeyId: string, sessionToken?: string): Caller | undefined;
  /** Adds a role of another account, or replaces it. @throws Error for an ARN of this account, whose roles are in templates */
  outsideRole(arn: string, trust: PolicyDocument, policy: PolicyDocument): void;
  /** A principal of another account, for example a partner's system. Its own account allows it everything. */
  outsider(arn: string): { readonly principal: Principal; readonly credentials: Credentials };
}

/** IAM and STS of one account. The twins add the roles and policies of the templates. */
export function createIam(options: IamOptions): Iam {
  const store = new IamStore(options.account);
  const authorizer = createAuthorizer({
    ...options,
    statementsOf: (roleArn) => store.statementsOf(roleArn),
    userIdOf: (principal) => sts.userIdOf(principal),
  });
  const sts = new Sts(store, authorizer, options.realNow ?? Date.now);
  const principal: Principal = {
    kind: 'administrator',
    arn: `arn:aws:iam::${options.account}:user/administrator`,
    account: options.account,
  };
  const credentials = options.administratorCredentials ?? { ...randomCredentials('AKIA'), sessionToken: '' };
  sts.register(principal, credentials);
  return {
    authorizer,
    sts,
    service: sts.service,
    resources: iamTwins(store),
    statementsOf: (roleArn) => store.statementsOf(roleArn),
    administrator: { principal, credentials },
    callerOf: (accessKeyId, sessionToken) => sts.callerOf(accessKeyId, sessionToken),
    outsideRole(arn, trust, policy) {
      const [, account, name] = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(arn) ?? [];
      if (account === undefined || account === options.account)
        throw new Error(`a role of another account than ${options.account} was expected, got ${arn}`);
      parsePolicy(trust, 'trust', `the trust policy of ${arn}`);
      store.putRole({
        name: name!,
        arn,
        id: uniqueId('AROA', arn),
        trust,
        maxSessionSeconds: 3600,
        policies: new Map([['inline', parsePolicy(policy, 'identity', `the policy of ${arn}`)]]),
        attached: new Map(),
      });
    },
    outsider(arn) {
      const account = /^arn:[^:]+:(?:iam|sts)::(\d{12}):/.exec(arn)?.[1];
      if (!account) throw new Error(`an outsider's ARN must be one of IAM or STS with an account id, got ${arn}`);
      const other: Principal = { kind: 'administrator', arn, account };
      return { principal: other, credentials: sts.credentialsFor(other) };
    },
  };
}
