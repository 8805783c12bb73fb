import { quoteLiteral } from '../shared/quote';
import type { Row } from '../shared/warehouse';
import { registryTable } from './contract';
import type { WarehouseObject } from './request';

/** What the registry has of an object. */
export interface Recorded {
  readonly version: string;
  /** As `definitionText` writes it; null where it was too long to be kept. */
  readonly definition: string | null;
  /** JSON text of the delete steps; null where it was too long. */
  readonly removal: string | null;
}

/** Longest VARCHAR of Redshift, and longest literal. */
const maxBytes = 65_535;

/** What makes the object, for whoever compares: statements, columns, declarations. */
export function definitionText({
  identity,
  create,
  columns,
  fill,
  books,
  pipeline,
  onRemoval,
  declaration,
}: WarehouseObject): string {
  return JSON.stringify({
    pipeline,
    onRemoval,
    identity,
    create,
    columns: columns?.map(({ name, type }) => ({ name, type })),
    fill: fill?.columns,
    books,
    declaration,
  });
}

const kept = (text: string) => (Buffer.byteLength(text) > maxBytes ? null : text);

/** The row that an object has when it is as it should be. */
export const recordOf = (object: WarehouseObject): Recorded => ({
  version: object.version,
  definition: kept(definitionText(object)),
  removal: kept(JSON.stringify(object.delete)),
});

export const sameRecord = (one: Recorded, other: Recorded) =>
  one.version === other.version && one.definition === other.definition && one.removal === other.removal;

const of = ({ kind, name }: Pick<WarehouseObject, 'kind' | 'name'>) =>
  `kind = ${quoteLiteral(kind)} and name = ${quoteLiteral(name)}`;

export const recordedQuery = (object: WarehouseObject) =>
  `select version, definition, removal from ${registryTable} where ${of(object)}`;

export function recordedFrom([row]: readonly Row[]): Recorded | undefined {
  const text = (value: unknown) => (value === null || value === undefined ? null : String(value));
  return row && { version: String(row.version), definition: text(row.definition), removal: text(row.removal) };
}

/** Transactions that read and write one table at once conflict unless they begin so (LOCK, Redshift database developer guide). */
const lock = `lock ${registryTable}`;

/**
 * The same transaction, and in it the object's row. With no statements of its own, that of the row alone.
 * @param deployment names the request that brings the object about
 */
export function recording(object: WarehouseObject, deployment: string, statements: readonly string[] = []): string[] {
  const { version, definition, removal } = recordOf(object);
  const literal = (text: string | null) => (text === null ? 'null' : quoteLiteral(text));
  const values = [object.name, object.kind, version, definition, removal, deployment].map(literal);
  return [
    lock,
    ...statements,
    `delete from ${registryTable} where ${of(object)}`,
    `insert into ${registryTable} (name, kind, version, definition, removal, deployment, deployed_at)\nvalues (${values.join(', ')}, getdate())`,
  ];
}

/** Forgets this version of the object; another one that took its name stays. */
export const forgetting = (object: WarehouseObject): string[] => [
  lock,
  `delete from ${registryTable} where ${of(object)} and version = ${quoteLiteral(object.version)}`,
];
