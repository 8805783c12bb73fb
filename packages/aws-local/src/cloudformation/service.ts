import { randomUUID } from 'node:crypto';
import {
  type Authorizer,
  AwsError,
  NotModelledError,
  type Service,
  type ServiceRequest,
  type XmlValue,
  xmlDocument,
} from 'aws-local-kit';
import type { StateFile, StoredStack } from './state';

const namespace = 'http://cloudformation.amazonaws.com/doc/2010-05-15/';

/** Read operations on the deployed stacks. Only Runtime.deploy changes stacks. */
export function cloudFormationService(state: Pick<StateFile, 'stacks'>, authorizer: Authorizer): Service {
  const stackOf = (form: URLSearchParams, request: ServiceRequest): [string, StoredStack] =>
    chosen(state, authorizer, form, request, required(form, 'StackName'))[0]!;
  const operations: Readonly<Record<string, (form: URLSearchParams, request: ServiceRequest) => XmlValue>> = {
    DescribeStacks: (form, request) => ({
      Stacks: members(chosen(state, authorizer, form, request).map(([name, stack]) => described(name, stack))),
    }),
    DescribeStackResources: (form, request) => {
      const [name, stack] = stackOf(form, request);
      return { StackResources: members(resources(name, stack, form.get('LogicalResourceId'))) };
    },
    DescribeStackResource: (form, request) => {
      const [name, stack] = stackOf(form, request);
      const id = required(form, 'LogicalResourceId');
      const [found] = summaries(stack, id);
      if (found === undefined) throw new AwsError('ValidationError', `Resource ${id} does not exist for stack ${name}`);
      return { StackResourceDetail: { StackName: name, StackId: idOf(name, stack), ...found } };
    },
    ListStackResources: (form, request) => ({
      StackResourceSummaries: members(summaries(stackOf(form, request)[1], null)),
    }),
    ListStacks: (form, request) => ({
      StackSummaries: members(
        chosen(state, authorizer, form, request)
          .filter(([, { status }]) => statusesOf(form).length === 0 || statusesOf(form).includes(status))
          .map(([name, stack]) => ({
            StackName: name,
            StackId: idOf(name, stack),
            CreationTime: createdAt(stack),
            StackStatus: stack.status,
            StackStatusReason: stack.reason,
          })),
      ),
    }),
  };
  return {
    signingName: 'cloudformation',
    protocol: 'query',
    async handle(request) {
      const form = new URLSearchParams(request.body.toString('utf8'));
      const action = form.get('Action') ?? '';
      const run = Object.hasOwn(operations, action) ? operations[action] : undefined;
      if (!run) throw new NotModelledError(`operation cloudformation:${action}`);
      for (const name of form.keys())
        if (!parametersOf(action).includes(name.replace(/\.member\.\d+$/, '')))
          throw new NotModelledError(`parameter ${name} of cloudformation:${action}`);
      const value = { [`${action}Result`]: run(form, request), ResponseMetadata: { RequestId: randomUUID() } };
      return { headers: { 'content-type': 'text/xml' }, body: xmlDocument(`${action}Response`, value, namespace) };
    },
  };
}

/** Parameters that an operation accepts: a filter for ListStacks, the stack's name for all others. */
const parametersOf = (action: string) => [
  'Action',
  'Version',
  ...(action === 'ListStacks' ? ['StackStatusFilter'] : ['StackName']),
  ...(/^DescribeStackResource/.test(action) ? ['LogicalResourceId'] : []),
];
const statusesOf = (form: URLSearchParams) =>
  [...form].filter(([name]) => name.startsWith('StackStatusFilter.')).map(([, value]) => value);

const members = (member: readonly XmlValue[]): XmlValue => ({ member });

function required(form: URLSearchParams, parameter: string): string {
  const value = form.get(parameter);
  if (value) return value;
  throw new AwsError('ValidationError', `${parameter} must be given: the local runtime finds resources by their stack`);
}

/** The stack with the name or id, or all stacks if there is none in the request. */
function chosen(
  { stacks }: Pick<StateFile, 'stacks'>,
  authorizer: Authorizer,
  form: URLSearchParams,
  { principal }: ServiceRequest,
  name = form.get('StackName') ?? undefined,
): [string, StoredStack][] {
  const found = Object.entries(stacks).filter(([known, stack]) =>
    [undefined, known, idOf(known, stack)].includes(name),
  );
  const action = `cloudformation:${form.get('Action')}`;
  const all = name === undefined || found.length === 0;
  for (const resource of all ? ['*'] : found.map(([known, stack]) => idOf(known, stack)))
    authorizer.authorize({ principal, action, resource });
  if (found.length === 0 && name !== undefined)
    throw new AwsError('ValidationError', `Stack with id ${name} does not exist`);
  return found;
}

/** Creation time. Undefined for stacks recorded before this field existed. */
const createdAt = ({ createdAt: at }: StoredStack) => (at === undefined ? undefined : new Date(at).toISOString());

const idOf = (name: string, { account, region }: StoredStack) =>
  `arn:aws:cloudformation:${region}:${account}:stack/${name}/00000000-0000-0000-0000-000000000000`;

function described(name: string, stack: StoredStack): XmlValue {
  const exportOf = (value: unknown) => Object.entries(stack.exports).find(([, exported]) => exported === value)?.[0];
  return {
    StackName: name,
    StackId: idOf(name, stack),
    CreationTime: createdAt(stack),
    StackStatus: stack.status,
    StackStatusReason: stack.reason,
    Outputs: members(
      Object.entries(stack.outputs).map(([OutputKey, value]) => ({
        OutputKey,
        OutputValue: String(value),
        ExportName: exportOf(value),
      })),
    ),
  };
}

const statusOf = (id: string, { operation }: StoredStack) =>
  operation?.underway[id] === undefined ? 'CREATE_COMPLETE' : 'UPDATE_IN_PROGRESS';

function resources(name: string, stack: StoredStack, logicalId: string | null): XmlValue[] {
  return Object.entries(stack.resources)
    .filter(([id]) => logicalId === null || id === logicalId)
    .map(([id, { type, ref }]) => ({
      StackName: name,
      StackId: idOf(name, stack),
      LogicalResourceId: id,
      PhysicalResourceId: ref,
      ResourceType: type,
      Timestamp: createdAt(stack),
      ResourceStatus: statusOf(id, stack),
    }));
}

function summaries(stack: StoredStack, logicalId: string | null): { readonly [name: string]: XmlValue }[] {
  return Object.entries(stack.resources)
    .filter(([id]) => logicalId === null || id === logicalId)
    .map(([id, { type, ref }]) => ({
      LogicalResourceId: id,
      PhysicalResourceId: ref,
      ResourceType: type,
      LastUpdatedTimestamp: createdAt(stack),
      ResourceStatus: statusOf(id, stack),
    }));
}
