import { randomUUID } from 'node:crypto';
import {
  type Activity,
  type Clock,
  integerOf,
  type NextTime,
  NotModelledError,
  objectOf,
  oneOf,
  type Principal,
  parseScheduleExpression,
  type ResourceTwin,
  type RunListener,
  requiredText,
  type SqsPort,
  type StsPort,
  type Timer,
  textOf,
} from 'aws-local-kit';
import type { LambdaInvoker } from '../lambda';

export interface SchedulerOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly sts: StsPort;
  readonly sqs: SqsPort;
  readonly lambda: LambdaInvoker;
  readonly activity: Activity;
  readonly onRun: RunListener;
  /** Carries a schedule's invocation to its target. A test can lose, repeat or delay it. @default - delivers at once */
  readonly deliver?: (send: () => Promise<void>) => Promise<void>;
}

export interface Scheduler {
  readonly resources: readonly ResourceTwin[];
  /** Starts the schedules. */
  start(): void;
  dispose(): void;
}

interface Target {
  readonly arn: string;
  readonly roleArn: string;
  readonly input: string;
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeMs: number;
  readonly deadLetterArn?: string;
}
interface Schedule {
  readonly name: string;
  readonly arn: string;
  readonly groupArn: string;
  readonly next: NextTime;
  readonly target: Target;
}

/** Defaults of a target's RetryPolicy. They are also the maximum values. */
const defaultRetryAttempts = 185;
const defaultEventAgeSeconds = 86_400;
/** Scheduler documents only that its backoff is exponential. These delays are our choice. */
const firstRetryDelayMs = 1_000;
const longestRetryDelayMs = 600_000;

/** EventBridge Scheduler: schedules fire by the clock and invoke functions as their role. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { account, region, clock, activity, deliver = (send) => send() } = options;
  const schedules = new Map<string, Schedule>();
  const timers = new Map<Schedule, Timer>();
  let started = false;

  const invoke = async (
    schedule: Schedule,
    scheduledTime: number,
    executionId: string,
    attempt: number,
  ): Promise<void> => {
    const { target } = schedule;
    const payload = expandContext(target.input, schedule.arn, scheduledTime, executionId, attempt);
    const service: Principal = { kind: 'service', arn: 'scheduler.amazonaws.com', account };
    let principal: Principal | undefined;
    try {
      principal = options.sts.assumeRole(service, {
        roleArn: target.roleArn,
        sessionName: executionId,
        context: { 'aws:SourceArn': schedule.groupArn, 'aws:SourceAccount': account },
      }).principal;
      await options.lambda.invokeAsync(principal, target.arn, JSON.parse(payload));
    } catch (error) {
      failed(schedule, scheduledTime, executionId, attempt, error as Error, payload, principal);
    }
  };
  const failed = (
    schedule: Schedule,
    scheduledTime: number,
    executionId: string,
    attempt: number,
    error: Error,
    payload: string,
    principal?: Principal,
  ) => {
    const { target } = schedule;
    const retryAt = clock.now() + Math.min(firstRetryDelayMs * 2 ** (attempt - 1), longestRetryDelayMs);
    const name = schedule.name;
    if (attempt <= target.maximumRetryAttempts && retryAt - scheduledTime <= target.maximumEventAgeMs) {
      if (attempt === 1) options.onRun({ kind: 'trouble', at: clock.now(), name, message: error.message });
      clock.at(retryAt, () => activity.track(invoke(schedule, scheduledTime, executionId, attempt + 1)));
      return;
    }
    options.onRun({ kind: 'trouble', at: clock.now(), name, message: `the invocation was lost: ${error.message}` });
    if (target.deadLetterArn && principal)
      void activity.track(options.sqs.send(principal, target.deadLetterArn, payload));
  };
  const arm = (schedule: Schedule) => {
    const time = schedule.next(clock.now());
    if (time === undefined) return;
    const timer = clock.at(time, () => {
      arm(schedule);
      return activity.track(deliver(() => invoke(schedule, time, randomUUID(), 1)));
    });
    timers.set(schedule, timer);
  };

  /** Removes a schedule. Invocations in progress continue. */
  const remove = (arn: string) => {
    const schedule = schedules.get(arn);
    if (!schedule) return;
    timers.get(schedule)?.cancel();
    timers.delete(schedule);
    schedules.delete(arn);
  };

  const create = (properties: Record<string, unknown>, generatedName: string) => {
    const name = textOf(properties['Name'], 'Name') ?? generatedName;
    const where = `schedule ${name}`;
    const group = textOf(properties['GroupName'], `${where}.GroupName`) ?? 'default';
    const arn = `arn:aws:scheduler:${region}:${account}:schedule/${group}/${name}`;
    const window = objectOf(properties['FlexibleTimeWindow'], ['Mode'], `${where}.FlexibleTimeWindow`);
    oneOf(window?.['Mode'], ['OFF'], `${where}.FlexibleTimeWindow.Mode`);
    const state = oneOf(properties['State'], ['ENABLED', 'DISABLED'], `${where}.State`) ?? 'ENABLED';
    const expression = requiredText(properties['ScheduleExpression'], `${where}.ScheduleExpression`);
    const timezone = textOf(properties['ScheduleExpressionTimezone'], `${where}.ScheduleExpressionTimezone`) ?? 'UTC';
    // AWS counts a rate from the schedule's creation. Here it counts from the epoch, so a restart does not shift it.
    const next = parseScheduleExpression(expression, timezone, 0);
    const target = parseTarget(properties['Target'], `${where}.Target`);
    remove(arn);
    if (state === 'DISABLED' || !target) return { ref: name, attributes: { Arn: arn } };
    const schedule = {
      name,
      arn,
      groupArn: `arn:aws:scheduler:${region}:${account}:schedule-group/${group}`,
      next,
      target,
    };
    schedules.set(arn, schedule);
    if (started) arm(schedule);
    return { ref: name, attributes: { Arn: arn } };
  };

  return {
    start() {
      started = true;
      for (const schedule of schedules.values()) arm(schedule);
    },
    dispose() {
      for (const timer of timers.values()) timer.cancel();
    },
    resources: [
      {
        type: 'AWS::Scheduler::Schedule',
        properties: [
          'Description',
          'FlexibleTimeWindow',
          'GroupName',
          'KmsKeyArn',
          'Name',
          'ScheduleExpression',
          'ScheduleExpressionTimezone',
          'State',
          'Target',
        ],
        attributes: ['Arn'],
        replacedBy: ['Name', 'GroupName'],
        create: (properties, context) => create(properties, context.generatedName),
        delete: ({ attributes }) => remove(String(attributes['Arn'])),
      },
      {
        type: 'AWS::Scheduler::ScheduleGroup',
        properties: ['Name', 'Tags'],
        attributes: ['Arn'],
        create(properties: { Name?: string }, context) {
          const name = properties.Name ?? context.generatedName;
          return { ref: name, attributes: { Arn: `arn:aws:scheduler:${region}:${account}:schedule-group/${name}` } };
        },
        replacedBy: ['Name'],
        delete: () => undefined,
      },
    ],
  };
}

/**
 * Undefined for pausing and resuming the local warehouse: it never costs anything, so such schedules are only recorded.
 */
function parseTarget(value: unknown, where: string): Target | undefined {
  const target = objectOf(value, ['Arn', 'DeadLetterConfig', 'Input', 'RetryPolicy', 'RoleArn'], where)!;
  const arn = requiredText(target['Arn'], `${where}.Arn`);
  if (/^arn:aws:scheduler:::aws-sdk:redshift:(pauseCluster|resumeCluster)$/.test(arn)) return undefined;
  if (!arn.startsWith('arn:aws:lambda:')) throw new NotModelledError(`${where}.Arn ${arn}`);
  const retry = objectOf(
    target['RetryPolicy'],
    ['MaximumEventAgeInSeconds', 'MaximumRetryAttempts'],
    `${where}.RetryPolicy`,
  );
  const deadLetter = objectOf(target['DeadLetterConfig'], ['Arn'], `${where}.DeadLetterConfig`);
  const age = integerOf(
    retry?.['MaximumEventAgeInSeconds'],
    `${where}.RetryPolicy.MaximumEventAgeInSeconds`,
    60,
    defaultEventAgeSeconds,
  );
  return {
    arn,
    roleArn: requiredText(target['RoleArn'], `${where}.RoleArn`),
    input: textOf(target['Input'], `${where}.Input`) ?? '{}',
    maximumRetryAttempts:
      integerOf(
        retry?.['MaximumRetryAttempts'],
        `${where}.RetryPolicy.MaximumRetryAttempts`,
        0,
        defaultRetryAttempts,
      ) ?? defaultRetryAttempts,
    maximumEventAgeMs: (age ?? defaultEventAgeSeconds) * 1000,
    deadLetterArn: deadLetter && requiredText(deadLetter['Arn'], `${where}.DeadLetterConfig.Arn`),
  };
}

/**
 * Replaces the context attributes:
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
 */
export function expandContext(
  input: string,
  scheduleArn: string,
  scheduledTime: number,
  executionId: string,
  attempt: number,
): string {
  const values: Record<string, string> = {
    'schedule-arn': scheduleArn,
    'scheduled-time': `${new Date(scheduledTime).toISOString().slice(0, 19)}Z`,
    'execution-id': executionId,
    'attempt-number': String(attempt),
  };
  return input.replace(/<aws\.scheduler\.([a-z-]+)>/g, (whole, name: string) => {
    if (!(name in values)) throw new NotModelledError(`context attribute ${whole} of EventBridge Scheduler`);
    return values[name]!;
  });
}
