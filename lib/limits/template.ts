import { type Finding, type Limit, limits } from './limits';

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

export interface Template {
  readonly Resources?: Readonly<Record<string, Resource>>;
  readonly Outputs?: object;
  readonly Parameters?: object;
}

type Measure = (value: unknown) => number;

/** Estimates the text that CloudFormation makes of a value. A value that only a deployment knows gets a typical length. */
function resolved(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  const [name, argument] = Object.entries(value)[0] ?? [];
  if (name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map(resolved).join(separator);
  }
  if (name === 'Ref' && String(argument).startsWith('AWS::')) return 'x'.repeat(pseudo[String(argument)] ?? 20);
  if (name === 'Ref') return 'x'.repeat(80);
  if (name === 'Fn::GetAtt' || name === 'Fn::ImportValue' || name === 'Fn::Sub') return 'x'.repeat(110);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
const pseudo: Readonly<Record<string, number>> = {
  'AWS::AccountId': 12,
  'AWS::Partition': 6,
  'AWS::Region': 14,
  'AWS::URLSuffix': 16,
};

/** The JSON text of a document without white space, its intrinsics resolved. */
function documentText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(documentText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value);
  const [name] = entries[0] ?? [''];
  if (entries.length === 1 && (name === 'Ref' || name!.startsWith('Fn::'))) return JSON.stringify(resolved(value));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${documentText(inner)}`).join(',')}}`;
}

const characters: Measure = (value) => resolved(value).length;
const document: Measure = (value) => Buffer.byteLength(documentText(value));
const entries: Measure = (value) => (value as unknown[]).length;
const variables: Measure = (value) =>
  Object.entries((value as { Variables?: object }).Variables ?? {})
    .map(([key, text]) => Buffer.byteLength(key) + characters(text))
    .reduce((sum, bytes) => sum + bytes, 0);
const notifications: Measure = (value) =>
  Object.values(value as Record<string, unknown>).reduce<number>(
    (sum, list) => sum + (Array.isArray(list) ? list.length : 0),
    0,
  );

/** Limits and measures by resource type and property. */
const rules: Readonly<Record<string, Readonly<Record<string, readonly [Limit, Measure]>>>> = {
  'AWS::Lambda::Function': {
    Environment: [limits.functionVariables, variables],
    Description: [limits.functionDescription, characters],
    FunctionName: [limits.functionName, characters],
  },
  'AWS::IAM::Role': {
    AssumeRolePolicyDocument: [limits.roleTrust, document],
    RoleName: [limits.roleName, characters],
    Description: [limits.roleDescription, characters],
  },
  'AWS::IAM::ManagedPolicy': { PolicyDocument: [limits.managedPolicy, document] },
  'AWS::Events::Rule': {
    EventPattern: [limits.eventPattern, document],
    Name: [limits.ruleName, characters],
    Description: [limits.ruleDescription, characters],
    Targets: [limits.ruleTargets, entries],
  },
  'AWS::Scheduler::Schedule': {
    Name: [limits.scheduleName, characters],
    Description: [limits.scheduleDescription, characters],
  },
  'AWS::CloudWatch::Alarm': {
    AlarmName: [limits.alarmName, characters],
    AlarmDescription: [limits.alarmDescription, characters],
  },
  'AWS::SQS::Queue': { QueueName: [limits.queueName, characters] },
  'AWS::SQS::QueuePolicy': { PolicyDocument: [limits.queuePolicy, document] },
  'AWS::S3::Bucket': {
    BucketName: [limits.bucketName, characters],
    NotificationConfiguration: [limits.bucketNotifications, notifications],
  },
  'AWS::S3::BucketPolicy': { PolicyDocument: [limits.bucketPolicy, document] },
  'AWS::KMS::Key': { KeyPolicy: [limits.keyPolicy, document] },
  'AWS::Kinesis::Stream': { Name: [limits.streamName, characters] },
  'AWS::KinesisFirehose::DeliveryStream': { DeliveryStreamName: [limits.deliveryStreamName, characters] },
  'AWS::StepFunctions::StateMachine': { DefinitionString: [limits.stateMachine, characters] },
};

/** Bytes that CloudFormation adds to the properties of a custom resource: ids, URLs, the token. */
const requestBytes = 4000;

/**
 * Measures everything in a template that has a documented limit.
 * @param stackName as deployed
 * @param bytes size of the template as uploaded
 */
export function measureTemplate(stackName: string, template: Template, bytes: number): Finding[] {
  const { Resources = {}, Outputs = {}, Parameters = {} } = template;
  const split = 'give some of its pipelines another `stack` in pipeline.ts';
  const stack = (what: string, measured: number, limit: Limit, advice?: string): Finding => ({
    where: `${what} ${stackName}`,
    measured,
    limit,
    ...(advice === undefined ? {} : { advice }),
  });
  return [
    stack('template of', bytes, limits.templateBytes, split),
    stack('stack', Object.keys(Resources).length, limits.resources, split),
    stack('stack', Object.keys(Outputs).length, limits.outputs),
    stack('stack', Object.keys(Parameters).length, limits.parameters),
    stack('name of stack', stackName.length, limits.stackName),
    ...Object.entries(Resources).flatMap(([id, resource]) => measureResource(`${stackName}.${id}`, id, resource)),
    ...rolePolicies(stackName, Resources),
  ];
}

function measureResource(where: string, id: string, { Type, Properties = {} }: Resource): Finding[] {
  const rule = rules[Type] ?? {};
  const measured = Object.entries(rule)
    .filter(([property]) => Properties[property] !== undefined)
    .map(([property, [limit, measure]]) => ({
      where: `${where}.${property}`,
      measured: measure(Properties[property]),
      limit,
    }));
  const custom: Finding[] = Type.startsWith('Custom::')
    ? [
        {
          where: `${where}.Properties, twice as an update sends them,`,
          measured: 2 * document(Properties) + requestBytes,
          limit: limits.stateInput,
        },
        { where: `${where}.name`, measured: characters(Properties['name']), limit: limits.physicalId },
      ]
    : [];
  return [{ where, measured: id.length, limit: limits.logicalId }, ...measured, ...custom];
}

/** All inline policies of a role count together. */
function rolePolicies(stackName: string, resources: Readonly<Record<string, Resource>>): Finding[] {
  const sums = new Map<string, number>();
  const add = (role: string, policy: unknown) => sums.set(role, (sums.get(role) ?? 0) + document(policy));
  for (const [id, { Type, Properties = {} }] of Object.entries(resources)) {
    if (Type === 'AWS::IAM::Role')
      for (const { PolicyDocument } of (Properties['Policies'] ?? []) as { PolicyDocument: unknown }[])
        add(id, PolicyDocument);
    if (Type === 'AWS::IAM::Policy')
      for (const role of (Properties['Roles'] ?? []) as { Ref?: string }[])
        if (role.Ref) add(role.Ref, Properties['PolicyDocument']);
  }
  return [...sums].map(([role, measured]) => ({
    where: `inline policies of ${stackName}.${role}`,
    measured,
    limit: limits.rolePolicies,
  }));
}
