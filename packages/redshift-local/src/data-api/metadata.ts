import {
  AwsError,
  NotModelledError,
  objectOf,
  type Principal,
  type WildcardUnit,
  wildcardMatcher,
} from 'aws-local-kit';
import type { CatalogState } from '../engine/catalog';
import { systemViews } from '../engine/system-views';
import type { ColumnInfo, TableColumn } from '../statement';
import { Constraints } from './constraints';
import { type Place, placeMembers, placeMembersOf, placeOf } from './input';
import { columnMetadata } from './output';
import { listPage } from './pages';
import type { ReachableWarehouse } from './reachable';

/** Connects the caller. @throws the error that the call returns */
export type Connect = (
  operation: string,
  place: Place,
  principal: Principal,
) => Promise<{ warehouse: ReachableWarehouse; databases: readonly string[] }>;

const defaultPage = 1000;

const operations = {
  ListDatabases: ['MaxResults', 'NextToken'],
  ListSchemas: ['ConnectedDatabase', 'SchemaPattern', 'MaxResults', 'NextToken'],
  ListTables: ['ConnectedDatabase', 'SchemaPattern', 'TablePattern', 'MaxResults', 'NextToken'],
  DescribeTable: ['ConnectedDatabase', 'Schema', 'Table', 'MaxResults', 'NextToken'],
} as const;

/** ListDatabases, ListSchemas, ListTables and DescribeTable. They read the catalog as of the last commit. */
export class Metadata {
  constructor(private readonly connect: Connect) {}

  async databases(raw: unknown, principal: Principal) {
    const input = inputOf(raw, 'ListDatabases');
    const { databases } = await this.connect('ListDatabases', input.place, principal);
    return listPage(
      databases,
      (name) => name,
      input.size,
      input.nextToken,
      (Databases, NextToken) => ({ Databases, NextToken }),
    );
  }

  async schemas(raw: unknown, principal: Principal) {
    const input = inputOf(raw, 'ListSchemas');
    const { warehouse } = await this.connect('ListSchemas', input.place, principal);
    const names = [...warehouse.engine.committed.all('schema').map(({ name }) => name), systemViewSchema]
      .filter(like(input.schemaPattern))
      .sort();
    return listPage(
      names,
      (name) => name,
      input.size,
      input.nextToken,
      (Schemas, NextToken) => ({ Schemas, NextToken }),
    );
  }

  async tables(raw: unknown, principal: Principal) {
    const input = inputOf(raw, 'ListTables');
    const { warehouse } = await this.connect('ListTables', input.place, principal);
    const [inSchema, named] = [like(input.schemaPattern), like(input.tablePattern)];
    const tables = tablesOf(warehouse.engine.committed).filter(({ schema, name }) => inSchema(schema) && named(name));
    return listPage(
      tables,
      ({ schema, name }) => `${schema}.${name}`,
      input.size,
      input.nextToken,
      (page, NextToken) => ({ Tables: page.map(({ schema, name, type }) => ({ schema, name, type })), NextToken }),
    );
  }

  async table(raw: unknown, principal: Principal) {
    const input = inputOf(raw, 'DescribeTable');
    const { table, schema } = input;
    if (table === undefined) throw new AwsError('ValidationException', 'Table needs to be specified.');
    const { warehouse } = await this.connect('DescribeTable', input.place, principal);
    const found = tablesOf(warehouse.engine.committed).filter(
      (candidate) => candidate.name === table && (schema === undefined || candidate.schema === schema),
    );
    const place = found.find((candidate) => candidate.schema === 'public') ?? found[0];
    return listPage(
      place?.columns ?? [],
      ({ name }) => name,
      input.size,
      input.nextToken,
      (page, NextToken) => ({
        TableName: table,
        ColumnList: page.map((column) => ({
          ...columnMetadata(column),
          length: 'length' in column.type ? column.type.length : 0,
          nullable: column.notNull ? 0 : 1,
          columnDefault: column.defaultValue,
          schemaName: place!.schema,
          tableName: place!.name,
        })),
        NextToken,
      }),
    );
  }
}

const systemViewSchema = 'pg_catalog';

interface Table {
  readonly schema: string;
  readonly name: string;
  readonly type: 'TABLE' | 'VIEW' | 'SYSTEM VIEW';
  readonly columns: readonly (ColumnInfo & Partial<TableColumn>)[];
}

function tablesOf(state: CatalogState): Table[] {
  const own = state.all('relation').map(({ schema, name, kind, columns }): Table => {
    return { schema, name, type: kind === 'table' ? 'TABLE' : 'VIEW', columns };
  });
  const system = [...systemViews].map(([name, { columns }]): Table => {
    const [schema, own] = name.includes('.') ? name.split('.') : [systemViewSchema, name];
    return { schema: schema!, name: own!, type: 'SYSTEM VIEW', columns };
  });
  const key = ({ schema, name }: Table) => `${schema}.${name}`;
  return [...own, ...system].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}

function inputOf(raw: unknown, operation: keyof typeof operations) {
  const check = new Constraints(objectOf(raw, [...placeMembers, ...operations[operation]], operation) ?? {});
  const members = placeMembersOf(check);
  const connected = check.text('ConnectedDatabase');
  const input = {
    schemaPattern: check.text('SchemaPattern'),
    tablePattern: check.text('TablePattern'),
    schema: check.text('Schema'),
    table: check.text('Table'),
    size: check.integer('MaxResults', 0, 1000) || defaultPage,
    nextToken: check.text('NextToken'),
  };
  check.done();
  if (connected !== undefined && connected !== members.database)
    throw new NotModelledError(`redshift-data ConnectedDatabase other than Database`);
  return { ...input, place: placeOf(members) };
}

/** Compiles a LIKE pattern: `%` matches any text, `_` matches one character, and a backslash escapes either. */
function like(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined || pattern === '') return () => true;
  return wildcardMatcher(
    [...pattern.matchAll(/\\(.)|[%_]|[^\\%_]+|\\/gs)].map(([part, escaped]): WildcardUnit => {
      if (part === '%') return 'any';
      return part === '_' ? 'one' : { text: escaped ?? part };
    }),
  );
}
