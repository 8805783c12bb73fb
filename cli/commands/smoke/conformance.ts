import { randomBytes } from 'node:crypto';
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { readPack, runCases } from 'redshift-conformance';
import { clientSettings } from '../../../lambda/shared/client-settings';
import type { WarehouseTarget } from '../../../lambda/shared/redshift-data';
import type { Credentials, Reach } from '../../cloud/partner-access';
import { type CheckResult, checkResult } from './check-result';

const SHOWN = 3;
/**
 * Topics that the statements of every run depend on. Only cases that hold with enable_case_sensitive_identifier are
 * included, because the environment turns it on. `millrace conformance --cluster` runs the whole pack, which takes
 * long.
 */
const TOPICS = ['merge', 'transactions', 'windows', 'casts'];
const PARALLEL = 4;

/**
 * Runs the SQL of `conformance/` on the warehouse, each case in a schema of its own that it drops. Cases that need a
 * stream or a bucket are skipped.
 */
export async function conformance(
  target: WarehouseTarget,
  reach: Reach,
  credentials?: Credentials,
): Promise<CheckResult[]> {
  const { kind, name, database: Database, secretArn: SecretArn } = target;
  // The API takes 20 to 30 calls a second. It throttles more, and the client retries them.
  const retries = { maxAttempts: 10, retryMode: 'adaptive' };
  const client = new RedshiftDataClient({
    ...clientSettings(),
    ...reach,
    ...(credentials && { credentials }),
    ...retries,
  });
  const where = {
    Database,
    SecretArn,
    ...(kind === 'provisioned' ? { ClusterIdentifier: name } : { WorkgroupName: name }),
  };
  try {
    const pack = readPack().filter((topic) => TOPICS.includes(topic.name));
    const cases = pack.flatMap((topic) => topic.cases);
    const around = { local: reach.endpoint !== undefined, client, where, dispose: async () => undefined };
    const runId = `smoke${randomBytes(4).toString('hex')}`;
    const results = await runCases(cases, around, { parallel: PARALLEL, runId });
    const differing = results.filter(({ verdict }) => verdict === 'differs');
    const agreeing = results.filter(({ verdict }) => verdict === 'agrees').length;
    const shown = differing
      .slice(0, SHOWN)
      .map((result) => `${result.case.topic}: ${result.case.name} (${result.detail})`);
    const found = differing.length === 0 ? `${agreeing} agree` : `${differing.length} differ: ${shown.join('; ')}`;
    return [checkResult('conformance pack', 'no case differs', found, differing.length === 0)];
  } finally {
    client.destroy();
  }
}
