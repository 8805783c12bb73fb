import type { PauseAnswer, PauseRequest } from '../../lambda/pause/contract';
import { Failure } from '../failure';
import type { ConnectOptions } from './connect';
import { functionReach, invoke } from './export-function';
import { outputLike, scoped } from './names';

/** Sends a request to the environment's pause function, and returns its answer. */
export type PauseFunction = (request: PauseRequest) => Promise<PauseAnswer>;

/** @throws Failure if the environment is missing, or was deployed before it had the function */
export const pauseFunctionOf = (options: ConnectOptions): PauseFunction => pauseFunctionAt(functionReach(options));

export function pauseFunctionAt({ outputs, source, settings }: ReturnType<typeof functionReach>): PauseFunction {
  const FunctionName = outputLike(outputs, scoped('Pause', 'FunctionName'));
  if (FunctionName === undefined) throw new Failure(`${source} has no output PauseFunctionName; deploy it again`);
  return async (request) => {
    const { Payload = [], FunctionError } = await invoke(settings, { FunctionName }, request);
    const said = JSON.parse(Buffer.from(Payload).toString('utf8') || 'null');
    if (FunctionError !== undefined)
      throw new Failure(`the pause function failed: ${said?.errorMessage ?? FunctionError}`);
    return said as PauseAnswer;
  };
}
