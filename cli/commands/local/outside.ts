import { randomBytes } from 'node:crypto';
import { existingStream, existingWarehouse } from '../../../environments/declaration';
import type { Environment } from '../../../environments/environment';
import { type OwnerGrant, ownerGrants, type PolicyDocument } from '../../../lib/existing/owner-grants';
import { streamName } from '../../../lib/shared/names';
import type { Outside } from '../../../local/runtime';
import type { Pipeline } from '../../../pipelines/definition';

/** Shards of a stand-in for an on-demand stream, as a new one has. */
const onDemandShards = 4;
const mib = 1024 * 1024;

/**
 * Makes a stand-in for everything that the environment names as existing, where there is none yet. It belongs to no stack, so no deployment changes or
 * deletes it. Roles of other accounts have exactly the policies that their owners are asked to add.
 */
export async function makeOutside(
  environment: Environment,
  pipelines: readonly Pipeline[],
  outside: Outside,
): Promise<void> {
  const { account, kinesis, s3, iam } = outside;
  const bucket = environment.history?.bucket.existing;
  if (bucket !== undefined && !s3.has(bucket)) {
    const made = s3.create(bucket, { versioned: true });
    made.eventBridge = true;
    s3.save(made);
  }
  const grants = ownerGrants(environment, pipelines, account);
  await makeWarehouse(environment, grants, outside);
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

/** The stand-in for a warehouse has exactly the roles that its owner is asked to attach. */
async function makeWarehouse(
  environment: Environment,
  grants: readonly OwnerGrant[],
  { secrets, makeOutside }: Outside,
): Promise<void> {
  const existing = existingWarehouse(environment);
  if (!existing) return;
  const arn = existing.adminSecret;
  const name = arn.split(':')[6]!.slice(0, -'-AbCdEf'.length);
  const password = `Aa1${randomBytes(21).toString('base64url')}`;
  const secret = secrets.ensure(name, () => JSON.stringify({ username: 'admin', password }), { arn });
  const admin = JSON.parse(secret.value) as { username: string; password: string };
  const attached = grants.find(({ kind }) => kind === 'attached roles')!.add as { IamRoles: readonly string[] };
  const common = {
    database: environment.database,
    roleArns: attached.IamRoles,
    admin: { name: admin.username, password: () => admin.password },
  };
  await makeOutside(
    existing.is === 'serverless'
      ? { ...common, ...existing, kind: 'workgroup' }
      : { ...common, kind: 'cluster', name: existing.name },
  );
}
