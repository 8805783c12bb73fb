import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Service, ServiceRequest, ServiceResponse } from 'aws-local-kit';
import { archiveFunction } from '../../lambda/archive/archive';
import { exportFunction } from '../../lambda/export/export';
import type { ExportHost } from '../../lambda/export/host';
import type { LoadHost } from '../../lambda/load/host';
import { loadFunction } from '../../lambda/load/load';
import { reconcileFunction } from '../../lambda/reconcile/reconcile';
import { refreshFunction } from '../../lambda/refresh/refresh';
import { eventBridge } from '../../lambda/shared/event-bus';
import { forgetKeys, withForgetKeys } from '../../lambda/shared/forget-keys';
import type { Log } from '../../lambda/shared/log';
import { statementNamePrefix } from '../../lambda/shared/plan';
import { redshiftData } from '../../lambda/shared/redshift-data';
import { redshiftStatus } from '../../lambda/shared/redshift-status';
import { s3Objects } from '../../lambda/shared/s3';
import { s3Bytes } from '../../lambda/shared/s3-bytes';
import { sqsQueues } from '../../lambda/shared/sqs';
import type { Pipeline } from '../../pipelines/definition';
import { exportPlan, functionUser, loadPlan, reconcilePlan, refreshPlan } from '../../sql';
import {
  account,
  buckets,
  type Cloud,
  cluster,
  database,
  environment,
  forgetSecret,
  type Handlers,
  owner,
  roleOf,
  roles,
} from './cloud';
import type { Calls } from './invocation';
import { inProcess } from './sdk';

/** Timeouts of the deployed functions. */
const minuteMs = 60_000;
const marginMs = 3000;

export const queueUrl = (name: string) => `http://twin/${account}/${name}`;

export type LoadPorts = Pick<LoadHost, 'warehouse' | 'queues' | 'objects'>;
export type ExportPorts = Omit<
  ExportHost,
  'environment' | 'plan' | 'bucket' | 'workBucket' | 'unloadRoleArn' | 'sleep'
>;

/** Wraps a call to AWS. The default only makes the call. */
export type Around = (
  operation: string,
  request: ServiceRequest,
  run: () => Promise<ServiceResponse>,
) => Promise<ServiceResponse>;

/** Ways to weaken the functions, which show that the checks notice. */
export interface Weakening {
  readonly loadPlan?: (plan: ReturnType<typeof loadPlan>) => ReturnType<typeof loadPlan>;
  readonly refreshPlan?: (plan: ReturnType<typeof refreshPlan>) => ReturnType<typeof refreshPlan>;
  readonly exportPlan?: (plan: ReturnType<typeof exportPlan>) => ReturnType<typeof exportPlan>;
  /** Replaces some ports of the load function. */
  readonly loadPorts?: (ports: LoadPorts) => Partial<LoadPorts>;
  readonly loadAnswer?: (answer: unknown) => unknown;
  /** No run looks for objects whose notification was lost. */
  readonly noReconcile?: true;
}

const target = { kind: 'provisioned', name: cluster, database } as const;

/** The database user that the deployed function works as. */
export const userOf = (pipeline: Pipeline, role: string): string =>
  role === 'load' || role === 'reconcile' || role === 'export' ? functionUser(pipeline, role) : owner.name;

const same = <T>(value: T) => value;

/** Makes clients of the twins. Their calls belong to the current invocation. */
export function clientsOf(
  cloud: Cloud,
  role: string,
  calls: Calls,
  around: Around = (_, __, run) => run(),
  databaseUser: string = owner.name,
) {
  const options = (service: Service) =>
    inProcess(service, roleOf(role), (operation, request, run) =>
      calls.call(operation, waits(operation, request.body), () => around(operation, request, run)),
    );
  return {
    warehouse: redshiftData(
      new RedshiftDataClient(options(cloud.warehouse.service)),
      { ...target, secretArn: databaseUser },
      redshiftStatus(target, options(cloud.warehouse.controlPlane[0]!)),
      calls.sleep,
    ),
    s3: new S3Client(options(cloud.s3.service)),
    sqs: new SQSClient(options(cloud.sqs.service)),
    bus: eventBridge(new EventBridgeClient(options(cloud.bus.service)), calls.sleep),
  };
}

/** Makes the core of the export function over the ports, with the deadline of each invocation. */
export function exportOver(
  plan: ReturnType<typeof exportPlan>,
  calls: Calls,
  ports: ExportPorts,
): (event: unknown) => Promise<unknown> {
  const names = {
    environment,
    plan,
    bucket: buckets.exports,
    workBucket: buckets.work,
    unloadRoleArn: roles.unload,
  };
  const run = exportFunction({ ...ports, ...names, sleep: calls.sleep });
  return (event) => run(event, remaining(calls));
}

/** Trouble outside the functions that the twins do not know of. */
export interface Surroundings {
  /** Milliseconds by which the clock of the function's current invocation is ahead. @default - it is right */
  readonly skewMs?: (functionName: string) => number;
  /** Called for each call of AWS. @default - only makes the call */
  readonly around?: Around;
}

/** Makes the real cores of a pipeline's functions, over real SDK clients that call the cloud's twins. */
export function functionsOf(
  cloud: Cloud,
  pipeline: Pipeline,
  weakening: Weakening = {},
  { skewMs = () => 0, around }: Surroundings = {},
): Handlers {
  const clockOf = (name: string) => () => cloud.clock.now() + skewMs(name);
  const log: Log = (message, facts) => void cloud.log.push({ message, ...facts });
  const portsOf = (role: string, calls: Calls) => {
    const { warehouse, s3, sqs, bus } = clientsOf(cloud, role, calls, around, userOf(pipeline, role));
    return {
      environment,
      log,
      metrics: () => undefined,
      warehouse: withForgetKeys(warehouse, async () => forgetKeys(forgetSecret, pipeline.name)),
      bus,
      objects: { ...s3Objects(s3), ...s3Bytes(s3) },
      queues: sqsQueues(sqs, calls.sleep),
    };
  };
  const plans = {
    refresh: (weakening.refreshPlan ?? same)(refreshPlan(pipeline)),
    load: (weakening.loadPlan ?? same)(loadPlan(pipeline)),
    export: (weakening.exportPlan ?? same)(exportPlan(pipeline)),
    reconcile: reconcilePlan(pipeline),
  };
  return {
    archive: {
      timeoutMs: minuteMs,
      start: () => archiveFunction({ log, plan: { textStreams: [] } }),
    },
    refresh: {
      timeoutMs: 2 * minuteMs,
      start(calls) {
        const unload = { bucket: buckets.work, roleArn: roles.unload, keyArn: cloud.keyArn };
        const ports = portsOf('refresh', calls);
        const freshness = { bucket: buckets.work, objects: ports.objects };
        const run = refreshFunction({ ...ports, plan: plans.refresh, unload, freshness, now: clockOf('refresh') });
        return (event) => run(event, remaining(calls));
      },
    },
    load: {
      timeoutMs: 10 * minuteMs,
      start(calls) {
        const ports = portsOf('load', calls);
        const run = loadFunction({
          ...ports,
          buckets,
          workBucket: buckets.work,
          loadRoleArn: roles.load,
          deadLettersUrl: queueUrl('letters'),
          keyArn: cloud.keyArn,
          plan: plans.load,
          ...weakening.loadPorts?.(ports),
          now: clockOf('load'),
          sleep: calls.sleep,
        });
        const answered = weakening.loadAnswer ?? same;
        return async (event) => answered(await run(event, remaining(calls)));
      },
    },
    reconcile: {
      timeoutMs: 15 * minuteMs,
      start(calls) {
        const run = reconcileFunction({
          ...portsOf('reconcile', calls),
          historyBucket: buckets.history,
          workBucket: buckets.work,
          loadRoleArn: roles.load,
          backlogUrl: queueUrl('backlog'),
          plan: plans.reconcile,
        });
        return (event) => run(event, remaining(calls));
      },
    },
    export: {
      timeoutMs: 15 * minuteMs,
      start(calls) {
        return exportOver(plans.export, calls, { ...portsOf('export', calls), now: clockOf('export') });
      },
    },
  };
}

export const remaining = (calls: Calls) => () => calls.remainingMs() - marginMs;

/** Returns the name prefix of the statements whose end sends the function an event. */
export const statementsOf = (pipeline: Pipeline, purpose: 'refresh' | 'export') =>
  statementNamePrefix(environment, pipeline.name, purpose);

/** A submission waits for a short statement, too. */
function waits(operation: string, body: Buffer): boolean {
  return operation.startsWith('redshift-data:') && (JSON.parse(body.toString()).WaitTimeSeconds ?? 0) > 0;
}
