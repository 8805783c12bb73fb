import type { Isolation, Name, Statement } from '../statement';
import { type CatalogState, qualified, type RelationEntry, temporarySchema } from './catalog';
import type { Use } from './dependencies';
import type { LockMode } from './locks';
import type { Planned } from './plan';

/** The lock on a relation, a schema or a user that a statement needs. */
export interface Access {
  /** `schema.name`, `schema <name>` or `user <name>`. */
  readonly name: string;
  readonly mode: LockMode;
  /** What it does with the rows of a table. @default - nothing */
  readonly use?: Use;
}

/**
 * The locks that a statement needs, in the order in which they are taken. The documented ones are those of queries,
 * UNLOAD, COPY, INSERT, UPDATE, DELETE, MERGE, LOCK and DDL. The lock of REFRESH is assumed: queries of the view go on,
 * and a second refresh waits.
 */
export function accessesOf(state: CatalogState, planned: Planned, isolation: Isolation): Access[] {
  const { statement } = planned;
  const accesses = [...ofStatement(state, statement, isolation, planned)];
  const target = 'target' in statement ? qualified(statement.target) : undefined;
  // The target of a statement is looked up once, and once more if the statement reads it too.
  const reads = planned.found.filter((name, i) => name !== target || planned.found.indexOf(name) !== i);
  return [...accesses, ...new Set(reads)].flatMap((one) => (typeof one === 'string' ? readsOf(state, one) : [one]));
}

/** True if the statement needs a snapshot of the database. The others only change the session, or wait. */
export function takesSnapshot({ statement, relations }: Planned): boolean {
  switch (statement.kind) {
    case 'begin':
    case 'commit':
    case 'rollback':
    case 'lock':
    case 'set':
      return false;
    case 'query':
      return relations;
    default:
      return true;
  }
}

/** A query locks the views that it names and everything below them. */
function readsOf(state: CatalogState, name: string): Access[] {
  const entry = state.get('relation', name);
  if (!entry) return [];
  if (entry.kind !== 'view') return [{ name, mode: 'access-share', use: 'read' }];
  return [{ name, mode: 'access-share' }, ...(entry.reads ?? []).flatMap((read) => readsOf(state, qualified(read)))];
}

function ofStatement(state: CatalogState, statement: Statement, isolation: Isolation, planned: Planned): Access[] {
  const insert: LockMode = isolation === 'snapshot' ? 'insert' : 'write';
  switch (statement.kind) {
    case 'change':
      return statement.verb === 'insert'
        ? changed(state, statement.target, insert, 'write')
        : changed(state, statement.target, 'write', 'read-write');
    case 'merge':
      return changed(state, statement.target, 'write', 'read-write');
    case 'copy':
      return changed(state, statement.table, insert, 'write');
    case 'alter-database':
      return [{ name: `database ${statement.database}`, mode: 'access-exclusive' }];
    case 'lock':
      return statement.tables.map((table) => ({ name: qualified(table), mode: 'access-exclusive' }));
    case 'alter-view':
      return changed(state, statement.view, 'write');
    case 'comment':
      return changed(state, statement.relation, 'write');
    case 'refresh':
      return refreshed(state, statement.view, statement.cascade);
    case 'create-user':
    case 'drop-user':
      return [{ name: `user ${statement.user}`, mode: 'access-exclusive' }];
    case 'create-schema':
    case 'create-external-schema':
      return [{ name: `schema ${statement.schema}`, mode: 'access-exclusive' }];
    default:
      return ofDefinition(state, statement, planned);
  }
}

function ofDefinition(state: CatalogState, statement: Statement, { found }: Planned): Access[] {
  switch (statement.kind) {
    case 'create-table':
    case 'create-table-as':
      return statement.temp ? [] : created(statement.table);
    case 'create-view':
    case 'create-materialized-view':
    case 'create-streaming-view':
      return created(statement.view);
    case 'drop':
      return dropped(state, statement.name);
    case 'drop-schema':
      return [
        { name: `schema ${statement.schema}`, mode: 'access-exclusive' },
        ...state
          .all('relation')
          .filter((entry) => entry.schema === statement.schema || entry.stream?.externalSchema === statement.schema)
          .flatMap((entry) => dropped(state, entry)),
      ];
    case 'truncate':
    case 'add-column':
      return changed(state, statement.table, 'access-exclusive', 'write');
    case 'alter-table': {
      const { table, change } = statement;
      const views = readersOf(state, table).map((view) => exclusive(qualified(view)));
      const renamed = change.kind === 'rename' ? [exclusive(`${table.schema}.${change.to}`)] : [];
      const source = change.kind === 'append' ? found.map(exclusive) : [];
      return [...changed(state, table, 'access-exclusive', 'write'), ...source, ...renamed, ...views];
    }
    default:
      return [];
  }
}

const exclusive = (name: string): Access => ({ name, mode: 'access-exclusive', use: 'write' });

const isTemporary = (state: CatalogState, { schema, name }: Name) =>
  schema === temporarySchema || (schema === undefined && state.temporary.has(name));

const changed = (state: CatalogState, table: Name, mode: LockMode, use?: Use): Access[] =>
  isTemporary(state, table) ? [] : [{ name: qualified(table), mode, use }];

const created = (name: Name): Access[] => [
  { name: `schema ${name.schema ?? 'public'}`, mode: 'access-share' },
  exclusive(qualified(name)),
];

const readersOf = (state: CatalogState, table: Name): RelationEntry[] =>
  state.all('relation').filter((other) => other.reads?.some((read) => qualified(read) === qualified(table)));

/** A relation with everything that CASCADE would drop. */
function dropped(state: CatalogState, name: Name): Access[] {
  if (isTemporary(state, name)) return [];
  return [exclusive(qualified(name)), ...readersOf(state, name).flatMap((reader) => dropped(state, reader))];
}

/** The locks of a refresh. With `cascade`, it refreshes the views below too. */
export function refreshed(state: CatalogState, view: Name, cascade: boolean): Access[] {
  const bases = state.relation(view)?.reads ?? [];
  return [
    { name: qualified(view), mode: 'write', use: 'write' },
    ...bases.flatMap((base) =>
      cascade && state.relation(base)?.kind === 'materialized-view'
        ? refreshed(state, base, true)
        : readsOf(state, qualified(base)),
    ),
  ];
}
