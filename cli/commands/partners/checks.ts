import { randomBytes } from 'node:crypto';
import type { Partner } from '../../../environments/environment';
import { exportPrefix } from '../../../lambda/export/contract';
import { partnerPrefix, prefixesOf } from '../../../lib/partners/prefixes';
import { preset } from '../../../lib/partners/presets';
import { pipelines } from '../../../pipelines';
import { type Caller, type Credentials, PartnerBuckets, RoleDoor } from '../../cloud/partner-access';
import { type Check, Checks } from './check-list';
import { checkEndpoints } from './endpoint-checks';
import { bucketOf, externalIdsOf, type PartnerSite, roleArnOf } from './site';

/** Returns the caller that the partner's own system would be; undefined if its credentials are not available. */
export type PartnerCaller = (partner: Partner) => Promise<Caller | undefined>;

/** Tries everything that the partner's role must and must not do, with real calls that leave nothing behind. */
export async function checkPartner(site: PartnerSite, partner: Partner, caller: PartnerCaller): Promise<Check[]> {
  const checks = new Checks(partner.name);
  const credentials = await caller(partner);
  if (!credentials) {
    checks.unproven(
      'the role opens',
      'allowed',
      'no credentials of the principal of the partner: name a profile with --as',
    );
    return checks.all;
  }
  const door = new RoleDoor(site.reach, credentials);
  try {
    const session = await checkDoor(site, partner, door, checks);
    if (session) {
      await checkReach(site, partner, session, checks);
      await checkEndpoints(site, partner, session, checks);
    }
    return checks.all;
  } finally {
    door.close();
  }
}

/**
 * Checks that a caller without the id, or with another id, is refused. Returns the role's credentials once it is open.
 */
async function checkDoor(
  site: PartnerSite,
  partner: Partner,
  door: RoleDoor,
  checks: Checks,
): Promise<Credentials | undefined> {
  const role = roleArnOf(site, partner);
  const refused = async (what: string, id?: string) =>
    checks.judge(what, 'refused', (await door.open(role, id)).outcome);
  await refused('the role without an external id');
  await refused('the role with a wrong external id', randomBytes(20).toString('hex'));
  for (const other of site.environment.partners)
    if (other !== partner)
      for (const id of await externalIdsOf(site, other))
        await refused(`the role with the external id of ${other.name}`, id);
  const own = await externalIdsOf(site, partner);
  if (own.length === 0 || preset(partner).principal === undefined) {
    await refused('the role with the placeholder PENDING', 'PENDING');
    for (const [index, id] of own.entries())
      await refused(`the role with its external id ${index + 1}, while its principal is awaited`, id);
    return undefined;
  }
  let session: Credentials | undefined;
  for (const [index, id] of own.entries()) {
    const { outcome, credentials } = await door.open(role, id);
    checks.judge(
      own.length === 1 ? 'the role with its external id' : `the role with its external id ${index + 1}`,
      'allowed',
      outcome,
    );
    session = credentials ?? session;
  }
  return session;
}

async function checkReach(site: PartnerSite, partner: Partner, session: Credentials, checks: Checks): Promise<void> {
  const s3 = new PartnerBuckets(site.reach, session);
  const owner = new PartnerBuckets(site.reach, site.credentials);
  const plain = new PartnerBuckets(site.reach, session, false);
  const bucket = bucketOf(site, 'Exports');
  try {
    const own = prefixesOf(partner);
    for (const prefix of own) await checkOwn(s3, bucket, prefix, partner, checks);
    const [first] = own as [string];
    checks.judge(`listing ${first} without encryption`, 'refused', await plain.list(bucket, first));
    checks.judge('listing the whole bucket', 'refused', await s3.list(bucket, ''));
    for (const prefix of neighbours(site, own)) {
      checks.judge(`listing ${prefix}`, 'refused', await s3.list(bucket, prefix));
      const key = (await someKey(owner, bucket, prefix)) ?? `${prefix}latest.json`;
      checks.judge(`reading below ${prefix}`, 'refused', await s3.get(bucket, key));
      await checkWriting(s3, bucket, prefix, 'refused', checks);
    }
    for (const name of ['History', 'Archive', 'Work', 'Logs'] as const) {
      const other = bucketOf(site, name);
      checks.judge(`listing the bucket ${name.toLowerCase()}`, 'refused', await s3.list(other, ''));
      const key = (await someKey(owner, other, '')) ?? 'millrace-verify';
      checks.judge(`reading the bucket ${name.toLowerCase()}`, 'refused', await s3.get(other, key));
      await checkWriting(s3, other, '', 'refused', checks, `the bucket ${name.toLowerCase()}`);
    }
  } finally {
    for (const client of [s3, owner, plain]) client.close();
  }
}

async function checkOwn(
  s3: PartnerBuckets,
  bucket: string,
  prefix: string,
  partner: Partner,
  checks: Checks,
): Promise<void> {
  const reads = preset(partner).objects.includes('s3:GetObject');
  checks.judge(`listing ${prefix}`, 'allowed', await s3.list(bucket, prefix));
  const key = await someKey(s3, bucket, prefix);
  if (reads && key === undefined)
    checks.unproven(`reading below ${prefix}`, 'allowed', 'nothing is there to read yet; run the export and try again');
  else
    checks.judge(
      `reading below ${prefix}`,
      reads ? 'allowed' : 'refused',
      await s3.get(bucket, key ?? `${prefix}latest.json`),
    );
  await checkWriting(s3, bucket, prefix, partner.access.mode === 'write' ? 'allowed' : 'refused', checks);
}

/**
 * Finds a key for a refused read. S3 refuses to read a missing object to a caller who may not list, so only an existing
 * object proves anything.
 */
async function someKey(s3: PartnerBuckets, bucket: string, prefix: string): Promise<string | undefined> {
  return (await s3.list(bucket, prefix)).kind === 'allowed' ? (await s3.keys(bucket, prefix))[0] : undefined;
}

/** Uses a unique key, so that the deleted object belongs to nobody. */
async function checkWriting(
  s3: PartnerBuckets,
  bucket: string,
  prefix: string,
  expected: Check['expected'],
  checks: Checks,
  where = `below ${prefix}`,
): Promise<void> {
  const key = `${prefix}millrace-verify-${randomBytes(8).toString('hex')}`;
  checks.judge(`writing ${where}`, expected, await s3.put(bucket, key));
  checks.judge(`deleting ${where}`, expected, await s3.delete(bucket, key));
}

/** Returns the prefixes of the exports bucket that belong to others. */
function neighbours({ environment }: PartnerSite, own: readonly string[]): string[] {
  const exports = pipelines.flatMap((pipeline) =>
    pipeline.exports.map(({ name }) => exportPrefix(pipeline.name, name)),
  );
  const writers = environment.partners.map(({ name }) => partnerPrefix(name));
  return [...exports, ...writers].filter((prefix) => !own.includes(prefix));
}
