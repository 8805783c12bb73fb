import type { Environment, Partner } from '../../../environments/environment';
import { partnerRoleName } from '../../../lib/partners/presets';
import { type ConnectOptions, stackOutputs } from '../../cloud/connect';
import { findEnvironment } from '../../cloud/environments';
import { LOCAL_ENVIRONMENT, outputLike, type StackOutputs, scoped } from '../../cloud/names';
import { type Credentials, type Reach, RoleDoor, readSecret } from '../../cloud/partner-access';
import { Failure } from '../../failure';
import { readRuntimeFile } from '../runtime-file';

/** An environment with its partners, and how to reach it. */
export interface PartnerSite {
  readonly environment: Environment;
  readonly reach: Reach;
  /** Credentials of the person who verifies. @default - the SDK's default credentials */
  readonly credentials?: Credentials;
  /** Token of the local runtime's own endpoints. Undefined in AWS. */
  readonly controlToken?: string;
  /** Account of the environment. */
  readonly account: string;
  readonly region: string;
  /** Outputs of the data stack and of the pipelines stack. */
  readonly data: StackOutputs;
  readonly pipelines: StackOutputs;
}

export async function partnerSite(options: ConnectOptions): Promise<PartnerSite> {
  const environment = findEnvironment(options.environment ?? LOCAL_ENVIRONMENT);
  if (options.environment === undefined) {
    const { endpoint, region, credentials, token, outputs, pipelineOutputs } = readRuntimeFile(options.data);
    const reach = { endpoint, region };
    return {
      environment,
      reach,
      credentials,
      controlToken: token,
      region,
      data: outputs,
      pipelines: pipelineOutputs,
      ...(await accountOf(reach, credentials)),
    };
  }
  const [data, pipelines] = (['data', 'pipelines'] as const).map((part) =>
    stackOutputs(environment, part, options.outputs),
  ) as [StackOutputs, StackOutputs];
  const region = regionOf(data, environment);
  const reach = { region };
  return { environment, reach, region, data, pipelines, ...(await accountOf(reach)) };
}

async function accountOf(reach: Reach, credentials?: Credentials): Promise<{ account: string }> {
  const door = new RoleDoor(reach, credentials);
  try {
    return { account: (await door.caller()).account };
  } finally {
    door.close();
  }
}

/** Finds the region in an ARN of the outputs if the environment does not name it. */
function regionOf(data: StackOutputs, environment: Environment): string {
  const region = environment.region ?? String(data['KeyArn'] ?? '').split(':')[3];
  if (!region) throw new Failure(`environments.${environment.name}.region is not given, and no output contains it`, 2);
  return region;
}

export const roleArnOf = ({ environment, account }: PartnerSite, partner: Partner): string =>
  `arn:aws:iam::${account}:role/${partnerRoleName(environment.name, partner.name)}`;

/** @throws Failure that lists the known partners */
export function findPartner({ environment }: PartnerSite, name: string): Partner {
  const partner = environment.partners.find((candidate) => candidate.name === name);
  if (partner) return partner;
  const known = environment.partners.map((candidate) => candidate.name).join(', ') || 'there are none';
  throw new Failure(`partner must be one of environments.${environment.name}.partners (${known}), got '${name}'`, 2);
}

/** Returns the ids that open the partner's role now, newest last. Empty while they are awaited. */
export async function externalIdsOf(site: PartnerSite, partner: Partner): Promise<string[]> {
  const { externalId } = partner;
  if (externalId.kind === 'awaited') return [];
  if (externalId.kind === 'given') return [...externalId.values];
  const scope = `Partner-${partner.name}`;
  return Promise.all(
    (externalId.generations ?? [1]).map((generation) => {
      const secret = `AccessExternalId${generation === 1 ? '' : generation}SecretArn`;
      const found = outputLike(site.pipelines, scoped(scope, secret));
      if (found === undefined)
        throw new Failure(
          `the pipelines stack of ${site.environment.name} has no secret for generation ${generation} of ${partner.name}; deploy it`,
        );
      return readSecret(site.reach, site.credentials, found);
    }),
  );
}

/** @throws Failure that names the missing output */
export function bucketOf(
  { data, environment }: PartnerSite,
  name: 'Exports' | 'History' | 'Archive' | 'Work' | 'Logs',
): string {
  const value = data[`${name}BucketName`];
  if (typeof value === 'string') return value;
  throw new Failure(`the data stack of ${environment.name} has no output ${name}BucketName; deploy it again`);
}
