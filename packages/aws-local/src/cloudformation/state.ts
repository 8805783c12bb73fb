import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { appendWhole, replaceFile } from 'aws-local-kit/folder';
import type { Properties } from './custom-resources';
import { type Change, changesBetween, copyOf, withChange } from './state-changes';

/**
 * CloudFormation's stack statuses:
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
 */
export type StackStatus =
  | 'CREATE_IN_PROGRESS'
  | 'CREATE_COMPLETE'
  | 'ROLLBACK_IN_PROGRESS'
  | 'ROLLBACK_COMPLETE'
  | 'ROLLBACK_FAILED'
  | 'UPDATE_IN_PROGRESS'
  | 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS'
  | 'UPDATE_COMPLETE'
  | 'UPDATE_ROLLBACK_IN_PROGRESS'
  | 'UPDATE_ROLLBACK_FAILED'
  | 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS'
  | 'UPDATE_ROLLBACK_COMPLETE'
  | 'DELETE_IN_PROGRESS'
  | 'DELETE_FAILED'
  | 'DELETE_COMPLETE';

/**
 * The desired resource: its part of the template with intrinsic functions resolved and dynamic references unresolved.
 */
export interface Definition {
  readonly type: string;
  /** Construct path, for example `dev/Data/Stream/Resource`. Undefined if CDK did not record one. */
  readonly path?: string;
  /** Undefined for resources of twins recorded before this field existed. */
  readonly properties?: Properties;
  readonly deletionPolicy: string;
  readonly updateReplacePolicy: string;
  /** Logical ids. */
  readonly dependsOn: readonly string[];
  /** Number of times that CloudFormation replaced the physical resource. The generated name depends on it. */
  readonly generation: number;
}

/** A physical resource. */
export interface StoredResource extends Definition {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}
/** A physical resource to delete once the operation can no longer fail. */
export interface Leftover extends StoredResource {
  readonly logicalId: string;
}

/** A step that was started and is not known to have succeeded. */
export interface Step {
  readonly action: 'create' | 'update' | 'replace';
  readonly definition: Definition;
  /** Id of the request to a custom resource. A repeated request keeps its id. */
  readonly requestId: string;
  /** True if the step ended without success. */
  readonly failed: boolean;
  /** The physical id that a custom resource's failed function gave. */
  readonly physicalId?: string;
}

/** The data needed to roll back to the last complete state of the stack. */
export interface Operation {
  readonly kind: 'create' | 'update';
  /** The resources before the operation. */
  readonly before: Readonly<Record<string, StoredResource>>;
  readonly underway: Record<string, Step>;
}

export interface StoredStack {
  account: string;
  region: string;
  status: StackStatus;
  /** Start of the first deployment, epoch milliseconds of the clock. */
  createdAt?: number;
  /** Reason for the failure. */
  reason?: string;
  resources: Record<string, StoredResource>;
  leftovers: Leftover[];
  outputs: Readonly<Record<string, unknown>>;
  /** Values by export name. */
  exports: Readonly<Record<string, unknown>>;
  /** Names of the exports of other stacks that this stack imports. */
  imports: readonly string[];
  operation?: Operation;
}

export interface StateFile {
  /** Stacks in the order of their first deployment. */
  readonly stacks: Record<string, StoredStack>;
  save(): void;
  /** Stops saving. The state on disk stays as if the process had ended. */
  close(): void;
}

const store = 'the state of the stacks';
const version = 2;
/** Stands for the gateway's endpoint in the file: queue URLs contain its port, which differs on each start. */
const endpointMark = '{{aws-local:endpoint}}';

/** A file larger than this is replaced by one with only the current state. */
const longestFileBytes = 16 * 2 ** 20;

/**
 * Opens `state.json` of the data folder. Its first line is a state, and each later line a list of changes to it.
 * A deployment saves after every step, so a save appends the changes. The file is replaced by the first save of a
 * process, when no stack is in progress, and when it gets too long.
 * @param endpoint URL of the gateway
 * @throws Error if the file is damaged or was written by another version
 */
export function openState(dataDir: string, endpoint = endpointMark): StateFile {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, 'state.json');
  const stacks = existsSync(file) ? read(file, endpoint) : {};
  let closed = false;
  let saved: Readonly<Record<string, StoredStack>> | undefined;
  let bytes = 0;
  const textOf = (value: unknown) => `${JSON.stringify(value).replaceAll(endpoint, endpointMark)}\n`;
  const replace = () => {
    const text = textOf({ version, stacks });
    replaceFile(store, file, text, { mode: 0o600 });
    bytes = text.length;
  };
  return {
    stacks,
    close() {
      closed = true;
    },
    save() {
      if (closed) return;
      const now = copyOf(stacks);
      const atRest = Object.values(now).every(({ status }) => !status.endsWith('_IN_PROGRESS'));
      if (!saved || atRest || bytes > longestFileBytes) replace();
      else {
        const changes = changesBetween(saved, now);
        if (changes.length === 0) return;
        const text = textOf(changes);
        appendWhole(store, file, text, { mode: 0o600 });
        bytes += text.length;
      }
      saved = now;
    },
  };
}

export function newStack(account: string, region: string, createdAt?: number): StoredStack {
  return {
    account,
    region,
    createdAt,
    status: 'CREATE_IN_PROGRESS',
    resources: {},
    leftovers: [],
    outputs: {},
    exports: {},
    imports: [],
  };
}

function read(file: string, endpoint: string): Record<string, StoredStack> {
  const [first = '', ...later] = readFileSync(file, 'utf8').replaceAll(endpointMark, endpoint).split('\n');
  let content: { version?: unknown };
  try {
    content = JSON.parse(first);
  } catch (cause) {
    throw new Error(`${file} is damaged: it is not JSON`, { cause });
  }
  if (content.version === 1) return fromVersion1(content as unknown as Version1);
  if (content.version !== version)
    throw new Error(`${file} was written by another version of the local runtime: version ${content.version}`);
  let { stacks } = content as { stacks: Readonly<Record<string, StoredStack>> };
  // Text after the last line feed is an incomplete line: the process was killed while writing it.
  for (const line of later.slice(0, -1))
    for (const change of changesOf(file, line)) stacks = withChange(stacks, change);
  return stacks;
}

function changesOf(file: string, line: string): Change[] {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error(`${file} is damaged: a line of it is not JSON`, { cause });
  }
}

interface Version1 {
  readonly stacks: Readonly<Record<string, Readonly<Record<string, Version1Resource>>>>;
  readonly pendingDeletes: readonly (Pick<Version1Resource, 'type' | 'order'> & {
    readonly stackName: string;
    readonly logicalId: string;
    readonly physicalId: string;
    readonly properties: Properties;
  })[];
}
interface Version1Resource {
  readonly type: string;
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Only custom resources have properties. */
  readonly properties?: Properties;
  readonly retain: boolean;
  /** Position in the creation order. */
  readonly order: number;
}

function fromVersion1({ stacks, pendingDeletes }: Version1): Record<string, StoredStack> {
  const converted: Record<string, StoredStack> = {};
  for (const [name, resources] of Object.entries(stacks)) {
    const stack: StoredStack = { ...newStack('', ''), status: 'UPDATE_COMPLETE' };
    const inOrder = Object.entries(resources).sort(([, left], [, right]) => left.order - right.order);
    // Version 1 recorded only the creation order, so each resource depends on all resources before it.
    const earlier: string[] = [];
    for (const [logicalId, { type, ref, attributes, properties, retain }] of inOrder) {
      const policies = { deletionPolicy: retain ? 'Retain' : 'Delete', updateReplacePolicy: 'Delete' };
      stack.resources[logicalId] = {
        type,
        ref,
        attributes,
        properties,
        ...policies,
        dependsOn: [...earlier],
        generation: 0,
      };
      earlier.push(logicalId);
    }
    for (const { stackName, logicalId, type, physicalId, properties } of [...pendingDeletes].sort(
      (left, right) => left.order - right.order,
    ))
      if (stackName === name)
        stack.leftovers.push({
          logicalId,
          type,
          ref: physicalId,
          attributes: {},
          properties,
          deletionPolicy: 'Delete',
          updateReplacePolicy: 'Delete',
          dependsOn: stack.leftovers.map((leftover) => leftover.logicalId),
          generation: 0,
        });
    converted[name] = stack;
  }
  return converted;
}
