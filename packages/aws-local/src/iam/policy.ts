import { invalid, listOf, NotModelledError, objectOf, oneOf, type PolicyDocument } from 'aws-local-kit';

/** A condition: the operator and key as written, and the values. */
export interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

/** The principals that a statement names: everyone (`*`), or values by kind. */
export interface PrincipalElement {
  readonly everyone: boolean;
  /** Account ids, and ARNs of roots, roles, users and sessions. */
  readonly aws: readonly string[];
  readonly services: readonly string[];
}

/** One policy statement with every element as a list. */
export interface Statement {
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  readonly principal?: PrincipalElement;
  /** Everyone except these principals. Only a Deny can have it. */
  readonly notPrincipal?: PrincipalElement;
  readonly actions?: readonly string[];
  readonly notActions?: readonly string[];
  readonly resources?: readonly string[];
  readonly notResources?: readonly string[];
  readonly conditions: readonly Condition[];
  /** True for documents of version 2012-10-17. Only they can contain policy variables. */
  readonly variables: boolean;
}

export type PolicyKind = 'identity' | 'resource' | 'trust';

const statementElements = [
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
];
/** `*`, or a service prefix and an action. */
const actionPattern = /^(\*|[a-z0-9-]+:[\w*?]+)$/i;
const cache = new WeakMap<object, Map<PolicyKind, readonly Statement[]>>();

/**
 * Parses a policy document. Results are cached by the document's identity, so a document must not change after its
 * first use.
 * @param where names the document in messages, for example `AWS::IAM::Role Deploy PolicyDocument`
 * @throws AwsError naming a missing or malformed element; NotModelledError naming an element that is not modelled
 */
export function parsePolicy(document: PolicyDocument, kind: PolicyKind, where: string): readonly Statement[] {
  const known = cache.get(document)?.get(kind);
  if (known) return known;
  const policy = objectOf(document, ['Version', 'Id', 'Statement'], where);
  if (!policy) throw invalid(where, document, 'a policy document');
  const version = oneOf(policy['Version'], ['2012-10-17', '2008-10-17'] as const, `${where}.Version`);
  const raw = Array.isArray(policy['Statement']) ? policy['Statement'] : [policy['Statement']];
  const statements = raw.map((statement, i) =>
    parseStatement(statement, kind, version === '2012-10-17', `${where}.Statement[${i}]`),
  );
  const kinds = cache.get(document) ?? new Map<PolicyKind, readonly Statement[]>();
  cache.set(document, kinds.set(kind, statements));
  return statements;
}

function parseStatement(value: unknown, kind: PolicyKind, variables: boolean, where: string): Statement {
  const raw = objectOf(value, statementElements, where);
  if (!raw) throw invalid(where, value, 'a statement');
  const effect = raw['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') throw invalid(`${where}.Effect`, effect, 'Allow or Deny');
  const actions = texts(raw['Action'], `${where}.Action`);
  const notActions = texts(raw['NotAction'], `${where}.NotAction`);
  const resources = texts(raw['Resource'], `${where}.Resource`);
  const notResources = texts(raw['NotResource'], `${where}.NotResource`);
  if ((actions === undefined) === (notActions === undefined))
    throw invalid(where, raw, 'a statement with either Action or NotAction');
  for (const action of [...(actions ?? []), ...(notActions ?? [])])
    if (!actionPattern.test(action)) throw invalid(`${where}.Action`, action, 'an action as service:Name, or *');
  checkWhom(raw, kind, where);
  if (kind === 'trust' ? (resources ?? notResources) : (resources === undefined) === (notResources === undefined))
    throw invalid(
      where,
      raw,
      kind === 'trust' ? 'a trust statement without Resource' : 'a statement with either Resource or NotResource',
    );
  for (const resource of [...(resources ?? []), ...(notResources ?? [])])
    if (resource !== '*' && !resource.startsWith('arn:')) throw invalid(`${where}.Resource`, resource, 'an ARN or *');
  return {
    sid: raw['Sid'] as string | undefined,
    effect,
    principal: raw['Principal'] === undefined ? undefined : parsePrincipal(raw['Principal'], `${where}.Principal`),
    notPrincipal:
      raw['NotPrincipal'] === undefined ? undefined : parsePrincipal(raw['NotPrincipal'], `${where}.NotPrincipal`),
    actions,
    notActions,
    resources,
    notResources,
    conditions: parseConditions(raw['Condition'], `${where}.Condition`),
    variables,
  };
}

function checkWhom(raw: Record<string, unknown>, kind: PolicyKind, where: string): void {
  const { Principal: whom, NotPrincipal: others, Effect: effect } = raw;
  for (const [name, value] of Object.entries({ Principal: whom, NotPrincipal: others }))
    if (kind === 'identity' && value !== undefined)
      throw invalid(`${where}.${name}`, value, 'absent from an identity policy');
  if (kind === 'identity') return;
  if (whom === undefined && others === undefined) throw invalid(`${where}.Principal`, undefined, 'given');
  if (whom !== undefined && others !== undefined)
    throw invalid(where, raw, 'a statement with either Principal or NotPrincipal');
  if (others !== undefined && kind === 'trust')
    throw invalid(`${where}.NotPrincipal`, others, 'absent from a trust policy');
  if (others !== undefined && effect !== 'Deny') throw invalid(`${where}.NotPrincipal`, others, 'in a Deny');
}

function parsePrincipal(value: unknown, where: string): PrincipalElement {
  if (value === '*') return { everyone: true, aws: [], services: [] };
  const raw = objectOf(value, ['AWS', 'Service'], where);
  if (!raw) throw invalid(where, value, 'an object or *');
  const aws = texts(raw['AWS'], `${where}.AWS`) ?? [];
  const services = texts(raw['Service'], `${where}.Service`) ?? [];
  for (const name of aws)
    if (name !== '*' && (/[*?]/.test(name) || !/^(\d{12}|arn:.+)$/.test(name)))
      throw invalid(`${where}.AWS`, name, 'an account id, an ARN without wildcards, or *');
  for (const name of services)
    if (!/^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$/.test(name))
      throw invalid(`${where}.Service`, name, 'a service principal');
  return { everyone: aws.includes('*'), aws: aws.filter((name) => name !== '*'), services };
}

function parseConditions(value: unknown, where: string): Condition[] {
  const conditions: Condition[] = [];
  if (value === undefined || value === null) return conditions;
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(where, value, 'an object');
  for (const [operator, keys] of Object.entries(value)) {
    if (typeof keys !== 'object' || keys === null) throw invalid(`${where}.${operator}`, keys, 'an object');
    for (const [key, values] of Object.entries(keys)) {
      const list = Array.isArray(values) ? values : [values];
      if (list.length === 0) throw invalid(`${where}.${operator}.${key}`, values, 'one value or more');
      conditions.push({ operator, key, values: list.map((item) => scalar(item, `${where}.${operator}.${key}`)) });
    }
  }
  return conditions;
}

function scalar(value: unknown, where: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalid(where, value, 'a string, number or boolean');
}

function texts(value: unknown, where: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const list = typeof value === 'string' ? [value] : listOf(value, where);
  for (const item of list) if (typeof item !== 'string') throw new NotModelledError(`${where} ${JSON.stringify(item)}`);
  return list as string[];
}
