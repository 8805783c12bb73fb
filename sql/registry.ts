import { registryTable } from '../lambda/warehouse-object/contract';
import { columnSpecs, type TableColumn } from './columns';
import { identifier } from './identifier';
import { object, single, type WarehouseObject } from './object';

const columns: readonly TableColumn[] = [
  { name: 'name', type: 'varchar(256)', notNull: true },
  { name: 'kind', type: 'varchar(32)', notNull: true },
  { name: 'version', type: 'varchar(64)', notNull: true },
  // JSON of what makes it and of the steps that remove it; null where it was too long.
  { name: 'definition', type: 'varchar(65535)' },
  { name: 'removal', type: 'varchar(65535)' },
  { name: 'deployment', type: 'varchar(128)', notNull: true },
  { name: 'deployed_at', type: 'timestamp', notNull: true },
];

/** What every object is recorded in when it has become what its definition says. The owner's first object, with its schema. */
export function registryObject(): WarehouseObject {
  const schema = registryTable.split('.')[0]!;
  const lines = columns.map(({ name, type, notNull }) => `  ${identifier(name)} ${type}${notNull ? ' not null' : ''}`);
  return object('Registry', registryTable, 'table', {
    create: [
      single('create-schema', `create schema ${schema}`),
      single('create', `create table ${registryTable} (\n${lines.join(',\n')}\n)\ndiststyle all`),
    ],
    delete: [
      single('drop', `drop table if exists ${registryTable}`),
      single('drop-schema', `drop schema if exists ${schema}`),
    ],
    columns: JSON.stringify(columnSpecs(registryTable, columns)),
    retain: true,
  });
}
