import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { Environment } from '../../environments/environment';
import { ExistingWarehouse } from './existing';
import { Network } from './network';
import { Provisioned } from './provisioned';
import { Serverless } from './serverless';
import type { Warehouse, WarehouseProps } from './warehouse';

/** The network of a warehouse that Millrace makes. That of an existing one is its owner's. */
export const createNetwork = (scope: Construct, { warehouse }: Environment, logs: Bucket): Network | undefined =>
  warehouse.kind === 'existing'
    ? undefined
    : new Network(scope, 'Network', { subnets: warehouse.kind === 'serverless' ? 3 : 2, logs });

/** The warehouse that the environment asks for: `warehouse.kind` in its literal is the only switch. */
export function createWarehouse(
  scope: Construct,
  id: string,
  props: Omit<WarehouseProps, 'network'> & { readonly network: Network | undefined },
): Warehouse & Construct {
  const size = props.environment.warehouse;
  if (size.kind === 'existing') return new ExistingWarehouse(scope, id, props.environment);
  const network = props.network!;
  return size.kind === 'provisioned'
    ? new Provisioned(scope, id, { ...props, network, size })
    : new Serverless(scope, id, { ...props, network, size });
}
