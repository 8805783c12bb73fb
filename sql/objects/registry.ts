import { registryTable, registryTexts, textPieceBytes } from '../../lambda/warehouse-object/contract';
import { columnSpecs, type TableColumn } from '../tables/columns';
import { identifier } from '../text/identifier';
import { object, single, type WarehouseObject } from './object';

const key: readonly TableColumn[] = [
  { name: 'name', type: 'varchar(256)', notNull: true },
  { name: 'kind', type: 'varchar(32)', notNull: true },
];
const objectColumns: readonly TableColumn[] = [
  ...key,
  { name: 'version', type: 'varchar(64)', notNull: true },
  // Separated by blanks. Null in records of an older version.
  { name: 'resources', type: 'varchar(2048)' },
  { name: 'deployment', type: 'varchar(128)', notNull: true },
  { name: 'deployed_at', type: 'timestamp', notNull: true },
];
const textColumns: readonly TableColumn[] = [
  ...key,
  { name: 'what', type: 'varchar(16)', notNull: true },
  { name: 'piece', type: 'int', notNull: true },
  { name: 'body', type: `varchar(${textPieceBytes})`, notNull: true },
];

/**
 * The tables that record every object once it matches its definition. They are the owner's first object, with their
 * schema. The table of texts comes first, since a record needs both tables.
 */
export function registryObject(): WarehouseObject {
  const schema = registryTable.split('.')[0]!;
  return object('Records', registryTable, 'table', {
    create: [
      single('create-schema', `create schema ${schema}`),
      single('create-texts', createTable(registryTexts, textColumns)),
      single('create', createTable(registryTable, objectColumns)),
    ],
    delete: [
      single('drop', `drop table if exists ${registryTable}`),
      single('drop-texts', `drop table if exists ${registryTexts}`),
      single('drop-schema', `drop schema if exists ${schema}`),
    ],
    columns: JSON.stringify(columnSpecs(registryTable, objectColumns)),
    retain: true,
  });
}

function createTable(name: string, columns: readonly TableColumn[]): string {
  const lines = columns.map(
    ({ name: column, type, notNull }) => `  ${identifier(column)} ${type}${notNull ? ' not null' : ''}`,
  );
  return `create table ${name} (\n${lines.join(',\n')}\n)\ndiststyle all`;
}
