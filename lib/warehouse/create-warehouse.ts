import type { Construct } from 'constructs';
import { ExistingWarehouse } from './existing';
import { Network } from './network';
import { Provisioned } from './provisioned';
import { Serverless } from './serverless';
import type { Warehouse, WarehouseProps } from './warehouse';

/** The warehouse that the environment asks for: `warehouse.kind` in its literal is the only switch. */
export function createWarehouse(
  scope: Construct,
  id: string,
  given: Omit<WarehouseProps, 'network'>,
): Warehouse & Construct {
  const size = given.environment.warehouse;
  // Its network is its owner's, too.
  if (size.kind === 'existing') return new ExistingWarehouse(scope, id, given.environment);
  const network = new Network(scope, 'Network', {
    subnets: size.kind === 'serverless' ? 3 : 2,
    logs: given.logs,
  });
  const props = { ...given, network };
  return size.kind === 'provisioned'
    ? new Provisioned(scope, id, { ...props, size })
    : new Serverless(scope, id, { ...props, size });
}
