import type { Construct } from 'constructs';
import { Provisioned } from './provisioned';
import { Serverless } from './serverless';
import type { Warehouse, WarehouseProps } from './warehouse';

/** The warehouse that the environment asks for: `warehouse.kind` in its literal is the only switch. */
export function createWarehouse(scope: Construct, id: string, props: WarehouseProps): Warehouse & Construct {
  const size = props.environment.warehouse;
  return size.kind === 'provisioned'
    ? new Provisioned(scope, id, { ...props, size })
    : new Serverless(scope, id, { ...props, size });
}
