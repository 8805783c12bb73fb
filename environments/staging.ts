import { dev } from './dev';
import type { Environment } from './environment';

/** Like prod, one size smaller. `cdk destroy` deletes everything. */
export const staging: Environment = {
  name: 'staging',
  warehouse: { kind: 'provisioned', nodeType: 'ra3.large', nodeCount: 2, snapshotRetentionDays: 2 },
  database: 'millrace',
  schedulesEnabled: true,
  reconcileEveryMinutes: 60,
  retainData: false,
  deletionProtection: false,
  logRetentionDays: 30,
  partners: dev.partners,
};
