import {
  type Authorizer,
  booleanOf,
  type Clock,
  type NextTime,
  NotModelledError,
  objectOf,
  type Principal,
  type Properties,
  parseScheduleExpression,
  type ResourceTwin,
  requiredText,
  type StsPort,
  type Timer,
  textOf,
} from 'aws-local-kit';
import type { ControlPlaneState } from './control-plane-state';
import type { Warehouses } from './warehouses';

export interface ScheduledActionsOptions {
  readonly account: string;
  readonly clock: Clock;
  readonly sts: StsPort;
  readonly authorizer: Authorizer;
  readonly warehouses: Warehouses;
}

/** A pause or a resumption of the cluster that took place. */
export interface PauseEvent {
  readonly action: 'pause' | 'resume';
  /** True if a scheduled action did it, false for a call of the API. */
  readonly scheduled: boolean;
  /** Why a scheduled action could not take place. */
  readonly error?: string;
}

/** The pause of a cluster, by its scheduled actions or by calls of PauseCluster and ResumeCluster. */
export interface ClusterPause {
  /** Starts the scheduled actions. Before, a cluster is paused by calls alone. */
  followSchedule(): void;
  /** Undefined unless the cluster is paused. */
  state(): ControlPlaneState | undefined;
  /** The scheduled actions with the next time of each, in epoch milliseconds, if the schedule is followed. */
  actions(): readonly NextAction[];
  /** Enables or disables a scheduled action, as ModifyScheduledAction does. @returns false if there is no such action */
  enable(name: string, enabled: boolean): boolean;
  /** When the schedule does that next, in epoch milliseconds. Undefined if it never does. */
  next(action: PauseEvent['action']): number | undefined;
  pause(): void;
  resume(): void;
  onChange(listener: (event: PauseEvent) => void): void;
}

export interface NextAction {
  readonly name: string;
  readonly action: PauseEvent['action'];
  readonly cluster: string;
  readonly enabled: boolean;
  readonly nextAt?: number;
}

interface ScheduledAction {
  readonly action: PauseEvent['action'];
  readonly cluster: string;
  readonly roleArn: string;
  readonly next: NextTime;
  readonly enabled: boolean;
}

const pausedState: ControlPlaneState = { status: 'paused', availability: 'Unavailable' };
const operations = { pause: 'PauseCluster', resume: 'ResumeCluster' } as const;

/** The twin of AWS::Redshift::ScheduledAction, and the pause that it leads to. */
export function scheduledActions(options: ScheduledActionsOptions): {
  readonly twin: ResourceTwin;
  readonly pause: ClusterPause;
} {
  const { account, clock } = options;
  const actions = new Map<string, ScheduledAction>();
  const timers = new Map<string, Timer>();
  const listeners: ((event: PauseEvent) => void)[] = [];
  let following = false;
  let paused = false;

  const change = (event: PauseEvent) => {
    if (event.error === undefined) paused = event.action === 'pause';
    for (const listener of listeners) listener(event);
  };
  /** Calls the API as the scheduler does: as the role of the action. */
  const call = ({ action, cluster, roleArn }: ScheduledAction, name: string) => {
    try {
      const service: Principal = { kind: 'service', arn: 'scheduler.redshift.amazonaws.com', account };
      const { principal } = options.sts.assumeRole(service, { roleArn, sessionName: name });
      const resource = options.warehouses.arnOf('cluster', cluster);
      options.authorizer.authorize({ principal, action: `redshift:${operations[action]}`, resource });
      if (paused !== (action === 'pause')) change({ action, scheduled: true });
    } catch (error) {
      change({ action, scheduled: true, error: (error as Error).message });
    }
  };
  const arm = (name: string, action: ScheduledAction) => {
    if (!action.enabled) return;
    const time = action.next(clock.now());
    if (time === undefined) return;
    timers.set(
      name,
      clock.at(time, () => {
        arm(name, action);
        call(action, name);
      }),
    );
  };
  const remove = (name: string) => {
    timers.get(name)?.cancel();
    timers.delete(name);
    actions.delete(name);
  };

  const set = (name: string, action: ScheduledAction) => {
    remove(name);
    actions.set(name, action);
    if (following) arm(name, action);
  };

  const nextActions = (): NextAction[] =>
    [...actions].map(([name, { action, cluster, enabled, next }]) => {
      const nextAt = following && enabled ? next(clock.now()) : undefined;
      return { name, action, cluster, enabled, ...(nextAt === undefined ? {} : { nextAt }) };
    });

  return {
    pause: {
      followSchedule() {
        if (following) return;
        following = true;
        for (const [name, action] of actions) arm(name, action);
      },
      state: () => (paused ? pausedState : undefined),
      actions: nextActions,
      enable(name, enabled) {
        const action = actions.get(name);
        if (action) set(name, { ...action, enabled });
        return action !== undefined;
      },
      next(wanted) {
        const times = nextActions().flatMap(({ action, nextAt }) => (action === wanted ? (nextAt ?? []) : []));
        return times.length === 0 ? undefined : Math.min(...times);
      },
      pause: () => change({ action: 'pause', scheduled: false }),
      resume: () => change({ action: 'resume', scheduled: false }),
      onChange: (listener) => void listeners.push(listener),
    },
    twin: {
      type: 'AWS::Redshift::ScheduledAction',
      properties: [
        'Enable',
        'EndTime',
        'IamRole',
        'Schedule',
        'ScheduledActionDescription',
        'ScheduledActionName',
        'StartTime',
        'TargetAction',
      ],
      attributes: ['State', 'NextInvocations'],
      replacedBy: ['ScheduledActionName'],
      delete: ({ ref }) => remove(ref),
      create(properties: Properties, context) {
        const where = `AWS::Redshift::ScheduledAction ${context.logicalId}`;
        const name = requiredText(properties['ScheduledActionName'], `${where}.ScheduledActionName`);
        const enabled = booleanOf(properties['Enable'], `${where}.Enable`) ?? true;
        set(name, { ...scheduledAction(properties, where), enabled });
        return { ref: name, attributes: { State: enabled ? 'ACTIVE' : 'DISABLED', NextInvocations: [] } };
      },
    },
  };
}

function scheduledAction(properties: Properties, where: string): Omit<ScheduledAction, 'enabled'> {
  for (const field of ['StartTime', 'EndTime'])
    if (properties[field] !== undefined) throw new NotModelledError(`${where}.${field}`);
  const target = objectOf(properties['TargetAction'], ['PauseCluster', 'ResumeCluster'], `${where}.TargetAction`) ?? {};
  const [[kind, given] = [], ...others] = Object.entries(target);
  if (kind === undefined || others.length > 0) throw new Error(`${where}.TargetAction must name one action`);
  const cluster = objectOf(given, ['ClusterIdentifier'], `${where}.TargetAction.${kind}`)?.['ClusterIdentifier'];
  return {
    action: kind === 'PauseCluster' ? 'pause' : 'resume',
    cluster: requiredText(cluster, `${where}.TargetAction.${kind}.ClusterIdentifier`),
    roleArn: textOf(properties['IamRole'], `${where}.IamRole`) ?? '',
    next: parseScheduleExpression(requiredText(properties['Schedule'], `${where}.Schedule`), 'UTC', 0),
  };
}
