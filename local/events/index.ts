import { randomUUID } from 'node:crypto';
import type { Activity, RunListener } from '../activity';
import type { LambdaInvoker } from '../lambda';
import {
  type BusEvent,
  type Clock,
  type EventBusPort,
  NotModelledError,
  type Principal,
  type ResourceTwin,
  type SqsPort,
} from '../ports';
import { integerOf, listOf, objectOf, oneOf, requiredText } from '../properties';
import { compilePattern, type Pattern } from './pattern';

export interface EventBusOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  /** Late-bound: Lambda is made after the services that publish. */
  readonly lambda: () => LambdaInvoker;
  readonly sqs: () => SqsPort;
  readonly activity: Activity;
  readonly onRun: RunListener;
  /** Carries an event to a target; a test may lose, repeat or delay it. @default - at once */
  readonly deliver?: (send: () => Promise<void>) => Promise<void>;
}

export interface EventBus {
  readonly port: EventBusPort;
  readonly resources: readonly ResourceTwin[];
}

interface Target {
  readonly arn: string;
  readonly input?: unknown;
  readonly deadLetterArn?: string;
}
interface Rule {
  readonly name: string;
  readonly arn: string;
  readonly pattern: Pattern;
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

/** The default event bus: rules with patterns, targets that are functions. */
export function createEventBus(options: EventBusOptions): EventBus {
  const { account, region, clock, activity, deliver: carry = (send) => send() } = options;
  const rules = new Map<string, Rule>();
  const principal: Principal = { kind: 'service', arn: 'events.amazonaws.com', account };

  const deliver = async (rule: Rule, target: Target, event: Envelope): Promise<void> => {
    try {
      await options.lambda().invokeAsync(principal, target.arn, target.input ?? event, { sourceArn: rule.arn });
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

  return {
    port: {
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
          if (!rule.pattern(envelope)) continue;
          for (const target of rule.targets) void activity.track(carry(() => deliver(rule, target, envelope)));
        }
      },
    },
    resources: [
      {
        type: 'AWS::Events::Rule',
        properties: ['Description', 'EventPattern', 'Name', 'State', 'Tags', 'Targets'],
        attributes: ['Arn'],
        create(properties, context) {
          const name: string = properties.Name ?? context.generatedName;
          const arn = `arn:aws:events:${region}:${account}:rule/${name}`;
          const state = oneOf(properties.State, ['ENABLED', 'DISABLED'], `rule ${name}.State`) ?? 'ENABLED';
          const rule = {
            name,
            arn,
            pattern: compilePattern(properties.EventPattern),
            targets: listOf(properties.Targets, `rule ${name}.Targets`).map((target) => parseTarget(target, name)),
          };
          if (state === 'ENABLED') rules.set(name, rule);
          return { ref: name, attributes: { Arn: arn } };
        },
      },
    ],
  };
}

function parseTarget(value: unknown, rule: string): Target {
  const where = `rule ${rule}.Targets`;
  const target = objectOf(value, ['Arn', 'DeadLetterConfig', 'Id', 'Input', 'RetryPolicy'], where)!;
  const arn = requiredText(target['Arn'], `${where}.Arn`);
  if (!arn.startsWith('arn:aws:lambda:')) throw new NotModelledError(`${where}.Arn ${arn}`);
  const retry = objectOf(
    target['RetryPolicy'],
    ['MaximumEventAgeInSeconds', 'MaximumRetryAttempts'],
    `${where}.RetryPolicy`,
  );
  // Checked only: a function takes every event that it may be invoked with, so nothing is ever retried here.
  integerOf(retry?.['MaximumRetryAttempts'], `${where}.RetryPolicy.MaximumRetryAttempts`, 0, 185);
  integerOf(retry?.['MaximumEventAgeInSeconds'], `${where}.RetryPolicy.MaximumEventAgeInSeconds`, 60, 86_400);
  const deadLetter = objectOf(target['DeadLetterConfig'], ['Arn'], `${where}.DeadLetterConfig`);
  return {
    arn,
    input: target['Input'] === undefined ? undefined : JSON.parse(requiredText(target['Input'], `${where}.Input`)),
    deadLetterArn: deadLetter && requiredText(deadLetter['Arn'], `${where}.DeadLetterConfig.Arn`),
  };
}
