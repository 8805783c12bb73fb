import { InvokeCommand, type InvokeCommandInput, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import type { RequestExport } from '../../lambda/export/contract';
import { clientSettings } from '../../lambda/shared/client-settings';
import { pascalCase } from '../../lib/shared/names';
import { readRuntimeFile } from '../commands/runtime-file';
import { Failure } from '../failure';
import { type ConnectOptions, stackOutputs } from './connect';
import { findEnvironment } from './environments';
import { outputLike, scoped } from './names';

/** Sends a request to a pipeline's export function and does not wait for the result. */
export type ExportFunction = (request: RequestExport) => Promise<void>;

/** @throws Failure if the environment is missing, or was deployed before its outputs named the function */
export function exportFunction(options: ConnectOptions, pipeline: string): ExportFunction {
  const { outputs, source, settings } = functionReach(options);
  const name = outputLike(outputs, scoped(pipeline, 'ExportsFunctionName'));
  if (name === undefined)
    throw new Failure(`${source} has no output ${pascalCase(pipeline)}ExportsFunctionName; deploy it again`);
  return async (request) => void (await invoke(settings, { FunctionName: name, InvocationType: 'Event' }, request));
}

/** Invokes a function once. */
export async function invoke(
  settings: ReturnType<typeof functionReach>['settings'],
  input: Omit<InvokeCommandInput, 'Payload'>,
  request: object,
): Promise<InvokeCommandOutput> {
  const client = new LambdaClient({ ...clientSettings(), ...settings });
  try {
    return await client.send(new InvokeCommand({ ...input, Payload: Buffer.from(JSON.stringify(request)) }));
  } finally {
    client.destroy();
  }
}

/** Outputs of the pipelines stack, where they are from, and how clients reach its functions. */
export function functionReach(options: ConnectOptions) {
  if (options.environment === undefined) {
    const { endpoint, region, credentials, pipelineOutputs } = readRuntimeFile(options.data);
    const source = `the runtime file of ${options.data}`;
    return { outputs: pipelineOutputs, source, settings: { endpoint, region, credentials } };
  }
  const environment = findEnvironment(options.environment);
  return {
    outputs: stackOutputs(environment, 'pipelines', options.outputs),
    source: options.outputs,
    settings: { region: environment.region },
  };
}
