import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Properties } from './custom-resources';

/** A resource as it was left. */
export interface StoredResource {
  readonly type: string;
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of custom resources: what the function was given last. */
  readonly properties?: Properties;
  readonly retain: boolean;
  /** Position in the order of creation: what goes, goes in the opposite order. */
  readonly order: number;
}
/** An old version of a custom resource, or one that is gone: deleted once everything else succeeded. */
export interface PendingDelete {
  readonly stackName: string;
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string;
  readonly properties: Properties;
  readonly order: number;
}

export interface StateFile {
  get(stackName: string, logicalId: string): StoredResource | undefined;
  put(stackName: string, logicalId: string, resource: StoredResource): void;
  remove(stackName: string, logicalId: string): void;
  entries(): readonly { readonly stackName: string; readonly logicalId: string; readonly resource: StoredResource }[];
  readonly pendingDeletes: readonly PendingDelete[];
  addPending(pending: PendingDelete): void;
  removePending(pending: PendingDelete): void;
  save(): void;
}

interface Content {
  version: 1;
  stacks: Record<string, Record<string, StoredResource>>;
  pendingDeletes: PendingDelete[];
}

/** `state.json` of the data folder. */
export function openState(dataDir: string): StateFile {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, 'state.json');
  const content: Content = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8'))
    : { version: 1, stacks: {}, pendingDeletes: [] };
  if (content.version !== 1)
    throw new Error(`${file} was written by another version of the local runtime: version ${content.version}`);
  return {
    get: (stackName, logicalId) => content.stacks[stackName]?.[logicalId],
    put(stackName, logicalId, resource) {
      content.stacks[stackName] ??= {};
      content.stacks[stackName][logicalId] = resource;
    },
    remove(stackName, logicalId) {
      delete content.stacks[stackName]?.[logicalId];
    },
    entries: () =>
      Object.entries(content.stacks).flatMap(([stackName, resources]) =>
        Object.entries(resources).map(([logicalId, resource]) => ({ stackName, logicalId, resource })),
      ),
    get pendingDeletes() {
      return content.pendingDeletes;
    },
    addPending(pending) {
      content.pendingDeletes.push(pending);
    },
    removePending(pending) {
      content.pendingDeletes = content.pendingDeletes.filter((other) => other !== pending);
    },
    save() {
      writeFileSync(`${file}.new`, JSON.stringify(content));
      renameSync(`${file}.new`, file);
    },
  };
}
