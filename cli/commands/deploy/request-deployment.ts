import { setTimeout as wait } from 'node:timers/promises';
import { type DeployProgress, type DeployResult, deployPath } from 'aws-local/internal-api';
import type { RunEvent } from 'aws-local-kit';
import { Failure } from '../../failure';
import type { RuntimeFile } from '../runtime-file';

const pollEveryMs = 200;

/** Starts a deployment of the running environment and reports every event in order. */
export async function deployTo(
  { endpoint, token }: RuntimeFile,
  assemblyDir: string,
  onEvent: (event: RunEvent) => void,
): Promise<DeployResult> {
  const ask = async (method: 'GET' | 'POST', after = 0): Promise<Response> => {
    try {
      return await fetch(`${endpoint}${deployPath}?after=${after}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(method === 'POST' && { body: JSON.stringify({ assemblyDir }) }),
      });
    } catch (cause) {
      throw new Failure(
        `the local runtime at ${endpoint} does not answer; if it has ended, start it again with 'npm start': it finishes the deployment or rolls it back`,
        1,
        { cause },
      );
    }
  };
  const begun = await ask('POST');
  if (begun.status !== 202) throw new Failure(await refusalOf(begun));
  for (let heard = 0; ; ) {
    const answer = await ask('GET', heard);
    if (answer.status !== 200) throw new Failure(await refusalOf(answer));
    const { events, result } = (await answer.json()) as DeployProgress;
    for (const event of events) onEvent(event);
    heard += events.length;
    if (result) return result;
    await wait(pollEveryMs);
  }
}

async function refusalOf(response: Response): Promise<string> {
  const text = await response.text();
  return response.status === 409 ? text : `the local runtime refused the deployment (HTTP ${response.status}): ${text}`;
}
