import { createHash } from 'node:crypto';
import { asArray, asJson, asOneOf, asRecord, asText } from '../shared/parse';
import { parseObject, physicalIdOf, type Texts, type WarehouseObject } from './properties';

/** What CloudFormation asks about one object. */
export interface ObjectRequest {
  readonly type: 'Create' | 'Update' | 'Delete';
  /** The same for onEvent and every isComplete of one operation. */
  readonly requestId: string;
  readonly object: WarehouseObject;
  /** Update only: the object's name before. It differs if this is a replacement. */
  readonly previous?: string;
  /** Update only: the parts of ids before, as in `RebuildSpec`. @default - unknown, or not the table of events */
  readonly previousParts?: unknown;
  /** A short id of the stack. */
  readonly stack: string;
  /** The custom resource: the names of its stack and its logical id. */
  readonly resource: string;
}

/** What CloudFormation asks about one resource: a single object, or the members of a group. */
export interface ResourceRequest {
  readonly type: ObjectRequest['type'];
  /** The resource's physical id, present or future. */
  readonly physicalId: string;
  /** In the order of execution. */
  readonly requests: readonly ObjectRequest[];
}

/**
 * Parses a request of CDK's provider framework. Throws an error that names the property at fault.
 * @param texts the statement lists that properties refer to
 */
export function parseRequest(event: unknown, texts: Texts = {}): ResourceRequest {
  const request = asRecord(event, 'event');
  const type = asOneOf(request.RequestType, ['Create', 'Update', 'Delete'], 'RequestType');
  const properties = asRecord(request.ResourceProperties, 'ResourceProperties');
  const parts = partsOf(properties, request.OldResourceProperties);
  const stackId = String(request.StackId ?? '');
  const stack = createHash('sha256').update(stackId).digest('hex').slice(0, 8);
  const common = {
    type,
    requestId: asText(request.RequestId, 'RequestId'),
    stack,
    // By name: a stack that is created again has another id.
    resource: `${stackId.split('/')[1] ?? ''}/${request.LogicalResourceId ?? ''}`,
  };
  const requests = parts.map(({ now, old }) => ({
    ...common,
    object: parseObject(now, texts, type === 'Delete' ? 'leave out' : 'refuse'),
    previous: previousName(old),
    previousParts: previousParts(old),
  }));
  const given =
    request.PhysicalResourceId === undefined ? undefined : asText(request.PhysicalResourceId, 'PhysicalResourceId');
  return {
    type,
    physicalId: type === 'Delete' && given !== undefined ? given : physicalIdOfProperties(properties),
    requests: type === 'Delete' ? requests.reverse() : requests,
  };
}

/** The physical id of a resource with these properties. */
export function physicalIdOfProperties(properties: unknown): string {
  const record = asRecord(properties, 'ResourceProperties');
  return record.kind === 'group' ? asText(record.name, 'name') : physicalIdOf(parseObject(record, {}, 'leave out'));
}

/** The properties of each object, now and before. */
function partsOf(properties: Record<string, unknown>, old: unknown): { now: unknown; old: unknown }[] {
  if (properties.kind !== 'group') return [{ now: properties, old }];
  const before = asRecord(asRecord(old ?? {}, 'OldResourceProperties').members ?? {}, 'OldResourceProperties.members');
  const members = asRecord(properties.members, 'members');
  const { onRemoval } = properties;
  return asArray(properties.order, 'order').map((given, i) => {
    const id = asText(given, `order[${i}]`);
    const member = asRecord(members[id], `members.${id}`);
    return { now: onRemoval === undefined ? member : { ...member, onRemoval }, old: before[id] };
  });
}

/** Reads only the name: an earlier edition of Millrace may have written the other properties differently. */
function previousName(properties: unknown): string | undefined {
  if (properties === undefined || properties === null) return undefined;
  const { name } = asRecord(properties, 'OldResourceProperties');
  return typeof name === 'string' ? name : undefined;
}

function previousParts(properties: unknown): unknown {
  const { rebuild } = asRecord(properties ?? {}, 'OldResourceProperties');
  return rebuild === undefined ? undefined : asRecord(asJson(rebuild, 'rebuild'), 'rebuild').parts;
}
