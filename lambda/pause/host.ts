import {
  DecreaseStreamRetentionPeriodCommand,
  DescribeStreamSummaryCommand,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
} from '@aws-sdk/client-kinesis';
import {
  ModifyScheduledActionCommand,
  PauseClusterCommand,
  RedshiftClient,
  ResumeClusterCommand,
} from '@aws-sdk/client-redshift';
import {
  GetWorkgroupCommand,
  RedshiftServerlessClient,
  UpdateWorkgroupCommand,
} from '@aws-sdk/client-redshift-serverless';
import { clientSettings } from '../shared/client-settings';
import { consoleLog, type Log } from '../shared/log';
import type { ConditionalObjects, ObjectStore } from '../shared/objects';
import { asOneOf } from '../shared/parse';
import { readPlan } from '../shared/plan-file';
import { redshiftStatus } from '../shared/redshift-status';
import { connectObjects } from '../shared/s3';
import type { AskStatus } from '../shared/warehouse-status';
import type { env, PausePlan } from './contract';

/** A cluster, which can be paused. */
export interface PausableCluster {
  readonly kind: 'provisioned';
  status: AskStatus;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Enables or disables a scheduled action. */
  enable(scheduledAction: string, enabled: boolean): Promise<void>;
}

/** A workgroup, which costs nothing without queries. */
export interface ScalableWorkgroup {
  readonly kind: 'serverless';
  /** RPUs. */
  capacity(): Promise<number>;
  setCapacity(units: number): Promise<void>;
}

export interface RetainingStreams {
  retentionHours(stream: string): Promise<number>;
  /** Raises or lowers the retention. */
  setRetention(stream: string, from: number, to: number): Promise<void>;
}

export interface PauseHost {
  readonly plan: PausePlan;
  readonly warehouse: PausableCluster | ScalableWorkgroup;
  readonly streams: RetainingStreams;
  readonly objects: Pick<ObjectStore, 'get' | 'delete'> & ConditionalObjects;
  readonly bucket: string;
  readonly log: Log;
}

export const createHost = (settings: ReturnType<typeof env.read>): PauseHost => ({
  plan: readPlan<PausePlan>(),
  warehouse:
    asOneOf(settings.WAREHOUSE_KIND, ['provisioned', 'serverless'], 'WAREHOUSE_KIND') === 'provisioned'
      ? cluster(settings.WAREHOUSE_NAME)
      : workgroup(settings.WAREHOUSE_NAME),
  streams: streams(),
  objects: connectObjects(),
  bucket: settings.WORK_BUCKET,
  log: consoleLog,
});

function cluster(ClusterIdentifier: string): PausableCluster {
  const client = new RedshiftClient(clientSettings());
  return {
    kind: 'provisioned',
    status: redshiftStatus({ kind: 'provisioned', name: ClusterIdentifier }),
    async pause() {
      await client.send(new PauseClusterCommand({ ClusterIdentifier }));
    },
    async resume() {
      await client.send(new ResumeClusterCommand({ ClusterIdentifier }));
    },
    async enable(ScheduledActionName, Enable) {
      await client.send(new ModifyScheduledActionCommand({ ScheduledActionName, Enable }));
    },
  };
}

function workgroup(workgroupName: string): ScalableWorkgroup {
  const client = new RedshiftServerlessClient(clientSettings());
  return {
    kind: 'serverless',
    async capacity() {
      const { workgroup: found } = await client.send(new GetWorkgroupCommand({ workgroupName }));
      return found!.baseCapacity!;
    },
    async setCapacity(baseCapacity) {
      // One call changes one property (API reference, UpdateWorkgroup), so the maximum stays.
      await client.send(new UpdateWorkgroupCommand({ workgroupName, baseCapacity }));
    },
  };
}

function streams(): RetainingStreams {
  const client = new KinesisClient(clientSettings());
  return {
    async retentionHours(StreamName) {
      const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
      return StreamDescriptionSummary!.RetentionPeriodHours!;
    },
    async setRetention(StreamName, from, RetentionPeriodHours) {
      const input = { StreamName, RetentionPeriodHours };
      await (RetentionPeriodHours > from
        ? client.send(new IncreaseStreamRetentionPeriodCommand(input))
        : client.send(new DecreaseStreamRetentionPeriodCommand(input)));
    },
  };
}
