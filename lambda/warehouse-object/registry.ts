import { gunzipSync, gzipSync } from 'node:zlib';
import { quoteLiteral } from '../shared/quote';
import type { Row } from '../shared/warehouse';
import { registryTable, registryTexts, textPieceBytes } from './contract';
import type { WarehouseObject } from './properties';
import type { ObjectRequest } from './request';

/** An object's record in the registry. */
export interface Recorded {
  readonly version: string;
  /** Written by `definitionText`. Null in records of an earlier edition of Millrace. */
  readonly definition: string | null;
  /** JSON text of the delete steps. Null in records of an earlier edition of Millrace. */
  readonly removal: string | null;
  /** The custom resources that the object belongs to. @default - unknown, in records of an earlier edition of Millrace */
  readonly resources?: readonly string[];
}

/** JSON text for comparisons: the object's statements, columns and declaration. */
export function definitionText({
  identity,
  create,
  columns,
  fill,
  identityVersion,
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
    identityVersion,
    declaration,
  });
}

/** The record of an object that matches its properties. */
export const recordOf = (object: WarehouseObject, resources: readonly string[]) => ({
  version: object.version,
  definition: definitionText(object),
  removal: JSON.stringify(object.delete),
  resources,
});

export const sameRecord = (one: Recorded, other: Recorded) =>
  one.version === other.version &&
  one.definition === other.definition &&
  one.removal === other.removal &&
  one.resources?.join() === other.resources?.join();

const where = ({ kind, name }: Pick<WarehouseObject, 'kind' | 'name'>, prefix = '') =>
  `${prefix}kind = ${quoteLiteral(kind)} and ${prefix}name = ${quoteLiteral(name)}`;

/** Each object's row, once for each piece of its texts: a result row of the Data API has at most 64 kB. */
export const recordedQuery = (objects: readonly Pick<WarehouseObject, 'kind' | 'name'>[]) =>
  `select o.kind, o.name, o.version, o.resources, t.what, t.piece, t.body
from ${registryTable} o
left join ${registryTexts} t on t.kind = o.kind and t.name = o.name
where ${objects.map((object) => `(${where(object, 'o.')})`).join(' or ')}
order by o.kind, o.name, t.what, t.piece`;

/** Undefined without rows. `rows`: those of `recordedQuery` that are about one object. */
export function recordedFrom(rows: readonly Row[]): Recorded | undefined {
  const [row] = rows;
  if (!row) return undefined;
  const resources = row.resources === null || row.resources === undefined ? undefined : String(row.resources);
  return {
    version: String(row.version),
    definition: textOf(rows, 'definition'),
    removal: textOf(rows, 'removal'),
    ...(resources === undefined ? {} : { resources: resources.split(' ').filter(Boolean) }),
  };
}

/** Joins the pieces of a text: rows `what`, `piece`, `body`. Null where there are none. */
export function textOf(rows: readonly Row[], what: 'definition' | 'removal'): string | null {
  const pieces = rows.filter((row) => row.what === what).sort((one, other) => Number(one.piece) - Number(other.piece));
  if (pieces.length === 0) return null;
  const text = pieces.map(({ body }) => String(body)).join('');
  return text.startsWith(packed) ? gunzipSync(Buffer.from(text.slice(packed.length), 'base64')).toString() : text;
}

/** Prefix of a text stored as gzip in base64. JSON never begins like this. */
const packed = 'gzip:';
/** Longer texts are stored packed. The SQL of a wide table is repetitive and shrinks to a tenth. */
const plainBytes = 2 * textPieceBytes;

/** Splits a text into pieces that fit a row. */
function piecesOf(text: string): string[] {
  const stored = Buffer.byteLength(text) > plainBytes ? packed + gzipSync(text).toString('base64') : text;
  const pieces = [''];
  let bytes = 0;
  for (const character of stored) {
    bytes += Buffer.byteLength(character);
    if (bytes > textPieceBytes) {
      pieces.push('');
      bytes = Buffer.byteLength(character);
    }
    pieces[pieces.length - 1] += character;
  }
  return pieces;
}

/** Stands for the resource of a record that does not name its resources. */
const unknown = 'unknown';

/**
 * The recorded resources and the request's own. An object may move from one resource to another: CloudFormation first creates the new resource, and
 * later deletes the old one, or the new one if the deployment failed. The last resource to be deleted drops the object.
 */
export function resourcesWith(recorded: Recorded | undefined, { type, resource }: ObjectRequest): readonly string[] {
  if (!recorded) return [resource];
  if (!recorded.resources) return type === 'Create' ? [unknown, resource] : [resource];
  return [...new Set([...recorded.resources, resource])];
}

/** The resources other than this one that the object belongs to. */
export function otherResources(recorded: Recorded | undefined, resource: string): readonly string[] {
  const { resources = [] } = recorded ?? {};
  const self = resources.includes(resource) ? resource : unknown;
  return resources.filter((other) => other !== self);
}

/** Without the lock, concurrent transactions that read and write the table conflict (LOCK, Redshift database developer guide). */
const lock = `lock ${registryTable}`;

/** Rows of one INSERT. They keep it far below the longest statement. */
const piecesTogether = 3;

/**
 * Statements of a transaction that writes the object's record.
 * @param resources custom resources that the object belongs to
 * @param deployment id of the request
 * @param statements run in the same transaction, before the record is written
 */
export function recordStatements(
  object: WarehouseObject,
  resources: readonly string[],
  deployment: string,
  statements: readonly string[] = [],
): string[] {
  const { kind, name, version } = object;
  const { definition, removal } = recordOf(object, resources);
  const values = [name, kind, version, resources.join(' '), deployment].map(quoteLiteral);
  const pieces = Object.entries({ definition, removal }).flatMap(([what, text]) =>
    piecesOf(text).map(
      (body, piece) => `(${[name, kind, what].map(quoteLiteral).join(', ')}, ${piece}, ${quoteLiteral(body)})`,
    ),
  );
  const inserts: string[] = [];
  for (let at = 0; at < pieces.length; at += piecesTogether)
    inserts.push(
      `insert into ${registryTexts} (name, kind, what, piece, body)\nvalues ${pieces.slice(at, at + piecesTogether).join(',\n')}`,
    );
  return [
    lock,
    ...statements,
    `delete from ${registryTable} where ${where(object)}`,
    `delete from ${registryTexts} where ${where(object)}`,
    `insert into ${registryTable} (name, kind, version, resources, deployment, deployed_at)\nvalues (${values.join(', ')}, getdate())`,
    ...inserts,
  ];
}

/** Deletes the record of this version. The record of another version under the same name stays. */
export const forgetStatements = (object: WarehouseObject): string[] => [
  lock,
  `delete from ${registryTexts}
where ${where(object)} and exists (
  select 1 from ${registryTable} o where ${where(object, 'o.')} and o.version = ${quoteLiteral(object.version)}
)`,
  `delete from ${registryTable} where ${where(object)} and version = ${quoteLiteral(object.version)}`,
];

/** Sets the resources that the object belongs to. */
export const leaveStatements = (object: WarehouseObject, resources: readonly string[]): string[] => [
  lock,
  `update ${registryTable} set resources = ${quoteLiteral(resources.join(' '))} where ${where(object)}`,
];
