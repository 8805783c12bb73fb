import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClock, type ResourceTwin, type RunEvent } from 'aws-local-kit';
import { CloudFormation, type Deployment, openState } from '../../src/cloudformation';
import type { Template } from '../../src/cloudformation/assembly';
import { CustomResourceError, type CustomResources } from '../../src/cloudformation/custom-resources';

type Properties = Readonly<Record<string, unknown>>;

/** A request that was made of a resource: `create thing:a`, `update view-2`, `delete view-1`. */
export type Asked = string;

/** Physical resources by name, made by a small custom resource and a small twin, and a data folder that outlives each start. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-world-'));
  /** What is there, with its properties. */
  present = new Map<string, Properties>();
  asked: Asked[] = [];
  events: RunEvent[] = [];
  /** Fails the request instead of doing it; of a custom resource, after it was done by half. */
  fails: (asked: Asked) => boolean = () => false;
  /** Before a request is done, and after. */
  around: (asked: Asked, moment: 'before' | 'after') => void = () => undefined;

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private readonly twin: ResourceTwin = {
    type: 'AWS::Test::Thing',
    properties: ['Name', 'Value', 'Needs'],
    replacedBy: ['Name'],
    create: (properties, context) => {
      const ref = String(properties.Name ?? context.generatedName);
      // Opened again: what is in memory only is of no interest here.
      const verb = context.previous ? 'update' : 'create';
      if (context.previous && this.opening) return { ref, attributes: { Arn: `arn:${ref}` } };
      this.request(`${verb} thing:${ref}`, () => this.present.set(`thing:${ref}`, properties));
      return { ref, attributes: { Arn: `arn:${ref}` } };
    },
    delete: ({ ref }) => this.request(`delete thing:${ref}`, () => this.present.delete(`thing:${ref}`)),
  };
  private opening = false;

  private readonly customResources: CustomResources = {
    request: async ({ requestType, properties, physicalId }) => {
      const { name, version } = properties;
      const id = `${name}-${version}`;
      if (requestType === 'Delete') {
        this.request(`delete ${physicalId}`, () => this.present.delete(physicalId!));
        return { physicalId: physicalId!, data: {} };
      }
      const asked = `${requestType.toLowerCase()} ${id}`;
      try {
        this.request(asked, () => this.present.set(id, properties));
      } catch (error) {
        this.present.set(id, { ...properties, half: true });
        throw new CustomResourceError((error as Error).message, id);
      }
      return { physicalId: id, data: {} };
    },
    handler: () => ({ status: 404 }),
  };

  private request(asked: Asked, act: () => void): void {
    this.asked.push(asked);
    this.around(asked, 'before');
    if (this.fails(asked)) throw new Error(`${asked} failed`);
    act();
    this.around(asked, 'after');
  }

  /** A start of its own over the folder: opens it and deploys. */
  async deploy(stacks: Readonly<Record<string, Template>>): Promise<Deployment> {
    const clock = createClock({ start: Date.UTC(2026, 0, 1), rate: 0 });
    const cloud = new CloudFormation({
      twins: [this.twin],
      customResources: this.customResources,
      secrets: { getSecretString: async () => '' },
      principal: { kind: 'administrator', arn: 'arn:aws:iam::000000000000:user/x', account: '000000000000' },
      state: openState(this.folder),
      account: '000000000000',
      region: 'eu-west-1',
      clock,
      onRun: (event) => void this.events.push(event),
    });
    this.opening = true;
    await cloud.open();
    this.opening = false;
    const list = Object.entries(stacks).map(([name, template]) => ({
      name,
      displayName: `dev/${name}`,
      template,
      paths: {},
    }));
    try {
      return await cloud.deploy({ stacks: list, assets: new Map() });
    } finally {
      clock.dispose();
    }
  }

  get stateFile(): string {
    return join(this.folder, 'state.json');
  }

  /** The folder and what is there, as they are now. */
  snapshot(): Snapshot {
    const copy = join(this.folder, `snapshot-${snapshots++}`);
    if (existsSync(this.stateFile)) copyFileSync(this.stateFile, copy);
    return { copy, present: new Map(this.present) };
  }

  restore({ copy, present }: Snapshot): void {
    if (existsSync(copy)) copyFileSync(copy, this.stateFile);
    else rmSync(this.stateFile, { force: true });
    this.present = new Map(present);
  }
}

let snapshots = 0;
export interface Snapshot {
  readonly copy: string;
  readonly present: ReadonlyMap<string, Properties>;
}
