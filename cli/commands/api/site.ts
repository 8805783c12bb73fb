import type { EndpointItem, TokenKeys } from '../../../lambda/endpoint/contract';
import { parseKeys } from '../../../lambda/endpoint/token';
import { pipelines } from '../../../pipelines';
import type { Pipeline } from '../../../pipelines/definition';
import { endpointsPlan } from '../../../sql';
import { type ConnectOptions, stackOutputs } from '../../cloud/connect';
import { findEnvironment } from '../../cloud/environments';
import { LOCAL_ENVIRONMENT, type StackOutputs } from '../../cloud/names';
import { type Credentials, type Reach, readSecret, writeSecret } from '../../cloud/partner-access';
import { Failure } from '../../failure';
import { readRuntimeFile } from '../runtime-file';

/** The HTTP API of an environment, and the keys of its tokens. */
export interface ApiSite {
  readonly environment: string;
  /** Without a slash at the end. */
  readonly url: string;
  keys(): Promise<TokenKeys>;
  writeKeys(keys: TokenKeys): Promise<void>;
}

export function apiSite(options: ConnectOptions): ApiSite {
  const { environment, outputs, reach, credentials } = placeOf(options);
  const output = (name: string): string => {
    const value = outputs[name];
    if (typeof value === 'string') return value;
    throw new Failure(
      `the pipelines stack of ${environment} has no output ${name}: deploy a pipeline with an endpoint (docs/endpoints.md)`,
    );
  };
  const secret = () => output('ApiKeysSecretArn');
  return {
    environment,
    url: output('ApiUrl').replace(/\/$/, ''),
    keys: async () => parseKeys(await readSecret(reach, credentials, secret())),
    writeKeys: (keys) => writeSecret(reach, credentials, secret(), JSON.stringify(keys)),
  };
}

function placeOf(options: ConnectOptions): {
  readonly environment: string;
  readonly outputs: StackOutputs;
  readonly reach: Reach;
  readonly credentials?: Credentials;
} {
  if (options.environment === undefined) {
    const { endpoint, region, credentials, pipelineOutputs } = readRuntimeFile(options.data);
    return { environment: LOCAL_ENVIRONMENT, outputs: pipelineOutputs, reach: { endpoint, region }, credentials };
  }
  const environment = findEnvironment(options.environment);
  const outputs = stackOutputs(environment, 'pipelines', options.outputs);
  // arn:aws:secretsmanager:<region>:…
  const region = environment.region ?? String(outputs['ApiKeysSecretArn'] ?? '').split(':')[3];
  return { environment: environment.name, outputs, reach: { region } };
}

export const endpointName = ({ pipeline, name }: Pick<EndpointItem, 'pipeline' | 'name'>) => `${pipeline}.${name}`;

/** The endpoints of this repository's pipelines. */
export const knownEndpoints = (of: readonly Pipeline[] = pipelines): readonly EndpointItem[] => endpointsPlan(of);

/** @throws Failure that lists the endpoints */
export function findEndpoint(wanted: string, endpoints: readonly EndpointItem[], asked: string): EndpointItem {
  const found = endpoints.find((item) => endpointName(item) === wanted);
  if (found) return found;
  const known = endpoints.map(endpointName).join(', ') || 'there are none';
  throw new Failure(`${asked} must be an endpoint (${known}), got '${wanted}'`, 2);
}
