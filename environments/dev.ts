import type { Environment } from './environment';

/** The smallest cluster, paused at night. `cdk destroy` deletes everything. */
export const dev: Environment = {
  name: 'dev',
  warehouse: {
    kind: 'provisioned',
    nodeType: 'ra3.large',
    nodeCount: 1,
    snapshotRetentionDays: 1,
    pause: { pauseAt: 'cron(0 20 * * ? *)', resumeAt: 'cron(0 6 * * ? *)' },
  },
  database: 'millrace',
  schedulesEnabled: true,
  reconcileEveryMinutes: 15,
  retainData: false,
  deletionProtection: false,
  logRetentionDays: 7,
  smoke: true,
  partners: [
    {
      name: 'analytics',
      // A placeholder account from the AWS documentation. Replace it with the reader's: IAM refuses principals that do not exist.
      who: { kind: 'aws', principal: 'arn:aws:iam::111122223333:root' },
      access: {
        mode: 'read',
        exports: ['estore.purchases', 'estore.hourly_revenue'],
        endpoints: [{ endpoint: 'estore.revenue' }],
      },
      externalId: { kind: 'generated' },
    },
    {
      name: 'materialize',
      who: { kind: 'materialize' },
      access: { mode: 'write' },
      // CREATE CONNECTION generates it; read it in mz_internal.mz_aws_connections and enter { kind: 'given', values: ['mz_…'] }.
      externalId: { kind: 'awaited' },
    },
  ],
};
