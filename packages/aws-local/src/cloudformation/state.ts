import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Properties } from './custom-resources';
import { type Change, changesBetween, copyOf, withChange } from './state-changes';

/** As CloudFormation names them: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
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

/** What a resource is to be: its part of the template, with intrinsic functions resolved and dynamic references as they stand there. */
export interface Definition {
  readonly type: string;
  /** Construct path, as `dev/Data/Stream/Resource`; undefined where CDK did not record one. */
  readonly path?: string;
  /** Undefined for twins whose record is older than this field. */
  readonly properties?: Properties;
  readonly deletionPolicy: string;
  readonly updateReplacePolicy: string;
  /** Logical ids. */
  readonly dependsOn: readonly string[];
  /** Counts the physical resources that the logical id has had, as far as CloudFormation names them. */
  readonly generation: number;
}

/** A physical resource. */
export interface StoredResource extends Definition {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}
/** A physical resource that is to be deleted once nothing can fail any more. */
export interface Leftover extends StoredResource {
  readonly logicalId: string;
}

/** A step that was begun and is not known to have succeeded. */
export interface Step {
  readonly action: 'create' | 'update' | 'replace';
  readonly definition: Definition;
  /** Of the request to a custom resource: a repeated one is the same request. */
  readonly requestId: string;
  /** It ended, without success. */
  readonly failed: boolean;
  /** What the function that failed called the resource. */
  readonly physicalId?: string;
}

/** What has to be known to take back what was done since the stack was last complete. */
export interface Operation {
  readonly kind: 'create' | 'update';
  /** The resources of the time before. */
  readonly before: Readonly<Record<string, StoredResource>>;
  readonly underway: Record<string, Step>;
}

export interface StoredStack {
  account: string;
  region: string;
  status: StackStatus;
  /** When its first deployment began, epoch milliseconds of the clock. */
  createdAt?: number;
  /** Why it failed. */
  reason?: string;
  resources: Record<string, StoredResource>;
  leftovers: Leftover[];
  outputs: Readonly<Record<string, unknown>>;
  /** By the name of the export. */
  exports: Readonly<Record<string, unknown>>;
  /** Names of exports of other stacks. */
  imports: readonly string[];
  operation?: Operation;
}

export interface StateFile {
  /** In the order of their first deployment. */
  readonly stacks: Record<string, StoredStack>;
  save(): void;
  /** Nothing is saved from here on: what goes on is as if the process had ended. */
  close(): void;
}

const version = 2;
/** The gateway's port changes from start to start, and URLs of queues hold it. */
const endpointMark = '{{aws-local:endpoint}}';

/** Changes beyond this are written as a new state. */
const longestFileBytes = 16 * 2 ** 20;

/**
 * `state.json` of the data folder: the first line is a state, each later line a list of changes to it. A deployment saves after every step, so a
 * save appends what changed. The file is replaced with the first save of a process, and when every stack is at rest.
 * @param endpoint of the gateway
 * @throws Error when the file is of a later version, or damaged
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
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
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
        appendFileSync(file, text);
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
  // What follows the last line feed was cut off by a kill.
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
  /** Of custom resources only. */
  readonly properties?: Properties;
  readonly retain: boolean;
  /** Position in the order of creation. */
  readonly order: number;
}

function fromVersion1({ stacks, pendingDeletes }: Version1): Record<string, StoredStack> {
  const converted: Record<string, StoredStack> = {};
  for (const [name, resources] of Object.entries(stacks)) {
    const stack: StoredStack = { ...newStack('', ''), status: 'UPDATE_COMPLETE' };
    const inOrder = Object.entries(resources).sort(([, left], [, right]) => left.order - right.order);
    // In that version the order alone told what was needed by what: each resource counts as needing all before it.
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
