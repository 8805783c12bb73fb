import { randomUUID } from 'node:crypto';
import {
  type Activity,
  type Authorizer,
  AwsError,
  type Clock,
  jsonService,
  type Principal,
  type ResourceTwin,
  type RunListener,
  requiredText,
  type Service,
  type StsPort,
} from 'aws-local-kit';
import type { LambdaInvoker } from '../lambda';
import { type Definition, matchesError, parseDefinition, type TaskState } from './definition';

export interface StepFunctionsOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly sts: StsPort;
  readonly lambda: LambdaInvoker;
  readonly activity: Activity;
  readonly onRun: RunListener;
}

export interface StepFunctions {
  readonly service: Service;
  readonly resources: readonly ResourceTwin[];
  /** Number of executions in progress. */
  running(): number;
}

interface StateMachine {
  readonly name: string;
  readonly definition: Definition;
  readonly principal: Principal;
}
type Outcome = { readonly output: unknown } | { readonly error: string; readonly cause: string };

/** State machines of Lambda tasks. Waits between retries use the clock. */
export function createStepFunctions(options: StepFunctionsOptions): StepFunctions {
  const { account, region, clock, activity } = options;
  const machines = new Map<string, StateMachine>();
  const executions = new Map<string, string>();
  let running = 0;

  const attempt = async (machine: StateMachine, state: TaskState, input: unknown): Promise<Outcome> => {
    try {
      const { payload, error } = await activity.track(options.lambda.invoke(machine.principal, state.resource, input));
      return error ? { error: error.errorType, cause: JSON.stringify(error) } : { output: payload };
    } catch (error) {
      return {
        error: error instanceof AwsError ? `Lambda.${error.code}` : 'States.Runtime',
        cause: (error as Error).message,
      };
    }
  };
  const wait = (seconds: number) => new Promise<void>((resolve) => clock.at(clock.now() + seconds * 1000, resolve));

  const runState = async (machine: StateMachine, state: TaskState, input: unknown): Promise<Outcome> => {
    const attempts = new Map<unknown, number>();
    for (;;) {
      const outcome = await attempt(machine, state, input);
      if (!('error' in outcome)) return outcome;
      const retrier = state.retry.find(({ errors }) => matchesError(errors, outcome.error));
      const used = attempts.get(retrier) ?? 0;
      if (!retrier || used >= retrier.maxAttempts) return outcome;
      attempts.set(retrier, used + 1);
      await wait(retrier.intervalSeconds * retrier.backoffRate ** used);
    }
  };
  const execute = async (machine: StateMachine, executionInput: unknown): Promise<void> => {
    let input = executionInput;
    for (let name: string | undefined = machine.definition.startAt; name !== undefined; ) {
      const state: TaskState = machine.definition.states.get(name)!;
      const outcome = await runState(machine, state, input);
      if ('error' in outcome) {
        const catcher = state.catch.find(({ errors }) => matchesError(errors, outcome.error));
        if (!catcher) throw new Error(`state ${name} failed: ${outcome.error}: ${outcome.cause}`);
        input = { Error: outcome.error, Cause: outcome.cause };
        name = catcher.next;
      } else {
        input = outcome.output;
        name = state.next;
      }
    }
  };
  const start = (machine: StateMachine, input: unknown) => {
    running += 1;
    execute(machine, input)
      .catch((error: Error) =>
        options.onRun({ kind: 'trouble', at: clock.now(), name: machine.name, message: error.message }),
      )
      .finally(() => {
        running -= 1;
      });
  };

  return {
    running: () => running,
    service: jsonService('states', 'json-1.0', 'AWSStepFunctions', {
      StartExecution(input: { stateMachineArn?: string; input?: string; name?: string }, principal) {
        const arn = requiredText(input.stateMachineArn, 'stateMachineArn');
        options.authorizer.authorize({ principal, action: 'states:StartExecution', resource: arn });
        const machine = machines.get(arn);
        if (!machine) throw new AwsError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
        const name = input.name ?? randomUUID();
        const executionArn = `${arn.replace(':stateMachine:', ':execution:')}:${name}`;
        const text = input.input ?? '{}';
        if (executions.has(executionArn))
          throw new AwsError('ExecutionAlreadyExists', `Execution Already Exists: '${executionArn}'`);
        executions.set(executionArn, text);
        start(machine, JSON.parse(text));
        return { executionArn, startDate: clock.now() / 1000 };
      },
    }),
    resources: [
      {
        type: 'AWS::StepFunctions::StateMachine',
        properties: [
          'DefinitionString',
          'LoggingConfiguration',
          'RoleArn',
          'StateMachineName',
          'StateMachineType',
          'Tags',
          'TracingConfiguration',
        ],
        attributes: ['Arn', 'Name'],
        create(properties: { DefinitionString: string; RoleArn: string; StateMachineName?: string }, context) {
          const name = properties.StateMachineName ?? context.generatedName;
          const arn = `arn:aws:states:${region}:${account}:stateMachine:${name}`;
          const service: Principal = { kind: 'service', arn: 'states.amazonaws.com', account };
          const { principal } = options.sts.assumeRole(service, {
            roleArn: properties.RoleArn,
            sessionName: name.slice(0, 64),
          });
          machines.set(arn, { name, definition: parseDefinition(properties.DefinitionString), principal });
          return { ref: arn, attributes: { Arn: arn, Name: name } };
        },
        replacedBy: ['StateMachineName', 'StateMachineType'],
        delete: ({ ref }) => void machines.delete(ref),
      },
    ],
  };
}
