import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../../environments/environment';
import { pipelines } from '../../pipelines';
import { type Page, servePage } from '../../ui/server';
import { stackOutputs } from '../cloud/connect';
import { findEnvironment } from '../cloud/environments';
import { RoleDoor } from '../cloud/partner-access';
import { explain, Failure } from '../failure';
import { awsSource, type Pace, type Policy, pagePolicy } from './aws';
import { type AwsPorts, awsPorts } from './aws-ports';
import type { Reach } from './ports';

export interface AwsPageOptions {
  readonly environment: string;
  /** File with the environment's outputs. */
  readonly outputs: string;
  /** Data folder of the command. The page keeps its token and its port in it. */
  readonly data: string;
  /** How AWS is reached. @default - the SDK's own settings, in the environment's region */
  readonly reach?: Reach;
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
  /** @default - every minute CloudWatch, every five minutes at most the warehouse */
  readonly pace?: Pace;
}

/** @throws Failure that names what is wrong with the environment or its outputs */
export function connectPage(options: AwsPageOptions): { readonly ports: AwsPorts; readonly policy: () => Policy } {
  const environment = findEnvironment(options.environment);
  const data = stackOutputs(environment, 'data', options.outputs);
  const reach = { region: regionOf(environment, String(data['KeyArn'] ?? '')), ...options.reach };
  const ports = awsPorts({ ...options, environment, reach }, pipelines);
  const deployed = pipelines.filter(({ name }) => ports.isDeployed(name)).map(({ name }) => name);
  return { ports, policy: () => pagePolicy(ports, data, deployed) };
}

/** Serves the page of an environment in AWS, with the credentials of the caller. */
export async function openAwsPage(options: AwsPageOptions): Promise<Page> {
  const { ports } = connectPage(options);
  try {
    await checkCaller(options, ports);
    const folder = join(options.data, `page-${options.environment}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const source = awsSource(ports, pipelines, options.pace);
    const page = await servePage(folder, source);
    return {
      address: page.address,
      async dispose() {
        await page.dispose();
        source.dispose();
      },
    };
  } catch (error) {
    ports.dispose();
    throw error;
  }
}

function regionOf({ name, region }: Environment, keyArn: string): string {
  const found = region ?? keyArn.split(':')[3];
  if (found) return found;
  throw new Failure(`environments.${name}.region is not given, and the output KeyArn has none; deploy it again`, 2);
}

/** Credentials of another account would find nothing, or another environment of the same name. */
async function checkCaller({ outputs, environment }: AwsPageOptions, { reach, connection }: AwsPorts): Promise<void> {
  const door = new RoleDoor(reach, reach.credentials);
  try {
    const { arn, account } = await door.caller();
    const data = stackOutputs(findEnvironment(environment), 'data', connection.outputs);
    const [, , , , expected] = String(data['KeyArn'] ?? '').split(':');
    if (expected !== undefined && expected !== account)
      throw new Failure(
        `${outputs} is of an environment in account ${expected}, but the credentials are of account ${account} (${arn}); choose others with AWS_PROFILE`,
      );
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(explain(error), 1, { cause: error });
  } finally {
    door.close();
  }
}
