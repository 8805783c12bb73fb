import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { environments } from '../../environments';
import type { RequestExport } from '../../lambda/export/contract';
import { readRuntimeFile } from '../commands/runtime-file';
import { Failure } from '../failure';
import { type ConnectOptions, stackOutputs } from './connect';

/** Sends a request to the export function of a pipeline, which works on it by itself. */
export type ExportFunction = (request: RequestExport) => Promise<void>;

/** @throws Failure when the environment is not there, or was deployed before its outputs named the function */
export function exportFunction(options: ConnectOptions, pipeline: string): ExportFunction {
  const { outputs, source, settings } = reach(options);
  const id = new RegExp(`^${pascalCase(pipeline)}ExportsFunctionName[0-9A-F]{8}$`);
  const name = Object.entries(outputs).find(([output]) => id.test(output))?.[1];
  if (typeof name !== 'string')
    throw new Failure(`${source} has no output ${pascalCase(pipeline)}ExportsFunctionName; deploy it again`);
  return async (request) => {
    const client = new LambdaClient(settings);
    try {
      const Payload = Buffer.from(JSON.stringify(request));
      await client.send(new InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload }));
    } finally {
      client.destroy();
    }
  };
}

function reach(options: ConnectOptions) {
  if (options.environment === undefined) {
    const { endpoint, region, credentials, pipelineOutputs = {} } = readRuntimeFile(options.data);
    const source = `the runtime file of ${options.data}`;
    return { outputs: pipelineOutputs, source, settings: { endpoint, region, credentials } };
  }
  const environment = environments.find(({ name }) => name === options.environment);
  if (environment === undefined)
    throw new Failure(
      `--environment must be one of ${environments.map(({ name }) => name).join(', ')}, got '${options.environment}'`,
      2,
    );
  return {
    outputs: stackOutputs(environment, 'pipelines', options.outputs),
    source: options.outputs,
    settings: { region: environment.region },
  };
}

const pascalCase = (name: string) => name.replace(/(?:^|_+)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
