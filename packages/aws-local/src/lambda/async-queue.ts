import type { ResourceTwin } from 'aws-local-kit';
import type { Functions } from './functions';
import type { LambdaOptions } from './options';
import { type FunctionError, tooOld } from './runner';

export interface AsyncQueue {
  readonly resources: readonly ResourceTwin[];
  add(functionArn: string, payload: unknown): void;
}

interface InvokeConfig {
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeMs: number;
  readonly onFailureArn?: string;
}
interface InvokeConfigProperties {
  readonly FunctionName: string;
  readonly Qualifier: string;
  readonly MaximumRetryAttempts?: number | string;
  readonly MaximumEventAgeInSeconds?: number | string;
  readonly DestinationConfig?: {
    readonly OnFailure?: { readonly Destination: string };
    readonly OnSuccess?: { readonly Destination: string };
  };
}

/** Lambda's defaults: two retries, one and then two minutes after the failure. Events expire after six hours. */
const defaults: InvokeConfig = { maximumRetryAttempts: 2, maximumEventAgeMs: 6 * 3600_000 };
const retryDelayMs = (attempt: number) => attempt * 60_000;

/**
 * Asynchronous invocations. A failed one is retried by the clock. After the last attempt the loss is reported, and the
 * failure destination, if there is one, receives the event. An event's age counts from its arrival here, and not from
 * the moment that the event is about: EventBridge may deliver an event a day late, and Lambda runs it.
 */
export function createAsyncQueue(options: LambdaOptions, functions: Functions): AsyncQueue {
  const { clock, activity, onRun } = options;
  const configs = new Map<string, InvokeConfig>();

  const attempt = async (functionArn: string, payload: unknown, since: number, retries: number): Promise<void> => {
    const config = configs.get(functionArn) ?? defaults;
    const until = since + config.maximumEventAgeMs;
    // An event may wait for its turn for so long that it is too old before it reaches the function.
    const result = await activity.track(functions.run(functionArn, payload, { isStale: () => clock.now() > until }));
    if (!result.error) return;
    const isDropped = result.error === tooOld;
    const retryAt = clock.now() + retryDelayMs(retries + 1);
    const hasRetries = !isDropped && retries < config.maximumRetryAttempts;
    if (hasRetries && retryAt <= until) {
      clock.at(retryAt, () => attempt(functionArn, payload, since, retries + 1));
      return;
    }
    const condition = isDropped || hasRetries ? 'EventAgeExceeded' : 'RetriesExhausted';
    await giveUp(
      functionArn,
      payload,
      result.error,
      { condition, attempts: isDropped ? retries : retries + 1 },
      config,
    );
  };
  const giveUp = async (
    functionArn: string,
    payload: unknown,
    error: FunctionError,
    { condition, attempts }: { condition: string; attempts: number },
    config: InvokeConfig,
  ) => {
    const { name, principal } = functions.get(functionArn);
    const message = `the event was lost after ${attempts} attempts: ${error.errorType}: ${error.errorMessage}`;
    onRun({ kind: 'trouble', at: clock.now(), name, message });
    if (!config.onFailureArn) return;
    const record = {
      version: '1.0',
      timestamp: new Date(clock.now()).toISOString(),
      requestContext: {
        functionArn: `${functionArn}:$LATEST`,
        condition,
        approximateInvokeCount: attempts,
      },
      requestPayload: payload,
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: error,
    };
    await activity.track(options.sqs.send(principal, config.onFailureArn, JSON.stringify(record)));
  };

  return {
    add(functionArn, payload) {
      // The call does not wait for the invocation: the caller's answer only means that the event is queued.
      attempt(functionArn, payload, clock.now(), 0).catch((error: Error) =>
        onRun({ kind: 'trouble', at: clock.now(), name: functionArn, message: error.message }),
      );
    },
    resources: [
      {
        type: 'AWS::Lambda::EventInvokeConfig',
        properties: [
          'DestinationConfig',
          'FunctionName',
          'MaximumEventAgeInSeconds',
          'MaximumRetryAttempts',
          'Qualifier',
        ],
        create(properties: InvokeConfigProperties, context) {
          if (properties.Qualifier !== '$LATEST')
            throw new Error(`Qualifier ${properties.Qualifier} of an EventInvokeConfig is not modelled`);
          const destination = properties.DestinationConfig?.OnFailure?.Destination;
          if (properties.DestinationConfig?.OnSuccess) throw new Error('DestinationConfig.OnSuccess is not modelled');
          if (destination && !destination.startsWith('arn:aws:sqs:'))
            throw new Error(`failure destination ${destination} is not modelled: only queues are`);
          configs.set(functions.get(properties.FunctionName).arn, {
            maximumRetryAttempts: Number(properties.MaximumRetryAttempts ?? defaults.maximumRetryAttempts),
            maximumEventAgeMs: properties.MaximumEventAgeInSeconds
              ? Number(properties.MaximumEventAgeInSeconds) * 1000
              : defaults.maximumEventAgeMs,
            onFailureArn: destination,
          });
          return { ref: context.generatedName, attributes: {} };
        },
        replacedBy: ['FunctionName', 'Qualifier'],
        delete(_state, _context, { FunctionName }) {
          const found = functions.find(String(FunctionName));
          if (found) configs.delete(found.arn);
        },
      },
    ],
  };
}
