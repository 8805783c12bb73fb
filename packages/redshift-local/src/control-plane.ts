import { randomUUID } from 'node:crypto';
import {
  type Authorizer,
  AwsError,
  integerOf,
  jsonService,
  NotModelledError,
  type Principal,
  type Service,
  type ServiceRequest,
  type XmlValue,
  xmlDocument,
} from 'aws-local-kit';
import { availableState, type ControlPlaneState } from './control-plane-state';
import type { ClusterPause } from './scheduled-actions';
import type { Warehouses } from './warehouses';

export interface ControlPlaneOptions {
  readonly warehouses: Warehouses;
  readonly authorizer: Authorizer;
  readonly pause: ClusterPause;
  /** @default - available */
  readonly state?: () => ControlPlaneState;
}

/** The services `redshift` and `redshift-serverless`, limited to the calls that report and change a warehouse's state. */
export function controlPlane(options: ControlPlaneOptions): Service[] {
  return [redshiftService(options), serverlessService(options)];
}

const namespace = 'http://redshift.amazonaws.com/doc/2012-12-01/';

/** The parameters of each call, besides its name and version. */
const clusterActions: Readonly<Record<string, readonly string[]>> = {
  DescribeClusters: ['ClusterIdentifier'],
  DescribeScheduledActions: ['ClusterIdentifier'],
  ModifyScheduledAction: ['Enable', 'ScheduledActionName'],
  PauseCluster: ['ClusterIdentifier'],
  ResumeCluster: ['ClusterIdentifier'],
};

function redshiftService({ warehouses, authorizer, pause, state }: ControlPlaneOptions): Service {
  return {
    signingName: 'redshift',
    protocol: 'query',
    async handle(request: ServiceRequest) {
      const form = new URLSearchParams(request.body.toString('utf8'));
      const action = form.get('Action') ?? '';
      const parameters = clusterActions[action];
      if (parameters === undefined) throw new NotModelledError(`operation redshift:${action}`);
      for (const name of form.keys())
        if (!['Action', 'Version', ...parameters].includes(name))
          throw new NotModelledError(`parameter ${name} of redshift:${action}`);
      const wanted = form.get('ClusterIdentifier')?.toLowerCase();
      const isChange = action === 'PauseCluster' || action === 'ResumeCluster';
      if (isChange && wanted === undefined)
        throw new AwsError('InvalidParameterValue', 'The parameter ClusterIdentifier must be given.');
      const resource = isChange ? warehouses.arnOf('cluster', wanted!) : '*';
      authorizer.authorize({ principal: request.principal, action: `redshift:${action}`, resource });
      const clusters = warehouses
        .defined('cluster')
        .filter(({ target }) => wanted === undefined || target.name === wanted);
      if (wanted !== undefined && clusters.length === 0)
        throw new AwsError('ClusterNotFound', `Cluster ${wanted} not found.`, 404);
      if (action === 'DescribeScheduledActions')
        return answerOf(action, { ScheduledActions: { ScheduledAction: actionsOf(pause) } });
      if (action === 'ModifyScheduledAction') return answerOf(action, modifyAction(pause, form));
      if (isChange) changePause(pause, action);
      const { status, availability } = state?.() ?? availableState;
      const Cluster = clusters.map(({ target, database, nodeType, admin }) => ({
        ClusterIdentifier: target.name,
        ClusterStatus: status,
        ClusterAvailabilityStatus: availability,
        DBName: database,
        MasterUsername: admin.name,
        NodeType: nodeType,
      }));
      return answerOf(action, isChange ? { Cluster } : { Clusters: { Cluster } });
    },
  };
}

function answerOf(action: string, result: Record<string, XmlValue>) {
  const value = { [`${action}Result`]: result, ResponseMetadata: { RequestId: randomUUID() } };
  return { headers: { 'content-type': 'text/xml' }, body: xmlDocument(`${action}Response`, value, namespace) };
}

const actionsOf = (pause: ClusterPause) =>
  pause.actions().map(({ name, action, cluster, enabled, nextAt }) => ({
    ScheduledActionName: name,
    TargetAction: { [action === 'pause' ? 'PauseCluster' : 'ResumeCluster']: { ClusterIdentifier: cluster } },
    State: enabled ? 'ACTIVE' : 'DISABLED',
    NextInvocations: { ScheduledActionTime: nextAt === undefined ? [] : [new Date(nextAt).toISOString()] },
  }));

/** Enables or disables a scheduled action. Its other properties stay as its template has them. */
function modifyAction(pause: ClusterPause, form: URLSearchParams): Record<string, XmlValue> {
  const name = form.get('ScheduledActionName') ?? '';
  const enable = form.get('Enable');
  if (enable !== 'true' && enable !== 'false')
    throw new AwsError('InvalidParameterValue', `Enable must be true or false, got ${enable}.`);
  if (!pause.enable(name, enable === 'true'))
    throw new AwsError('ScheduledActionNotFound', `Scheduled action ${name} not found.`, 404);
  return actionsOf(pause).find(({ ScheduledActionName }) => ScheduledActionName === name)!;
}

/** The local cluster changes at once: there is no `pausing` and no `resuming`. */
function changePause(pause: ClusterPause, action: string): void {
  const isPaused = pause.state() !== undefined;
  const pauses = action === 'PauseCluster';
  if (isPaused === pauses)
    throw new AwsError('InvalidClusterState', `The cluster is ${isPaused ? 'paused' : 'available'} already.`);
  if (pauses) pause.pause();
  else pause.resume();
}

/** Base capacities that an API call set, by the name of the workgroup. Nothing local depends on them. */
type Capacities = Map<string, number>;

function serverlessService({ warehouses, authorizer, state }: ControlPlaneOptions): Service {
  const changed: Capacities = new Map();
  const find = (workgroupName: unknown, operation: string, principal: Principal) => {
    const workgroup = warehouses.defined('workgroup').find(({ target }) => target.name === workgroupName);
    const resource = warehouses.arnOf('workgroup', String(workgroupName));
    authorizer.authorize({ principal, action: `redshift-serverless:${operation}`, resource });
    if (!workgroup)
      throw new AwsError('ResourceNotFoundException', `The workgroup ${String(workgroupName)} does not exist.`);
    const { name, arn } = workgroup.target;
    // A workgroup has only these two states between its creation and its deletion.
    const status = (state?.() ?? availableState).availability === 'Available' ? 'AVAILABLE' : 'MODIFYING';
    return {
      workgroup: {
        workgroupName: name,
        workgroupArn: arn,
        status,
        baseCapacity: changed.get(name) ?? workgroup.baseCapacity,
      },
    };
  };
  return jsonService('redshift-serverless', 'json-1.1', 'RedshiftServerless', {
    GetWorkgroup(input: Record<string, unknown>, principal) {
      only(input, ['workgroupName'], 'GetWorkgroup');
      return find(input['workgroupName'], 'GetWorkgroup', principal);
    },
    UpdateWorkgroup(input: Record<string, unknown>, principal) {
      only(input, ['workgroupName', 'baseCapacity'], 'UpdateWorkgroup');
      const { workgroupName, baseCapacity } = input;
      const { workgroup } = find(workgroupName, 'UpdateWorkgroup', principal);
      const units = integerOf(baseCapacity, 'baseCapacity', 4, 1024);
      if (units === undefined) throw new NotModelledError('redshift-serverless:UpdateWorkgroup without baseCapacity');
      changed.set(workgroup.workgroupName, units);
      return { workgroup: { ...workgroup, baseCapacity: units } };
    },
  });
}

function only(input: Record<string, unknown>, known: readonly string[], operation: string): void {
  const other = Object.keys(input).find((name) => !known.includes(name));
  if (other !== undefined) throw new NotModelledError(`parameter ${other} of redshift-serverless:${operation}`);
}
