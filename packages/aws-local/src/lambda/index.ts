import type { Disposable, Principal, ResourceTwin, Service } from 'aws-local-kit';
import { createAsyncQueue } from './async-queue';
import { createEventSourceMappings } from './event-source-mapping';
import { createFunctions, type FunctionPolicies } from './functions';
import { createLogs } from './logs';
import type { InvocationSource, LambdaInvoker, LambdaOptions } from './options';
import { lambdaService } from './service';

export type { InvocationSource, LambdaInvoker, LambdaOptions, QueuePort } from './options';

export interface Lambda extends Disposable {
  readonly port: LambdaInvoker;
  readonly service: Service;
  readonly resources: readonly ResourceTwin[];
  /** Starts reading event sources. */
  start(): void;
  /** Ends idle warm processes. */
  release(): void;
  /** True if a function with this ARN exists. */
  has(functionArn: string): boolean;
}

/**
 * The Lambda twin: functions run their real code in child processes. The code runs on the Node.js of the local runtime.
 * Memory size and architecture have no effect.
 */
export function createLambda(options: LambdaOptions): Lambda {
  const logs = createLogs(options);
  const policies: FunctionPolicies = new Map();
  const functions = createFunctions(options, logs, policies);
  const queue = createAsyncQueue(options, functions);
  const authorize = (principal: Principal, functionArn: string, source: InvocationSource = {}) => {
    const context = source.sourceArn === undefined ? undefined : { 'aws:SourceArn': source.sourceArn };
    options.authorizer.authorize({
      principal,
      action: 'lambda:InvokeFunction',
      resource: functionArn,
      resourcePolicy: policies.get(functionArn),
      context,
    });
  };
  const port: LambdaInvoker = {
    async invoke(principal, functionArn, payload, source) {
      authorize(principal, functionArn, source);
      if (source?.throttles) functions.throttle(functionArn);
      return options.activity.track(functions.run(functionArn, payload));
    },
    async invokeAsync(principal, functionArn, payload, source) {
      authorize(principal, functionArn, source);
      queue.add(functionArn, payload);
    },
  };
  const mappings = createEventSourceMappings(options, functions);
  return {
    port,
    service: lambdaService(options, port, functions),
    resources: [...functions.resources, ...queue.resources, ...mappings.resources, ...logs.resources],
    start: () => mappings.start(),
    release: () => functions.release(),
    has: (functionArn) => functions.find(functionArn) !== undefined,
    async dispose() {
      mappings.dispose();
      await functions.dispose();
      logs.dispose();
    },
  };
}
