/** For the tests of this repository's app; not published. */
export { type Catalog, type RedshiftType, SqlError } from '../src/statement';
export { type Database, openDatabase } from './sql/database';
export { FakeS3, region, roleArn, rolePrincipal, start, stoppedClock, temporaryFolder } from './support/fakes';
export { ownerStatements } from './support/sql';
export { admin, caller, cluster, owner, roles, startWarehouse, type TestWarehouse } from './support/warehouse';
