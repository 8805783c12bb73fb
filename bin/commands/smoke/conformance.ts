import { randomBytes } from 'node:crypto';
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { clientSettings } from '../../../lambda/shared/client-settings';
import type { WarehouseTarget } from '../../../lambda/shared/redshift-data';
import type { Credentials, Reach } from '../../cloud/partner-access';
import { readPack } from '../../conformance/pack';
import { runCases } from '../../conformance/run';
import { type Finding, finding } from './finding';

const SHOWN = 3;
const PARALLEL = 4;

/** What the warehouse makes of the SQL in `conformance/`, each case in a schema of its own that it drops. Cases that need a stream or a bucket are skipped. */
export async function conformance(
  target: WarehouseTarget,
  reach: Reach,
  credentials?: Credentials,
): Promise<Finding[]> {
  const { kind, name, database: Database, secretArn: SecretArn } = target;
  // The API takes 20 to 30 calls a second; more are throttled and tried again.
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
    const cases = readPack().flatMap((topic) => topic.cases);
    const around = { local: reach.endpoint !== undefined, client, where, dispose: async () => undefined };
    const runId = `smoke${randomBytes(4).toString('hex')}`;
    const results = await runCases(cases, around, { parallel: PARALLEL, runId });
    const differing = results.filter(({ verdict }) => verdict === 'differs');
    const agreeing = results.filter(({ verdict }) => verdict === 'agrees').length;
    const shown = differing
      .slice(0, SHOWN)
      .map((result) => `${result.case.topic}: ${result.case.name} (${result.detail})`);
    const found = differing.length === 0 ? `${agreeing} agree` : `${differing.length} differ: ${shown.join('; ')}`;
    return [finding('conformance pack', 'no case differs', found, differing.length === 0)];
  } finally {
    client.destroy();
  }
}
