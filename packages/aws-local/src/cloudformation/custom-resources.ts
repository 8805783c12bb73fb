import { randomUUID } from 'node:crypto';
import type { Clock, InternalHandler, Principal } from 'aws-local-kit';
import type { LambdaInvoker } from '../lambda';

export type Properties = Readonly<Record<string, unknown>>;

export interface CustomResourceRequest {
  readonly requestType: 'Create' | 'Update' | 'Delete';
  /** A request that is repeated because its answer was lost keeps its id. */
  readonly requestId: string;
  readonly stackId: string;
  readonly logicalId: string;
  readonly type: string;
  /** Resolved properties, including ServiceToken. Numbers and booleans are text, see `asText`. */
  readonly properties: Properties;
  readonly oldProperties?: Properties;
  readonly physicalId?: string;
}
export interface CustomResourceAnswer {
  readonly physicalId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Thrown if the function answered FAILED or did not answer. */
export class CustomResourceError extends Error {
  constructor(
    message: string,
    /** The physical id that the function gave, if any. */
    readonly physicalId?: string,
  ) {
    super(message);
    this.name = 'CustomResourceError';
  }
}

export interface CustomResources {
  /** Invokes the function behind the ServiceToken. Rejects with a CustomResourceError. */
  request(request: CustomResourceRequest): Promise<CustomResourceAnswer>;
  /** Handles the functions' answers, which arrive at the gateway below `answerPath`. */
  readonly handler: InternalHandler;
}
export interface CustomResourcesOptions {
  readonly region: string;
  readonly clock: Clock;
  readonly lambda: LambdaInvoker;
  readonly principal: Principal;
}

export const answerPath = '/_local/custom-resource/';
/** CloudFormation's default for ServiceTimeout. */
const defaultTimeoutSeconds = 3600;

interface Answer {
  readonly Status: string;
  readonly Reason?: string;
  readonly PhysicalResourceId?: string;
  readonly RequestId?: string;
  readonly Data?: Readonly<Record<string, unknown>>;
}

/** The custom resource protocol: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html */
export function createCustomResources({ region, clock, lambda, principal }: CustomResourcesOptions): CustomResources {
  const waiting = new Map<string, (answer: Answer) => void>();

  const ask = (request: CustomResourceRequest): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const token = randomUUID();
      const timeoutSeconds = Number(request.properties['ServiceTimeout'] ?? defaultTimeoutSeconds);
      const deadline = clock.at(clock.now() + timeoutSeconds * 1000, () =>
        fail(`did not answer within ${timeoutSeconds} s`),
      );
      const end = () => {
        waiting.delete(token);
        deadline.cancel();
      };
      const fail = (message: string) => {
        end();
        reject(new CustomResourceError(message));
      };
      waiting.set(token, (answer) => {
        end();
        resolve(answer);
      });
      const responseUrl = `https://cloudformation-custom-resource-response.${region}.local${answerPath}${token}`;
      const invocation = lambda.invoke(
        principal,
        String(request.properties['ServiceToken']),
        eventOf(request, responseUrl),
      );
      // AWS would retry the function and then wait for the deadline. Here the request fails at once.
      invocation.then(
        ({ error }) => error && fail(`its function failed: ${error.errorType}: ${error.errorMessage}`),
        (error: Error) => fail(error.message),
      );
    });

  return {
    async request(request) {
      const answer = await ask(request);
      if (answer.Status !== 'SUCCESS') throw new CustomResourceError(reasonOf(answer), answer.PhysicalResourceId);
      if (!answer.PhysicalResourceId) throw new CustomResourceError('its answer has no PhysicalResourceId');
      return { physicalId: answer.PhysicalResourceId, data: answer.Data ?? {} };
    },
    handler({ method, path, body }) {
      const answer = waiting.get(path.slice(answerPath.length));
      if (method !== 'PUT' || !answer) return { status: 403, body: 'no such request, or it was answered before' };
      answer(JSON.parse(body.toString('utf8')));
      return { status: 200 };
    },
  };
}

/** Removes the stack trace that CDK's provider framework appends: it does not help the person who deploys. */
function reasonOf({ Reason }: Answer): string {
  const lines = (Reason ?? 'failed without a reason').split('\n').filter((line) => !/^\s+at /.test(line));
  return lines.join('\n').trim();
}

function eventOf(request: CustomResourceRequest, responseUrl: string) {
  return {
    RequestType: request.requestType,
    ServiceToken: request.properties['ServiceToken'],
    ResponseURL: responseUrl,
    StackId: request.stackId,
    RequestId: request.requestId,
    LogicalResourceId: request.logicalId,
    ...(request.physicalId !== undefined && { PhysicalResourceId: request.physicalId }),
    ResourceType: request.type,
    ResourceProperties: request.properties,
    ...(request.oldProperties && { OldResourceProperties: request.oldProperties }),
  };
}

/** CloudFormation sends numbers and booleans to custom resources as text. */
export function asText(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.map(asText);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asText(member)]));
  return value;
}
