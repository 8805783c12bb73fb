import type { InternalHandler, RunEvent, RunListener, ServiceResponse } from 'aws-local-kit';
import type { DeploymentError } from './cloudformation';
import type { Deployments } from './deployments';

/**
 * Lets another process start and watch a deployment of a running environment.
 * - POST `{ assemblyDir }`: 202, or 409 while another deployment is in progress.
 * - GET `?after=<n>`: 200 with DeployProgress.
 */
export const deployPath = '/_local/deploy';

export interface DeployProgress {
  /** Events after the nth. */
  readonly events: readonly RunEvent[];
  /** Undefined while the deployment is in progress. */
  readonly result?: DeployResult;
}
export interface DeployResult {
  /** Stack status by stack name. */
  readonly statuses: Readonly<Record<string, string>>;
  /** Empty if the deployment succeeded. */
  readonly failures: readonly string[];
  /** Status of the failed stack. */
  readonly failedStatus?: string;
}

const kinds: readonly RunEvent['kind'][] = ['resource', 'stack', 'trouble'];

export function deployHandler(deployments: Deployments, listeners: Set<RunListener>): InternalHandler {
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

  return ({ method, query, body }) => {
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
