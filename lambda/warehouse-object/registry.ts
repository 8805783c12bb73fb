import { gunzipSync, gzipSync } from 'node:zlib';
import { quoteLiteral } from '../shared/quote';
import type { Row } from '../shared/warehouse';
import { registryTable, registryTexts, textPieceBytes } from './contract';
import type { ObjectRequest, WarehouseObject } from './request';

/** What the registry has of an object. */
export interface Recorded {
  readonly version: string;
  /** As `definitionText` writes it; null where an earlier edition of Millrace recorded it. */
  readonly definition: string | null;
  /** JSON text of the delete steps; null where an earlier edition of Millrace recorded it. */
  readonly removal: string | null;
  /** The custom resources that the object belongs to. @default - an earlier edition of Millrace recorded it and did not say */
  readonly resources?: readonly string[];
}

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

/** The record that an object has when it is as it should be. */
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

const of = ({ kind, name }: Pick<WarehouseObject, 'kind' | 'name'>, prefix = '') =>
  `${prefix}kind = ${quoteLiteral(kind)} and ${prefix}name = ${quoteLiteral(name)}`;

/** The object's row, once for each piece of its texts: a result row of the Data API may have 64 kB. */
export const recordedQuery = (object: Pick<WarehouseObject, 'kind' | 'name'>) =>
  `select o.version, o.resources, t.what, t.piece, t.body
from ${registryTable} o
left join ${registryTexts} t on t.kind = o.kind and t.name = o.name
where ${of(object, 'o.')}
order by t.what, t.piece`;

/** The record that rows of `recordedQuery` stand for. */
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

/** One of the texts, out of the rows that hold its pieces: `what`, `piece` and `body`. Null where there are none. */
export function textOf(rows: readonly Row[], what: 'definition' | 'removal'): string | null {
  const pieces = rows.filter((row) => row.what === what).sort((one, other) => Number(one.piece) - Number(other.piece));
  if (pieces.length === 0) return null;
  const text = pieces.map(({ body }) => String(body)).join('');
  return text.startsWith(packed) ? gunzipSync(Buffer.from(text.slice(packed.length), 'base64')).toString() : text;
}

/** Begins a text that is stored as gzip in base64. JSON begins otherwise. */
const packed = 'gzip:';
/** Longer texts are stored packed: the SQL of a wide table repeats itself, and becomes a tenth. */
const plainBytes = 2 * textPieceBytes;

/** The text in pieces that a row holds. */
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

/** Stands for a resource of an earlier edition, which did not write down which one it was. */
const unknown = 'unknown';

/**
 * The resources that the object belongs to once this one has it, too. The same object may move from one resource to another: CloudFormation creates
 * the new one first, and deletes the old one when the deployment succeeded, or the new one when it failed. Who deletes last drops the object.
 */
export function resourcesWith(recorded: Recorded | undefined, { type, resource }: ObjectRequest): readonly string[] {
  if (!recorded) return [resource];
  if (!recorded.resources) return type === 'Create' ? [unknown, resource] : [resource];
  return [...new Set([...recorded.resources, resource])];
}

/** The resources that still have the object when this one has left it. */
export function othersOf(recorded: Recorded | undefined, resource: string): readonly string[] {
  const { resources = [] } = recorded ?? {};
  const self = resources.includes(resource) ? resource : unknown;
  return resources.filter((other) => other !== self);
}

/** Transactions that read and write one table at once conflict unless they begin so (LOCK, Redshift database developer guide). */
const lock = `lock ${registryTable}`;

/** Rows of one INSERT: its text stays far below what a statement may have. */
const piecesTogether = 3;

/**
 * The same transaction, and in it the object's record. With no statements of its own, that of the record alone.
 * @param resources custom resources that the object belongs to
 * @param deployment names the request that brings the object about
 */
export function recording(
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
    `delete from ${registryTable} where ${of(object)}`,
    `delete from ${registryTexts} where ${of(object)}`,
    `insert into ${registryTable} (name, kind, version, resources, deployment, deployed_at)\nvalues (${values.join(', ')}, getdate())`,
    ...inserts,
  ];
}

/** Forgets this version of the object; another one that took its name stays. */
export const forgetting = (object: WarehouseObject): string[] => [
  lock,
  `delete from ${registryTexts}
where ${of(object)} and exists (
  select 1 from ${registryTable} o where ${of(object, 'o.')} and o.version = ${quoteLiteral(object.version)}
)`,
  `delete from ${registryTable} where ${of(object)} and version = ${quoteLiteral(object.version)}`,
];

/** The object stays: it belongs to these resources from now on. */
export const leaving = (object: WarehouseObject, resources: readonly string[]): string[] => [
  lock,
  `update ${registryTable} set resources = ${quoteLiteral(resources.join(' '))} where ${of(object)}`,
];
