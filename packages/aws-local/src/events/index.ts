import { randomUUID } from 'node:crypto';
import {
  type Activity,
  type Authorizer,
  type BusEvent,
  type Clock,
  type EventBusPort,
  integerOf,
  listOf,
  NotModelledError,
  objectOf,
  oneOf,
  type Principal,
  type ResourceTwin,
  type RunListener,
  requiredText,
  type Service,
  textOf,
} from 'aws-local-kit';
import type { LambdaInvoker } from '../lambda';
import type { Sqs } from '../sqs';
import { compilePattern, type Pattern } from './pattern';
import { eventsService } from './service';

export interface EventBusOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  /** Resolved late: Lambda is created after the services that publish events. */
  readonly lambda: () => LambdaInvoker;
  readonly sqs: () => Pick<Sqs, 'send'>;
  readonly activity: Activity;
  readonly onRun: RunListener;
  /** Carries an event to a target. A test can lose, repeat or delay it. @default - delivers at once */
  readonly deliver?: (send: () => Promise<void>) => Promise<void>;
}

export interface EventBus {
  readonly port: EventBusPort;
  readonly service: Service;
  readonly resources: readonly ResourceTwin[];
}

/** A target of a rule. */
export interface Target {
  readonly id: string;
  readonly arn: string;
  readonly roleArn?: string;
  readonly input?: unknown;
  readonly deadLetterArn?: string;
}
export interface Rule {
  readonly name: string;
  readonly arn: string;
  readonly description?: string;
  readonly state: 'ENABLED' | 'DISABLED';
  readonly pattern: Pattern;
  /** The pattern as JSON. */
  readonly patternText: string;
  readonly targets: readonly Target[];
}
/** The envelope that targets receive. */
interface Envelope extends BusEvent {
  readonly version: '0';
  readonly id: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
}

/**
 * The default event bus: rules with patterns, and functions or queues of the account as targets. Topics and queues of
 * other accounts are accepted as targets but receive nothing, since they do not exist locally.
 */
export function createEventBus(options: EventBusOptions): EventBus {
  const { account, region, clock, activity, deliver: carry = (send) => send() } = options;
  const rules = new Map<string, Rule>();
  const principal: Principal = { kind: 'service', arn: 'events.amazonaws.com', account };

  const deliver = async (rule: Rule, target: Target, event: Envelope): Promise<void> => {
    const isQueue = target.arn.startsWith('arn:aws:sqs:');
    if (!isQueue && !target.arn.startsWith('arn:aws:lambda:')) return;
    if (isQueue && target.arn.split(':')[4] !== account) return;
    try {
      const input = target.input ?? event;
      if (isQueue)
        await options.sqs().send(principal, target.arn, JSON.stringify(input), {
          'aws:SourceArn': rule.arn,
          'aws:SourceAccount': account,
        });
      else await options.lambda().invokeAsync(principal, target.arn, input, { sourceArn: rule.arn });
    } catch (error) {
      options.onRun({
        kind: 'trouble',
        at: clock.now(),
        name: rule.name,
        message: `an event was not delivered to ${target.arn}: ${(error as Error).message}`,
      });
      if (target.deadLetterArn)
        await options.sqs().send(principal, target.deadLetterArn, JSON.stringify(target.input ?? event));
    }
  };

  const port: EventBusPort = {
    publish(event) {
      const envelope: Envelope = {
        version: '0',
        id: randomUUID(),
        'detail-type': event['detail-type'],
        source: event.source,
        account,
        time: `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
        region,
        resources: event.resources,
        detail: event.detail,
      };
      for (const rule of rules.values()) {
        if (rule.state === 'DISABLED' || !rule.pattern(envelope)) continue;
        for (const target of rule.targets) void activity.track(carry(() => deliver(rule, target, envelope)));
      }
    },
  };
  return {
    port,
    service: eventsService(port, () => [...rules.values()], options),
    resources: [
      {
        type: 'AWS::Events::Rule',
        properties: ['Description', 'EventPattern', 'Name', 'State', 'Tags', 'Targets'],
        attributes: ['Arn'],
        create(properties, context) {
          const name: string = properties.Name ?? context.generatedName;
          const arn = `arn:aws:events:${region}:${account}:rule/${name}`;
          const state = oneOf(properties.State, ['ENABLED', 'DISABLED'], `rule ${name}.State`) ?? 'ENABLED';
          rules.set(name, {
            name,
            arn,
            description: properties.Description,
            state,
            pattern: compilePattern(properties.EventPattern),
            patternText: JSON.stringify(properties.EventPattern),
            targets: listOf(properties.Targets, `rule ${name}.Targets`).map((target) => parseTarget(target, name)),
          });
          return { ref: name, attributes: { Arn: arn } };
        },
        replacedBy: ['Name'],
        delete: ({ ref }) => void rules.delete(ref),
      },
    ],
  };
}

function parseTarget(value: unknown, rule: string): Target {
  const where = `rule ${rule}.Targets`;
  const target = objectOf(value, ['Arn', 'DeadLetterConfig', 'Id', 'Input', 'RetryPolicy', 'RoleArn'], where)!;
  const arn = requiredText(target['Arn'], `${where}.Arn`);
  if (!/^arn:aws:(lambda|sqs|sns):/.test(arn)) throw new NotModelledError(`${where}.Arn ${arn}`);
  const retry = objectOf(
    target['RetryPolicy'],
    ['MaximumEventAgeInSeconds', 'MaximumRetryAttempts'],
    `${where}.RetryPolicy`,
  );
  // The retry policy is only validated: a function accepts every event that it may be invoked with.
  integerOf(retry?.['MaximumRetryAttempts'], `${where}.RetryPolicy.MaximumRetryAttempts`, 0, 185);
  integerOf(retry?.['MaximumEventAgeInSeconds'], `${where}.RetryPolicy.MaximumEventAgeInSeconds`, 60, 86_400);
  const deadLetter = objectOf(target['DeadLetterConfig'], ['Arn'], `${where}.DeadLetterConfig`);
  return {
    id: requiredText(target['Id'], `${where}.Id`),
    arn,
    roleArn: textOf(target['RoleArn'], `${where}.RoleArn`),
    input: target['Input'] === undefined ? undefined : JSON.parse(requiredText(target['Input'], `${where}.Input`)),
    deadLetterArn: deadLetter && requiredText(deadLetter['Arn'], `${where}.DeadLetterConfig.Arn`),
  };
}
