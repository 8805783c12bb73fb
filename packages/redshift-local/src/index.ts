import { composeWarehouse, type LocalWarehouse, type WarehouseOptions } from './compose';
import { translate } from './sql';

export type { LocalWarehouse, WarehouseOptions } from './compose';
export type { ManagedSecrets } from './secret-attachment';
export { type ServedWarehouse, type ServeOptions, serveWarehouse } from './standalone';

/** The Redshift Data API over DuckDB, and the twins of the Redshift resources. */
export function createWarehouse(options: Omit<WarehouseOptions, 'translate'>): LocalWarehouse {
  return composeWarehouse({ ...options, translate });
}
