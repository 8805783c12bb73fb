import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { load } from '../../lambda/load/load';
import { parseBatch } from '../../lambda/load/notification';
import { reconcile } from '../../lambda/reconcile/reconcile';
import { refresh } from '../../lambda/refresh/refresh';
import type { Log } from '../../lambda/shared/log';
import { statementNamePrefix } from '../../lambda/shared/plan';
import { redshiftData } from '../../lambda/shared/redshift-data';
import { parseRunEvent, parseTick } from '../../lambda/shared/run-event';
import { s3Objects } from '../../lambda/shared/s3';
import { s3Bytes } from '../../lambda/shared/s3-bytes';
import { sqsQueues } from '../../lambda/shared/sqs';
import type { Warehouse } from '../../lambda/shared/warehouse';
import type { Principal, Service } from '../../local/ports';
import type { Pipeline } from '../../pipelines/definition';
import { loadPlan, reconcilePlan, refreshPlan } from '../../sql';
import {
  account,
  buckets,
  type Cloud,
  cluster,
  database,
  environment,
  type Handlers,
  loadRoleArn,
  roleOf,
} from './cloud';
import { inProcess } from './sdk';

/** Timeouts of the deployed functions. */
const minuteMs = 60_000;
const marginMs = 3000;

const queueUrl = (name: string) => `http://twin/${account}/${name}`;

/** Ways to make the functions weaker than they are, to see that the checks notice. */
export interface Weakening {
  readonly loadPlan?: (plan: ReturnType<typeof loadPlan>) => ReturnType<typeof loadPlan>;
  readonly refreshPlan?: (plan: ReturnType<typeof refreshPlan>) => ReturnType<typeof refreshPlan>;
  readonly loadWarehouse?: (warehouse: Warehouse) => Warehouse;
  readonly loadAnswer?: (answer: unknown) => unknown;
  /** Nobody looks for what no notification told of. */
  readonly noReconcile?: true;
}

/** The real cores of a pipeline's functions, over real SDK clients that talk to the twins of the cloud. */
export function functionsOf(cloud: Cloud, pipeline: Pipeline, weakening: Weakening = {}): Handlers {
  const log: Log = (message, facts) => void cloud.log.push({ message, ...facts });
  const clientOptions = (service: Service, principal: Principal) =>
    inProcess(service, principal, (operation, request, run) =>
      cloud.invocations.call(operation, waits(operation, request.body), run),
    );
  const warehouseOf = (role: string) =>
    redshiftData(
      new RedshiftDataClient(clientOptions(cloud.warehouse.service, roleOf(role))),
      { kind: 'provisioned', name: cluster, database, secretArn: 'millrace_owner' },
      (ms) => cloud.invocations.sleep(ms),
    );
  const objectsOf = (role: string) => {
    const client = new S3Client(clientOptions(cloud.s3.service, roleOf(role)));
    return { ...s3Objects(client), ...s3Bytes(client) };
  };
  const queuesOf = (role: string) =>
    sqsQueues(new SQSClient(clientOptions(cloud.sqs.service, roleOf(role))), (ms) => cloud.invocations.sleep(ms));
  const remainingMs = () => cloud.invocations.remainingMs() - marginMs;
  const common = { environment, log, metrics: () => undefined };

  const onRefresh = refresh({
    ...common,
    plan: (weakening.refreshPlan ?? ((plan) => plan))(refreshPlan(pipeline)),
    warehouse: warehouseOf('refresh'),
  });
  const onBatch = load({
    ...common,
    buckets,
    workBucket: buckets.work,
    loadRoleArn,
    deadLettersUrl: queueUrl('letters'),
    keyArn: cloud.keyArn,
    plan: (weakening.loadPlan ?? ((plan) => plan))(loadPlan(pipeline)),
    warehouse: (weakening.loadWarehouse ?? ((warehouse) => warehouse))(warehouseOf('load')),
    objects: objectsOf('load'),
    queues: queuesOf('load'),
  });
  const onReconcile = reconcile({
    ...common,
    historyBucket: buckets.history,
    workBucket: buckets.work,
    loadRoleArn,
    backlogUrl: queueUrl('backlog'),
    plan: reconcilePlan(pipeline),
    warehouse: warehouseOf('reconcile'),
    objects: objectsOf('reconcile'),
    queues: queuesOf('reconcile'),
  });
  return {
    reconcile: { timeoutMs: 15 * minuteMs, run: (event) => onReconcile(parseTick(event), remainingMs) },
    refresh: { timeoutMs: minuteMs, run: (event) => onRefresh(parseRunEvent(event)) },
    load: {
      timeoutMs: 10 * minuteMs,
      run: async (event) =>
        (weakening.loadAnswer ?? ((answer) => answer))(await onBatch(parseBatch(event), remainingMs)),
    },
  };
}

export const refreshStatements = (pipeline: Pipeline) => statementNamePrefix(environment, pipeline.name, 'refresh');

function waits(operation: string, body: Buffer): boolean {
  return operation === 'redshift-data:DescribeStatement' && (JSON.parse(body.toString()).WaitTimeSeconds ?? 0) > 0;
}
