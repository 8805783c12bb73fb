import { randomUUID } from 'node:crypto';
import {
  type Authorizer,
  AwsError,
  jsonService,
  NotModelledError,
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

/** The services `redshift` and `redshift-serverless`, limited to the calls that report a warehouse's state, and pause and resume a cluster. */
export function controlPlane(options: ControlPlaneOptions): Service[] {
  return [redshiftService(options), serverlessService(options)];
}

const namespace = 'http://redshift.amazonaws.com/doc/2012-12-01/';

const clusterActions = ['DescribeClusters', 'DescribeScheduledActions', 'PauseCluster', 'ResumeCluster'];

function redshiftService({ warehouses, authorizer, pause, state }: ControlPlaneOptions): Service {
  return {
    signingName: 'redshift',
    protocol: 'query',
    async handle(request: ServiceRequest) {
      const form = new URLSearchParams(request.body.toString('utf8'));
      const action = form.get('Action') ?? '';
      if (!clusterActions.includes(action)) throw new NotModelledError(`operation redshift:${action}`);
      for (const name of form.keys())
        if (!['Action', 'Version', 'ClusterIdentifier'].includes(name))
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
  pause.actions().map(({ name, action, cluster, nextAt }) => ({
    ScheduledActionName: name,
    TargetAction: { [action === 'pause' ? 'PauseCluster' : 'ResumeCluster']: { ClusterIdentifier: cluster } },
    State: 'ACTIVE',
    NextInvocations: { ScheduledActionTime: nextAt === undefined ? [] : [new Date(nextAt).toISOString()] },
  }));

/** The local cluster changes at once: there is no `pausing` and no `resuming`. */
function changePause(pause: ClusterPause, action: string): void {
  const isPaused = pause.state() !== undefined;
  const pauses = action === 'PauseCluster';
  if (isPaused === pauses)
    throw new AwsError('InvalidClusterState', `The cluster is ${isPaused ? 'paused' : 'available'} already.`);
  if (pauses) pause.pause();
  else pause.resume();
}

function serverlessService({ warehouses, authorizer, state }: ControlPlaneOptions): Service {
  return jsonService('redshift-serverless', 'json-1.1', 'RedshiftServerless', {
    GetWorkgroup({ workgroupName, ...rest }: Record<string, unknown>, principal) {
      const [other] = Object.keys(rest);
      if (other !== undefined) throw new NotModelledError(`parameter ${other} of redshift-serverless:GetWorkgroup`);
      const workgroup = warehouses.defined('workgroup').find(({ target }) => target.name === workgroupName);
      const resource = warehouses.arnOf('workgroup', String(workgroupName));
      authorizer.authorize({ principal, action: 'redshift-serverless:GetWorkgroup', resource });
      if (!workgroup)
        throw new AwsError('ResourceNotFoundException', `The workgroup ${String(workgroupName)} does not exist.`);
      // A workgroup has only these two states between its creation and its deletion.
      const status = (state?.() ?? availableState).availability === 'Available' ? 'AVAILABLE' : 'MODIFYING';
      return { workgroup: { workgroupName, workgroupArn: workgroup.target.arn, status } };
    },
  });
}
