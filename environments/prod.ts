import { dev } from './dev';
import type { Environment } from './environment';

/** Protected against accidents: data outlives its stack, and the stack refuses to be deleted. */
export const prod: Environment = {
  name: 'prod',
  warehouse: { kind: 'provisioned', nodeType: 'ra3.xlplus', nodeCount: 2, snapshotRetentionDays: 14 },
  database: 'millrace',
  schedulesEnabled: true,
  reconcileEveryMinutes: 60,
  retainData: true,
  deletionProtection: true,
  logRetentionDays: 365,
  partners: dev.partners,
};
