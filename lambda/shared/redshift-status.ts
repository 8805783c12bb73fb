import { DescribeClustersCommand, RedshiftClient, type RedshiftClientConfig } from '@aws-sdk/client-redshift';
import { GetWorkgroupCommand, RedshiftServerlessClient } from '@aws-sdk/client-redshift-serverless';
import { clientSettings } from './client-settings';
import { type AskStatus, clusterStatus, type NamedWarehouse, workgroupStatus } from './warehouse-status';

/** Settings of the control plane's clients. @default - the SDK's own */
export type StatusSettings = Pick<RedshiftClientConfig, 'endpoint' | 'region' | 'credentials'>;

/** The status only explains an error, so it must not take long. */
const answerMs = 5_000;

/** Asks the control plane. Used only after a failure. */
export const redshiftStatus =
  ({ kind, name }: NamedWarehouse, settings: StatusSettings = {}): AskStatus =>
  () =>
    kind === 'provisioned' ? ofCluster(name, settings) : ofWorkgroup(name, settings);

async function ofCluster(ClusterIdentifier: string, settings: StatusSettings) {
  const client = new RedshiftClient({ ...clientSettings({ answerMs }), ...settings });
  try {
    const { Clusters } = await client.send(new DescribeClustersCommand({ ClusterIdentifier }));
    const { ClusterStatus, ClusterAvailabilityStatus } = Clusters?.[0] ?? {};
    return clusterStatus(ClusterStatus ?? 'unknown', ClusterAvailabilityStatus);
  } finally {
    client.destroy();
  }
}

async function ofWorkgroup(workgroupName: string, settings: StatusSettings) {
  const client = new RedshiftServerlessClient({ ...clientSettings({ answerMs }), ...settings });
  try {
    const { workgroup } = await client.send(new GetWorkgroupCommand({ workgroupName }));
    return workgroupStatus(workgroup?.status ?? 'unknown');
  } finally {
    client.destroy();
  }
}
