import { createHash } from 'node:crypto';
import {
  integerOf,
  listOf,
  NotModelledError,
  objectOf,
  type PolicyDocument,
  type ResourceContext,
  type ResourceState,
  type ResourceTwin,
  requiredText,
  shortened,
  textOf,
} from 'aws-local-kit';
import { managedPolicies } from './managed-policies';
import { parsePolicy, type Statement } from './policy';

export interface Role {
  readonly name: string;
  readonly arn: string;
  /** `AROA…`, the first part of a session's `aws:userid`. */
  readonly id: string;
  readonly trust: PolicyDocument;
  readonly maxSessionSeconds: number;
  /** Statements of the policies in the role's own definition, by policy. */
  readonly policies: Map<string, readonly Statement[]>;
  /** Statements of attached policies that are separate resources, by policy. */
  readonly attached: Map<string, readonly Statement[]>;
}

/** Roles and policies of the account, as declared in the templates. */
export class IamStore {
  readonly #roles = new Map<string, Role>();
  readonly #managed = new Map<string, readonly Statement[]>();
  readonly #flattened = new Map<string, readonly Statement[]>();

  constructor(readonly account: string) {}

  role(arn: string): Role | undefined {
    return this.#roles.get(arn);
  }

  statementsOf(roleArn: string): readonly Statement[] | undefined {
    const role = this.#roles.get(roleArn);
    if (!role) return undefined;
    let statements = this.#flattened.get(roleArn);
    if (!statements) {
      statements = [...role.policies.values(), ...role.attached.values()].flat();
      this.#flattened.set(roleArn, statements);
    }
    return statements;
  }

  putRole(role: Role): void {
    this.#roles.set(role.arn, role);
    this.#flattened.delete(role.arn);
  }

  deleteRole(arn: string): void {
    this.#roles.delete(arn);
    this.#flattened.delete(arn);
  }

  deleteManaged(arn: string): void {
    this.#managed.delete(arn);
  }

  putManaged(arn: string, statements: readonly Statement[]): void {
    this.#managed.set(arn, statements);
  }

  attach(role: Role, source: string, statements: readonly Statement[]): void {
    role.attached.set(source, statements);
    this.#flattened.delete(role.arn);
  }

  /** Detaches a policy from the existing roles with these names. */
  detach(roleNames: readonly unknown[], source: string): void {
    for (const role of this.#roles.values()) {
      if (!roleNames.includes(role.name)) continue;
      role.attached.delete(source);
      this.#flattened.delete(role.arn);
    }
  }

  /** The role with this name (without a path). */
  roleNamed(name: string, where: string): Role {
    for (const role of this.#roles.values()) if (role.name === name) return role;
    throw new Error(`${where} names the role ${name}, which does not exist`);
  }

  managedPolicy(arn: string, where: string): readonly Statement[] {
    const own = this.#managed.get(arn);
    if (own) return own;
    const path = /^arn:[^:]+:iam::aws:policy\/(.+)$/.exec(arn)?.[1];
    const document = path !== undefined && Object.hasOwn(managedPolicies, path) ? managedPolicies[path] : undefined;
    if (!document) throw new NotModelledError(`${where}: managed policy ${arn}`);
    return parsePolicy(document, 'identity', arn);
  }
}

/** An id in the form of IAM's unique ids. It is derived from the name, so it is the same after a restart. */
export function uniqueId(prefix: 'AROA' | 'AIDA', name: string): string {
  const digest = createHash('sha256').update(name).digest();
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return prefix + [...digest.subarray(0, 17)].map((byte) => alphabet[byte % 32]).join('');
}

export function iamTwins(store: IamStore): ResourceTwin[] {
  return [
    {
      type: 'AWS::IAM::Role',
      properties: [
        'AssumeRolePolicyDocument',
        'Description',
        'ManagedPolicyArns',
        'MaxSessionDuration',
        'Path',
        'Policies',
        'RoleName',
        'Tags',
      ],
      replacedBy: ['RoleName', 'Path'],
      create: (properties, context) => createRole(store, properties, context),
      delete: ({ attributes }) => store.deleteRole(String(attributes['Arn'])),
    },
    {
      type: 'AWS::IAM::Policy',
      properties: ['PolicyDocument', 'PolicyName', 'Roles'],
      create: (properties, context) => createPolicy(store, properties, context),
      update(properties, context, old) {
        const state = createPolicy(store, properties, context);
        const roles = old.PolicyName === properties.PolicyName ? properties.Roles : [];
        const left = listOf(old.Roles, 'Roles').filter((role) => !listOf(roles, 'Roles').includes(role));
        store.detach(left, `inline ${old.PolicyName}`);
        return state;
      },
      delete: (_state, _context, { PolicyName, Roles }) => store.detach(listOf(Roles, 'Roles'), `inline ${PolicyName}`),
    },
    {
      type: 'AWS::IAM::ManagedPolicy',
      properties: ['Description', 'ManagedPolicyName', 'Path', 'PolicyDocument', 'Roles'],
      replacedBy: ['Description', 'ManagedPolicyName', 'Path'],
      create: (properties, context) => createManagedPolicy(store, properties, context),
      update(properties, context, old) {
        const state = createManagedPolicy(store, properties, context);
        const left = listOf(old.Roles, 'Roles').filter((role) => !listOf(properties.Roles, 'Roles').includes(role));
        store.detach(left, state.ref);
        return state;
      },
      delete({ ref }, _context, { Roles }) {
        store.detach(listOf(Roles, 'Roles'), ref);
        store.deleteManaged(ref);
      },
    },
  ];
}

type Properties = Readonly<Record<string, unknown>>;

function createRole(store: IamStore, properties: Properties, context: ResourceContext): ResourceState {
  const where = `AWS::IAM::Role ${context.logicalId}`;
  const name = textOf(properties['RoleName'], `${where}.RoleName`) ?? shortened(context.generatedName, 64);
  const arn = `arn:aws:iam::${store.account}:role${pathOf(properties, where)}${name}`;
  const trust = properties['AssumeRolePolicyDocument'] as PolicyDocument;
  parsePolicy(trust, 'trust', `${where}.AssumeRolePolicyDocument`);
  const role: Role = {
    name,
    arn,
    id: uniqueId('AROA', arn),
    trust,
    maxSessionSeconds: integerOf(properties['MaxSessionDuration'], `${where}.MaxSessionDuration`, 3600, 43_200) ?? 3600,
    policies: new Map(),
    attached: store.role(arn)?.attached ?? new Map(),
  };
  for (const [i, item] of listOf(properties['Policies'], `${where}.Policies`).entries()) {
    const policy = objectOf(item, ['PolicyName', 'PolicyDocument'], `${where}.Policies[${i}]`);
    const policyName = requiredText(policy?.['PolicyName'], `${where}.Policies[${i}].PolicyName`);
    const document = policy!['PolicyDocument'] as PolicyDocument;
    role.policies.set(
      `inline ${policyName}`,
      parsePolicy(document, 'identity', `${where}.Policies[${i}].PolicyDocument`),
    );
  }
  for (const item of listOf(properties['ManagedPolicyArns'], `${where}.ManagedPolicyArns`)) {
    const policyArn = requiredText(item, `${where}.ManagedPolicyArns`);
    role.policies.set(policyArn, store.managedPolicy(policyArn, where));
  }
  store.putRole(role);
  return { ref: name, attributes: { Arn: arn, RoleId: role.id } };
}

function createPolicy(store: IamStore, properties: Properties, context: ResourceContext): ResourceState {
  const where = `AWS::IAM::Policy ${context.logicalId}`;
  const name = requiredText(properties['PolicyName'], `${where}.PolicyName`);
  const statements = parsePolicy(properties['PolicyDocument'] as PolicyDocument, 'identity', `${where}.PolicyDocument`);
  for (const role of listOf(properties['Roles'], `${where}.Roles`))
    store.attach(store.roleNamed(requiredText(role, `${where}.Roles`), where), `inline ${name}`, statements);
  return { ref: context.generatedName, attributes: { Id: context.generatedName } };
}

function createManagedPolicy(store: IamStore, properties: Properties, context: ResourceContext): ResourceState {
  const where = `AWS::IAM::ManagedPolicy ${context.logicalId}`;
  const name = textOf(properties['ManagedPolicyName'], `${where}.ManagedPolicyName`) ?? context.generatedName;
  const arn = `arn:aws:iam::${store.account}:policy${pathOf(properties, where)}${name}`;
  const statements = parsePolicy(properties['PolicyDocument'] as PolicyDocument, 'identity', `${where}.PolicyDocument`);
  store.putManaged(arn, statements);
  for (const role of listOf(properties['Roles'], `${where}.Roles`))
    store.attach(store.roleNamed(requiredText(role, `${where}.Roles`), where), arn, statements);
  return { ref: arn, attributes: { PolicyArn: arn } };
}

function pathOf(properties: Properties, where: string): string {
  const path = textOf(properties['Path'], `${where}.Path`) ?? '/';
  if (!/^\/(.*\/)?$/.test(path)) throw new Error(`${where}.Path must begin and end with a slash, got ${path}`);
  return path;
}
