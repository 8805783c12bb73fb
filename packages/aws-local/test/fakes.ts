import {
  type Authorizer,
  type Credentials,
  createActivity,
  createClock,
  type Principal,
  type ResourceContext,
  type ResourceTwin,
  type RunEvent,
  type StsPort,
} from 'aws-local-kit';
import type { LambdaInvoker } from '../src/lambda';

export const account = '000000000000';
export const region = 'eu-west-1';
export const credentials: Credentials = { accessKeyId: 'ASIA', secretAccessKey: 'secret', sessionToken: 'token' };

/** What a room of compute is made with: a clock that stands still, a list of what it tells. */
export function base(start = Date.UTC(2026, 2, 4, 5, 0, 30)) {
  const events: RunEvent[] = [];
  const clock = createClock({
    start,
    rate: 0,
    onError: (error) => events.push({ kind: 'trouble', at: 0, name: 'clock', message: String(error) }),
  });
  return {
    account,
    region,
    clock,
    activity: createActivity(),
    onRun: (event: RunEvent) => void events.push(event),
    events,
    sts: trustingSts(),
    authorizer: allowing,
  };
}

export const allowing: Authorizer = { authorize: () => {} };

/** Every role trusts everybody; `asked` keeps what was asked. */
export function trustingSts(): StsPort & {
  readonly asked: { readonly caller: Principal; readonly input: Parameters<StsPort['assumeRole']>[1] }[];
} {
  const asked: { caller: Principal; input: Parameters<StsPort['assumeRole']>[1] }[] = [];
  return {
    asked,
    assumeRole(caller, input) {
      asked.push({ caller, input });
      return {
        principal: { kind: 'role', arn: `${input.roleArn}/session`, roleArn: input.roleArn, account },
        credentials,
      };
    },
    credentialsFor: () => credentials,
  };
}

export interface Invocation {
  readonly principal: Principal;
  readonly functionArn: string;
  readonly payload: unknown;
  readonly sourceArn?: string;
}
/** Answers from a function of ours; keeps what it was invoked with. */
export function fakeLambda(
  answer: (payload: never, count: number) => unknown = () => null,
): LambdaInvoker & { readonly invocations: Invocation[] } {
  const invocations: Invocation[] = [];
  const invoke: LambdaInvoker['invoke'] = async (principal, functionArn, payload, source) => {
    invocations.push({ principal, functionArn, payload, sourceArn: source?.sourceArn });
    try {
      return { payload: answer(payload as never, invocations.length) };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      return { payload: null, error: { errorType, errorMessage } };
    }
  };
  return {
    invocations,
    invoke,
    async invokeAsync(...args) {
      const { error } = await invoke(...args);
      if (error) throw Object.assign(new Error(error.errorMessage), { name: error.errorType });
    },
  };
}

export function create(resources: readonly ResourceTwin[], type: string, properties: unknown, logicalId = 'One') {
  const context: ResourceContext = {
    stackName: 'stack',
    logicalId,
    account,
    region,
    generatedName: `stack-${logicalId}`,
  };
  return resources.find((twin) => twin.type === type)!.create(properties, context);
}

/** Lets everything happen that needs no clock. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
