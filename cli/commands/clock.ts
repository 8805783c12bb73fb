import { type ClockState, clockPath } from 'aws-local/internal-api';
import type { ConnectOptions } from '../cloud/connect';
import { Failure } from '../failure';
import { type RuntimeFile, readRuntimeFile } from './runtime-file';

/** Returns the environment's time in epoch milliseconds. The local runtime has a clock of its own. */
export const clockNow = async ({ environment, data }: Pick<ConnectOptions, 'environment' | 'data'>): Promise<number> =>
  environment === undefined ? (await clockOfRuntime(readRuntimeFile(data))).now : Date.now();

/** Asks the clock of the local runtime. @param to begins to move it to that moment, epoch milliseconds */
export async function clockOfRuntime({ endpoint, token }: RuntimeFile, to?: number): Promise<ClockState> {
  let answer: Response;
  try {
    answer = await fetch(`${endpoint}${clockPath}`, {
      method: to === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(30_000),
      ...(to === undefined ? {} : { body: JSON.stringify({ to }) }),
    });
  } catch (cause) {
    throw new Failure(`the local runtime at ${endpoint} does not answer`, 1, { cause });
  }
  if (!answer.ok)
    throw new Failure(
      `the local runtime refused to tell or move its clock (HTTP ${answer.status}): ${await answer.text()}`,
    );
  return (await answer.json()) as ClockState;
}
