/** The values that an expression of a template can refer to. */
export interface Scope {
  readonly stackName: string;
  readonly account: string;
  readonly region: string;
  /** Value of a parameter. Undefined if the parameter does not exist. */
  parameter(name: string): unknown;
  mapping(map: string, top: string, second: string): unknown;
  condition(name: string): boolean;
  ref(logicalId: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
  importValue(name: string): unknown;
  stackOutput(stackName: string, outputName: string): unknown;
}

/** Marks a property that is left out. */
export const noValue = Symbol('AWS::NoValue');

export const pseudoParameters = [
  'AWS::AccountId',
  'AWS::NoValue',
  'AWS::NotificationARNs',
  'AWS::Partition',
  'AWS::Region',
  'AWS::StackId',
  'AWS::StackName',
  'AWS::URLSuffix',
];

type Evaluate = (argument: unknown, scope: Scope) => unknown;

/** Every intrinsic function that is modelled. */
const functions: Readonly<Record<string, Evaluate>> = {
  Ref: (argument, scope) => ref(String(argument), scope),
  'Fn::GetAtt': (argument, scope) => {
    const [logicalId, attribute] = attributeReference(argument);
    return scope.attribute(logicalId, attribute);
  },
  'Fn::Sub': (argument, scope) => substitute(argument, scope),
  'Fn::Join': (argument, scope) => {
    const [delimiter, values] = list(argument, 'Fn::Join') as [string, unknown];
    return strings(resolve(values, scope), 'Fn::Join').join(delimiter);
  },
  'Fn::Select': (argument, scope) => {
    const [index, values] = list(argument, 'Fn::Select');
    const at = Number(resolve(index, scope));
    const resolved = list(resolve(values, scope), 'Fn::Select');
    if (!(at in resolved)) throw new Error(`Fn::Select asks for element ${at} of ${resolved.length}`);
    return resolved[at];
  },
  'Fn::Split': (argument, scope) => {
    const [delimiter, text] = list(argument, 'Fn::Split');
    return textFrom(resolve(text, scope), 'Fn::Split').split(String(delimiter));
  },
  'Fn::GetAZs': (argument, scope) => {
    const region = String(resolve(argument, scope) || scope.region);
    return ['a', 'b', 'c'].map((zone) => `${region}${zone}`);
  },
  'Fn::FindInMap': (argument, scope) => {
    const [map, top, second] = strings(resolve(argument, scope), 'Fn::FindInMap') as [string, string, string];
    return scope.mapping(map, top, second);
  },
  'Fn::ImportValue': (argument, scope) => scope.importValue(textFrom(resolve(argument, scope), 'Fn::ImportValue')),
  // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getstackoutput.html
  'Fn::GetStackOutput': (argument, scope) => {
    const { StackName, OutputName, Region, ...others } = resolve(argument, scope) as Record<string, unknown>;
    if (Region !== undefined && Region !== scope.region)
      throw new Error(`Fn::GetStackOutput from region ${Region} is not modelled by the local runtime`);
    if (Object.keys(others).length > 0)
      throw new Error(`${Object.keys(others).join(', ')} of Fn::GetStackOutput is not modelled by the local runtime`);
    return scope.stackOutput(String(StackName), String(OutputName));
  },
  'Fn::Base64': (argument, scope) => Buffer.from(textFrom(resolve(argument, scope), 'Fn::Base64')).toString('base64'),
  'Fn::If': (argument, scope) => {
    const [condition, yes, no] = list(argument, 'Fn::If');
    return resolve(scope.condition(String(condition)) ? yes : no, scope);
  },
  'Fn::Equals': (argument, scope) => {
    const [left, right] = list(argument, 'Fn::Equals').map((value) => resolve(value, scope));
    return JSON.stringify(left) === JSON.stringify(right);
  },
  'Fn::And': (argument, scope) => list(argument, 'Fn::And').every((value) => resolve(value, scope) === true),
  'Fn::Or': (argument, scope) => list(argument, 'Fn::Or').some((value) => resolve(value, scope) === true),
  'Fn::Not': (argument, scope) => list(argument, 'Fn::Not').every((value) => resolve(value, scope) !== true),
  Condition: (argument, scope) => scope.condition(String(argument)),
};

/**
 * The intrinsic function that an object represents, if any: `Ref`, `Fn::…`, or `Condition` with a name as argument.
 * The `Condition` of a policy statement is none: it has sibling members or contains an object.
 */
export function intrinsicOf(value: unknown): { readonly name: string; readonly argument: unknown } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const keys = Object.keys(value);
  const name = keys[0];
  if (keys.length !== 1 || name === undefined) return undefined;
  const argument = (value as Record<string, unknown>)[name];
  if (name === 'Ref' || name.startsWith('Fn::') || (name === 'Condition' && typeof argument === 'string'))
    return { name, argument };
  return undefined;
}

export const isModelled = (name: string) => Object.hasOwn(functions, name);

/** Resolves all intrinsic functions. Members that resolve to AWS::NoValue are left out. */
export function resolve(value: unknown, scope: Scope): unknown {
  const intrinsic = intrinsicOf(value);
  if (intrinsic) {
    const evaluate = functions[intrinsic.name];
    if (!evaluate) throw new Error(`intrinsic function ${intrinsic.name} is not modelled by the local runtime`);
    return evaluate(intrinsic.argument, scope);
  }
  if (Array.isArray(value)) return value.map((item) => resolve(item, scope)).filter((item) => item !== noValue);
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, member]) => [name, resolve(member, scope)] as const);
    return Object.fromEntries(entries.filter(([, member]) => member !== noValue));
  }
  return value;
}

/** Splits both spellings of a GetAtt argument into logical id and attribute, for example `['Queue', 'Arn']`. */
export function attributeReference(argument: unknown): [string, string] {
  if (Array.isArray(argument)) return [String(argument[0]), String(argument[1])];
  const text = String(argument);
  const dot = text.indexOf('.');
  return [text.slice(0, dot), text.slice(dot + 1)];
}

/** Names in a template of Fn::Sub. `${!literal}` is not a name. */
export function substitutions(template: string): string[] {
  return [...template.matchAll(/\$\{([^!}][^}]*)\}/g)].map((match) => match[1]!.trim());
}

export function subArguments(argument: unknown): {
  readonly template: string;
  readonly variables: Readonly<Record<string, unknown>>;
} {
  if (typeof argument === 'string') return { template: argument, variables: {} };
  const [template, variables] = list(argument, 'Fn::Sub');
  return { template: String(template), variables: (variables ?? {}) as Record<string, unknown> };
}

function substitute(argument: unknown, scope: Scope): string {
  const { template, variables } = subArguments(argument);
  return template
    .replace(/\$\{([^!}][^}]*)\}/g, (_whole, inner: string) => {
      const name = inner.trim();
      if (Object.hasOwn(variables, name)) return textFrom(resolve(variables[name], scope), `Fn::Sub of ${name}`);
      const value = name.includes('.') ? scope.attribute(...attributeReference(name)) : ref(name, scope);
      return textFrom(value, `Fn::Sub of ${name}`);
    })
    .replace(/\$\{!([^}]*)\}/g, (_whole, literal: string) => `\${${literal}}`);
}

function ref(name: string, scope: Scope): unknown {
  switch (name) {
    case 'AWS::AccountId':
      return scope.account;
    case 'AWS::Region':
      return scope.region;
    case 'AWS::Partition':
      return 'aws';
    case 'AWS::URLSuffix':
      return 'amazonaws.com';
    case 'AWS::StackName':
      return scope.stackName;
    case 'AWS::StackId':
      return stackId(scope);
    case 'AWS::NotificationARNs':
      return [];
    case 'AWS::NoValue':
      return noValue;
    default:
      return scope.parameter(name) ?? scope.ref(name);
  }
}

/** The ARN of the stack. It is the same on every start. */
export function stackId({ account, region, stackName }: Pick<Scope, 'account' | 'region' | 'stackName'>): string {
  return `arn:aws:cloudformation:${region}:${account}:stack/${stackName}/00000000-0000-4000-8000-000000000000`;
}

function list(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${where} takes a list, got ${JSON.stringify(value)}`);
  return value;
}

function strings(value: unknown, where: string): string[] {
  return list(value, where).map((item) => textFrom(item, where));
}

function textFrom(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`${where} takes text, got ${JSON.stringify(value)}`);
}
