import type { Credentials, InternalHandler, RunEvent, RunListener, ServiceResponse } from 'aws-local-kit';
import type { DeploymentError } from './cloudformation';
import type { Deployments } from './deployments';

/**
 * How another process has a running environment deployed, and watches it:
 *   POST { assemblyDir }     202, 409 while another one is under way
 *   GET  ?after=<n>          DeployProgress
 * Both with the administrator's secret in a header of its own, which no page in a browser can send unasked.
 */
export const deployPath = '/_local/deploy';
export const deploySecretHeader = 'x-local-secret';

export interface DeployProgress {
  /** Those after the nth. */
  readonly events: readonly RunEvent[];
  /** Undefined while it is under way. */
  readonly result?: DeployResult;
}
export interface DeployResult {
  /** By stack name. */
  readonly statuses: Readonly<Record<string, string>>;
  /** Empty when all went well. */
  readonly failures: readonly string[];
  /** Of the stack that failed. */
  readonly failedStatus?: string;
}

const kinds: readonly RunEvent['kind'][] = ['resource', 'stack', 'trouble'];

export function deployHandler(
  deployments: Deployments,
  administrator: Credentials,
  listeners: Set<RunListener>,
): InternalHandler {
  let events: RunEvent[] = [];
  let result: DeployResult | undefined;
  let running = false;

  const run = async (assemblyDir: string): Promise<void> => {
    running = true;
    events = [];
    result = undefined;
    const listen: RunListener = (event) => {
      if (kinds.includes(event.kind)) events.push(event);
    };
    listeners.add(listen);
    try {
      const { statuses } = await deployments.deploy(assemblyDir);
      result = { statuses, failures: [] };
    } catch (error) {
      const { failures = [(error as Error).message], status } = error as Partial<DeploymentError>;
      result = { statuses: deployments.current().statuses, failures, failedStatus: status };
    } finally {
      listeners.delete(listen);
      running = false;
    }
  };

  return ({ method, headers, query, body }) => {
    if (headers[deploySecretHeader] !== administrator.secretAccessKey)
      return { status: 403, body: `${deploySecretHeader} must be the secret access key of the administrator` };
    if (method === 'GET') return json(200, { events: events.slice(Number(query.get('after') ?? 0)), result });
    if (method !== 'POST') return { status: 405, body: 'POST or GET' };
    if (running) return { status: 409, body: 'a deployment is under way: wait for its end' };
    const assemblyDir = assemblyOf(body);
    if (assemblyDir === undefined) return { status: 400, body: 'assemblyDir must be the path of a cloud assembly' };
    void run(assemblyDir);
    return json(202, {});
  };
}

function assemblyOf(body: Buffer): string | undefined {
  try {
    const { assemblyDir } = JSON.parse(body.toString('utf8')) as { assemblyDir?: unknown };
    return typeof assemblyDir === 'string' && assemblyDir !== '' ? assemblyDir : undefined;
  } catch {
    return undefined;
  }
}

const json = (status: number, value: unknown): ServiceResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
