import { randomUUID } from 'node:crypto';
import {
  type Authorizer,
  AwsError,
  jsonService,
  NotModelledError,
  type Service,
  type ServiceRequest,
  xmlDocument,
} from 'aws-local-kit';
import { availableState, type ControlPlaneState } from './control-plane-state';
import type { Warehouses } from './warehouses';

export interface ControlPlaneOptions {
  readonly warehouses: Warehouses;
  readonly authorizer: Authorizer;
  /** @default - available */
  readonly state?: () => ControlPlaneState;
}

/** The services `redshift` and `redshift-serverless`, limited to the calls that report a warehouse's state. */
export function controlPlane(options: ControlPlaneOptions): Service[] {
  return [redshiftService(options), serverlessService(options)];
}

const namespace = 'http://redshift.amazonaws.com/doc/2012-12-01/';

function redshiftService({ warehouses, authorizer, state }: ControlPlaneOptions): Service {
  return {
    signingName: 'redshift',
    protocol: 'query',
    async handle(request: ServiceRequest) {
      const form = new URLSearchParams(request.body.toString('utf8'));
      const action = form.get('Action') ?? '';
      if (action !== 'DescribeClusters') throw new NotModelledError(`operation redshift:${action}`);
      for (const name of form.keys())
        if (!['Action', 'Version', 'ClusterIdentifier'].includes(name))
          throw new NotModelledError(`parameter ${name} of redshift:${action}`);
      authorizer.authorize({ principal: request.principal, action: `redshift:${action}`, resource: '*' });
      const wanted = form.get('ClusterIdentifier')?.toLowerCase();
      const clusters = warehouses
        .defined('cluster')
        .filter(({ target }) => wanted === undefined || target.name === wanted);
      if (wanted !== undefined && clusters.length === 0)
        throw new AwsError('ClusterNotFound', `Cluster ${wanted} not found.`, 404);
      const { status, availability } = state?.() ?? availableState;
      const Clusters = clusters.map(({ target, database, nodeType, admin }) => ({
        Cluster: {
          ClusterIdentifier: target.name,
          ClusterStatus: status,
          ClusterAvailabilityStatus: availability,
          DBName: database,
          MasterUsername: admin.name,
          NodeType: nodeType,
        },
      }));
      const value = { DescribeClustersResult: { Clusters }, ResponseMetadata: { RequestId: randomUUID() } };
      return {
        headers: { 'content-type': 'text/xml' },
        body: xmlDocument(`${action}Response`, value, namespace),
      };
    },
  };
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
