import type { Outside } from 'aws-local';
import { existingStream } from '../../../environments/declaration';
import type { Environment } from '../../../environments/environment';
import { ownerGrants, type PolicyDocument } from '../../../lib/existing/owner-grants';
import { streamName } from '../../../lib/shared/names';
import type { Pipeline } from '../../../pipelines/definition';

/** Shards of a stand-in for an on-demand stream, as a new one has. */
const onDemandShards = 4;
const mib = 1024 * 1024;

/**
 * Makes a stand-in for everything that the environment names as existing, where there is none yet. It belongs to no stack, so no deployment changes or
 * deletes it. Roles of other accounts have exactly the policies that their owners are asked to add.
 */
export function makeOutside(
  environment: Environment,
  pipelines: readonly Pipeline[],
  { account, kinesis, s3, iam }: Outside,
): void {
  const bucket = environment.history?.bucket.existing;
  if (bucket !== undefined && !s3.has(bucket)) {
    const made = s3.create(bucket, { versioned: true });
    made.eventBridge = true;
    s3.save(made);
  }
  const grants = ownerGrants(environment, pipelines, account);
  for (const { name, stream } of pipelines) {
    const existing = existingStream(environment, name);
    if (!existing) continue;
    const { mode } = stream.capacity;
    const kind = { mode: mode === 'on-demand' ? 'ON_DEMAND' : 'PROVISIONED' } as const;
    const settings = {
      ...kind,
      retentionHours: stream.retentionHours,
      maxRecordBytes: mib,
      account: existing.existing.split(':')[4],
    };
    const known = streamName(environment, name);
    if (!kinesis.has(known))
      kinesis.create(known, settings, stream.capacity.mode === 'provisioned' ? stream.capacity.shards : onDemandShards);
    if (existing.role === undefined) continue;
    const policyOf = (wanted: string) =>
      grants.find(({ resource, kind: what }) => resource === existing.role && what === wanted)!.add as PolicyDocument;
    iam.outsideRole(existing.role, policyOf('trust policy'), policyOf('permissions of the role'));
  }
}
