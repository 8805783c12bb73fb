import { pascalCase } from '../../lib/shared/names';
import type { Runtime } from '../../local/runtime';
import type { Activity } from '../../ui/api';
import { grouped, plural } from '../terminal';

type Happened = Omit<Activity, 'id'>;
type RunEvent = Parameters<Parameters<Runtime['onRun']>[0]>[0];
type FunctionEvent = Extract<RunEvent, { kind: 'function' }>;

/** The roles of functions, named after the construct above them. */
export const roles = ['Refresh', 'Load', 'Exports', 'Reconcile'] as const;
export type Role = (typeof roles)[number];

export interface FunctionState {
  readonly running: number;
  /** Epoch milliseconds of the end of the last run. */
  readonly endedAt?: number;
  readonly error?: string;
}

/** Follows the runtime's events: running functions, failures and activity. */
export class RuntimeWatch {
  /** The number of events so far that belong to no one pipeline. */
  private common = 0;
  /** The number of events so far of each pipeline. */
  private readonly own = new Map<string, number>();
  /** The number of objects that Firehose delivered. */
  deliveries = 0;
  /** The number of times that a stack changed its status. */
  deployments = 0;
  private readonly names = new Map<string, string>();
  private readonly states = new Map<string, FunctionState>();
  private readonly listeners = new Set<(happened: Happened) => void>();
  private readonly end: () => void;

  constructor(
    private readonly runtime: Runtime,
    private readonly pipelines: () => readonly { readonly name: string }[],
  ) {
    this.end = runtime.onRun((event) => this.hear(event));
  }

  onActivity(listener: (happened: Happened) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The number of events so far that can have changed what a pipeline has. */
  events(pipeline: string): number {
    return this.common + (this.own.get(pipeline) ?? 0);
  }

  /** Counts something that the runtime does not report. */
  touch(): void {
    this.common++;
  }

  state(pipeline: string, role: Role): FunctionState {
    return this.states.get(`${pascalCase(pipeline)} ${role}`) ?? { running: 0 };
  }

  /** Reports an event that the runtime does not report. */
  report(kind: Happened['kind'], what: string, failed = false): void {
    this.touch();
    this.say({ at: this.runtime.clock.now(), kind, what, failed });
  }

  dispose(): void {
    this.end();
    this.listeners.clear();
  }

  private say(happened: Happened): void {
    for (const listener of this.listeners) listener(happened);
  }

  private hear(event: RunEvent): void {
    this.count(event);
    if (event.kind === 'delivery') this.deliveries++;
    if (event.kind === 'stack') this.deployments++;
    if (event.kind === 'function') this.record(event);
    const happened = this.happened(event);
    if (happened !== undefined) this.say({ at: event.at, ...happened });
  }

  private count(event: RunEvent): void {
    const words = event.kind === 'function' ? this.keyOf(event.name).split(' ') : event.name.split('/');
    const found = this.pipelines().find(({ name }) => words.includes(name) || words.includes(pascalCase(name)));
    if (found === undefined) this.common++;
    else this.own.set(found.name, (this.own.get(found.name) ?? 0) + 1);
  }

  private record({ name, phase, at, error }: FunctionEvent): void {
    const key = this.keyOf(name);
    const before = this.states.get(key) ?? { running: 0 };
    if (phase === 'started') this.states.set(key, { ...before, running: before.running + 1 });
    else
      this.states.set(key, {
        running: Math.max(0, before.running - 1),
        endedAt: at,
        ...(error === undefined ? {} : { error: error.errorMessage }),
      });
  }

  /** Converts an event to a message for people; undefined if it is of no interest. */
  private happened(event: RunEvent): Omit<Happened, 'at'> | undefined {
    const { kind } = event;
    switch (kind) {
      case 'function': {
        if (event.phase === 'started') return undefined;
        const who = words(this.keyOf(event.name));
        if (event.error !== undefined)
          return { kind, what: `${who} failed: ${event.error.errorMessage}`, failed: true };
        return { kind, what: `${who} ran in ${grouped(Math.round(event.durationMs ?? 0))} ms`, failed: false };
      }
      case 'statement':
        return event.error === undefined ? undefined : { kind, what: `${event.name}: ${event.error}`, failed: true };
      case 'delivery':
        return {
          kind,
          what: `${words(this.keyOf(event.name))} archived ${plural(event.records, 'record')}`,
          failed: false,
        };
      case 'stack': {
        const reason = event.reason === undefined ? '' : `, ${event.reason}`;
        const failed = /FAILED|ROLLBACK/.test(event.status);
        return { kind: 'deployment', what: `${event.name}: ${event.status}${reason}`, failed };
      }
      case 'trouble':
        return { kind, what: `${event.name}: ${event.message}`, failed: true };
      case 'resource':
        return undefined;
    }
  }

  /** Returns the path of a construct, such as `dev/Pipelines/Estore/Refresh/Handler/Function/Resource`. */
  private pathOf(name: string): string {
    const types = ['AWS::Lambda::Function', 'AWS::KinesisFirehose::DeliveryStream'];
    const found = types.flatMap((type) => this.runtime.ofType(type)).find(({ ref }) => ref === name);
    return found?.path ?? '';
  }

  /** Returns a key such as `Estore Refresh`, from the path of the function's construct, or else the function's name. */
  private keyOf(name: string): string {
    const known = this.names.get(name);
    if (known !== undefined) return known;
    const parts = this.pathOf(name).split('/');
    const role = roles.find((candidate) => parts.includes(candidate));
    const key = role === undefined ? (parts[2] ?? name) : `${parts[parts.indexOf(role) - 1]} ${role}`;
    this.names.set(name, key);
    return key;
  }
}

/** Converts `ArchiveTransform` to `archive transform`. */
const words = (name: string) => name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
