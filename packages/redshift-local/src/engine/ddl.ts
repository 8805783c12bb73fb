import type { Name, Statement } from '../statement';
import {
  type CatalogState,
  type GrantEntry,
  qualified,
  type RelationEntry,
  temporarySchema,
  type UserEntry,
} from './catalog';
import { identifier } from './database';
import { catalogPrefix } from './database-file';
import { WarehouseError } from './errors';
import { dropKeptRecords, forgetRecords } from './kept-records';
import { isDigest, scramOf, storedPassword } from './passwords';
import * as privileges from './privileges';
import type { Planned, Session } from './session';
import { systemSchema } from './system-views';
import { dropForeignKeysTo, foreignKeysTo } from './table-keys';

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>;

export const duckdbName = (name: Name): string => `${identifier(name.schema ?? 'public')}.${identifier(name.name)}`;

export function createUser(session: Session, { user, password }: Of<'create-user' | 'alter-user'>): void {
  privileges.requireSuperuser(session, 'create user');
  if (session.state.get('user', user)) throw new WarehouseError(`user "${user}" already exists`);
  refuseNamesake(session, 'schema', user);
  checkPassword(password);
  addUser(session.state, user, password, false);
}

/** Changes a password. A user may change its own (https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_USER.html). */
export function alterUser(session: Session, { user, password }: Of<'create-user' | 'alter-user'>): void {
  const entry = userToAlter(session, user);
  checkPassword(password);
  session.state.put('user', user, { ...entry, password: storedPassword(password), scram: scramOf(password) });
}

/** Changes what the user's next sessions begin with. A user may change its own. */
export function alterUserSetting(session: Session, { user, caseSensitive }: Of<'alter-user-setting'>): void {
  session.state.put('user', user, { ...userToAlter(session, user), caseSensitive });
}

function userToAlter(session: Session, user: string): UserEntry {
  if (user !== session.user.name) privileges.requireSuperuser(session, 'alter user');
  const entry = session.state.get('user', user);
  if (!entry) throw new WarehouseError(`user "${user}" does not exist`);
  return entry;
}

/**
 * Refuses a schema named like a user. Redshift's default search_path looks into such a schema first
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_search_path.html). Here `$user` in the search_path is ignored.
 */
function refuseNamesake({ state }: Session, kind: 'schema' | 'user', name: string): void {
  if (state.get(kind, name))
    throw new WarehouseError(`a schema named like the user "${name}" is not modelled by the local warehouse`);
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html */
function checkPassword(given: string): void {
  if (isDigest(given)) return;
  const password = given.replace(/^sha256\|/, '');
  const whole = password.length >= 8 && password.length <= 64 && /^[\x21-\x7e]+$/.test(password);
  const kinds = [/[A-Z]/, /[a-z]/, /\d/].every((kind) => kind.test(password));
  if (!whole || !kinds || /['"\\/@]/.test(password))
    throw new WarehouseError(
      'password must have 8 to 64 characters, of them an upper-case letter, a lower-case letter and a digit, and none of \' " \\ / @ and blank',
    );
}

export function addUser(state: CatalogState, name: string, password: string, superuser: boolean): void {
  const id = Math.max(99, ...state.all('user').map((user) => user.id)) + 1;
  state.put('user', name, { name, id, password: storedPassword(password), scram: scramOf(password), superuser });
}

export function dropUser(session: Session, { user, ifExists }: Of<'drop-user'>): void {
  privileges.requireSuperuser(session, 'drop user');
  const entry = session.state.get('user', user);
  if (!entry) {
    if (ifExists) return;
    throw new WarehouseError(`user "${user}" does not exist`);
  }
  const owned = [...session.state.all('schema'), ...session.state.all('relation')].find(
    (object) => object.owner === user,
  );
  if (owned) throw new WarehouseError(`user "${user}" cannot be dropped because the user owns some object`);
  if (session.state.all('grant').some((grant) => grant.grantee === user))
    throw new WarehouseError(`user "${user}" cannot be dropped because the user has a privilege on some object`);
  session.state.remove('user', user);
}

const allPrivileges: Record<GrantEntry['type'], readonly string[]> = {
  database: ['create', 'temp'],
  schema: ['create', 'usage'],
  table: ['select', 'insert', 'update', 'delete', 'drop', 'truncate', 'references', 'alter'],
};

export function changeGrant(session: Session, statement: Of<'grant' | 'revoke'>): void {
  const { on, to } = statement;
  const type = on[0]!.type === 'all-tables' ? 'table' : on[0]!.type;
  for (const grantee of to)
    if (grantee !== 'public' && !session.state.get('user', grantee))
      throw new WarehouseError(`user "${grantee}" does not exist`);
  const names = statement.privileges.flatMap((name) => (name === 'all' ? allPrivileges[type] : [name]));
  for (const privilege of names)
    if (!allPrivileges[type].includes(privilege))
      throw new WarehouseError(`privilege ${privilege} does not exist for a ${type}`);
  for (const object of on.flatMap((one) => grantObjects(session, one))) {
    for (const [privilege, grantee] of names.flatMap((name) => to.map((one) => [name, one] as const))) {
      const key = `${type}/${object}/${privilege}/${grantee}`;
      if (statement.kind === 'revoke') session.state.remove('grant', key);
      else session.state.put('grant', key, { grantee, privilege, type, object, grantor: session.user.name });
    }
  }
}

function grantObjects(session: Session, on: Of<'grant' | 'revoke'>['on'][number]): string[] {
  const { state, user, options } = session;
  switch (on.type) {
    case 'database':
      if (on.name !== options.database) throw new WarehouseError(`database "${on.name}" does not exist`);
      privileges.requireSuperuser(session, 'grant on a database');
      return [on.name];
    case 'schema':
    case 'all-tables': {
      const schema = state.get('schema', on.name);
      if (!schema) throw new WarehouseError(`schema "${on.name}" does not exist`);
      if (!user.superuser && schema.owner !== user.name)
        throw new WarehouseError(`permission denied for schema ${on.name}`);
      if (on.type === 'schema') return [on.name];
      return state
        .all('relation')
        .filter((entry) => entry.schema === on.name)
        .map(qualified);
    }
    case 'table': {
      const name = on.name.includes('.') ? on.name : `public.${on.name}`;
      const entry = state.get('relation', name);
      if (!entry) throw new WarehouseError(`relation "${on.name}" does not exist`);
      privileges.requireOwner(session, entry);
      return [name];
    }
  }
}

/** Names of DuckDB's own schemas and catalogs. */
const duckdbNames = ['main', 'temp', 'system', 'memory'];

export async function createSchema(
  session: Session,
  statement: Of<'create-schema' | 'create-external-schema'>,
): Promise<void> {
  const { schema, ifNotExists } = statement;
  privileges.requireCreateInDatabase(session);
  if (session.state.get('schema', schema)) {
    if (ifNotExists) return;
    throw new WarehouseError(`schema "${schema}" already exists`);
  }
  if (schema.startsWith('pg_') || ['information_schema', systemSchema].includes(schema))
    throw new WarehouseError(`unacceptable schema name "${schema}"`);
  if (duckdbNames.includes(schema) || schema.startsWith(catalogPrefix))
    throw new WarehouseError(`a schema with the name "${schema}" is not supported by the local warehouse`);
  refuseNamesake(session, 'user', schema);
  const owner = session.user.name;
  if (statement.kind === 'create-external-schema') {
    session.state.put('schema', schema, { name: schema, owner, streamRoleArn: statement.roleArn });
    return;
  }
  await session.connection.run(`create schema ${identifier(schema)}`);
  session.state.put('schema', schema, { name: schema, owner });
}

export async function dropSchema(session: Session, { schema, ifExists, cascade }: Of<'drop-schema'>): Promise<void> {
  const entry = session.state.get('schema', schema);
  if (!entry) {
    if (ifExists) return;
    throw new WarehouseError(`schema "${schema}" does not exist`);
  }
  if (!session.user.superuser && entry.owner !== session.user.name)
    throw new WarehouseError(`must be owner of schema ${schema}`);
  const inside = session.state
    .all('relation')
    .filter((relation) => relation.schema === schema || relation.stream?.externalSchema === schema);
  if (inside.length > 0 && !cascade)
    throw new WarehouseError(
      `cannot drop schema ${schema} because other objects depend on it: ${inside.map(qualified).join(', ')}`,
    );
  for (const relation of inside) await dropRelation(session, relation, true);
  if (entry.streamRoleArn === undefined) await session.connection.run(`drop schema ${identifier(schema)}`);
  session.state.remove('schema', schema);
  for (const grant of session.state.all('grant').filter((grant) => grant.type === 'schema' && grant.object === schema))
    session.state.remove('grant', `schema/${schema}/${grant.privilege}/${grant.grantee}`);
}

export async function createTable(
  session: Session,
  planned: Planned,
  statement: Of<'create-table' | 'create-table-as'>,
): Promise<number> {
  const { table, columns, temp } = statement;
  const name = { schema: table.schema ?? 'public', name: table.name };
  privileges.requireReads(session, planned);
  const existing = temp ? session.state.temporary.get(table.name) : session.state.relation(name);
  if (existing) {
    if (statement.kind === 'create-table' && statement.ifNotExists) return 0;
    throw new WarehouseError(`Relation "${table.name}" already exists`);
  }
  if (!temp) privileges.requireCreateIn(session, name.schema);
  const rows = await session.connection.run(statement.duckdb);
  const entry: RelationEntry = { ...name, kind: 'table', owner: session.user.name, columns, keys: statement.keys };
  if (temp) session.state.temporary.set(table.name, { ...entry, schema: temporarySchema });
  else {
    session.state.put('relation', qualified(name), entry);
    session.changed(qualified(name));
  }
  return rows;
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html */
export function comment(session: Session, { relation, column, text }: Of<'comment'>): void {
  const entry = session.state.relation(relation)!;
  privileges.requireOwner(session, entry);
  const columnComments = { ...entry.columnComments };
  if (column === undefined) session.state.put('relation', qualified(entry), { ...entry, comment: text });
  else {
    if (text === undefined) delete columnComments[column];
    else columnComments[column] = text;
    session.state.put('relation', qualified(entry), { ...entry, columnComments });
  }
}

export async function createView(session: Session, planned: Planned, statement: Of<'create-view'>): Promise<void> {
  const name = { schema: statement.view.schema ?? 'public', name: statement.view.name };
  privileges.requireReads(session, planned, name);
  privileges.requireCreateIn(session, name.schema);
  const existing = session.state.relation(name);
  if (existing) {
    if (!statement.orReplace) throw new WarehouseError(`Relation "${name.name}" already exists`);
    if (existing.kind !== 'view') throw new WarehouseError(`"${name.name}" is not a view`);
    privileges.requireOwner(session, existing);
    if (existing.lateQuery === undefined && statement.lateQuery === undefined)
      requireSameColumns(existing.columns, statement.columns);
  }
  const columns = statement.columns.map((column) => identifier(column.name)).join(', ');
  if (existing && existing.lateQuery === undefined && statement.lateQuery !== undefined)
    await session.connection.run(`drop view ${duckdbName(name)}`);
  if (statement.lateQuery === undefined)
    await session.connection.run(`create or replace view ${duckdbName(name)} (${columns}) as ${statement.query}`);
  session.state.put('relation', qualified(name), {
    ...name,
    kind: 'view',
    owner: session.user.name,
    columns: statement.columns,
    text: statement.text,
    reads: statement.reads,
    query: statement.lateQuery === undefined ? statement.query : undefined,
    lateQuery: statement.lateQuery,
  });
}

/**
 * Refuses a CREATE OR REPLACE VIEW that changes names or types of a view's columns:
 * https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html
 */
function requireSameColumns(old: RelationEntry['columns'], wanted: RelationEntry['columns']): void {
  if (old.length !== wanted.length) throw new WarehouseError('cannot change number of columns in view');
  for (const [index, { name, type }] of old.entries()) {
    const other = wanted[index]!;
    if (other.name !== name) throw new WarehouseError(`cannot change name of view column "${name}"`);
    if (JSON.stringify(other.type) !== JSON.stringify(type))
      throw new WarehouseError(`cannot change data type of view column "${name}"`);
  }
}

/** Returns the sequence of an identity column, named as in the front end. */
const identitySequence = (table: Name): string =>
  `${table.schema === undefined ? 'temp.main' : identifier(table.schema)}.${identifier(`${table.name} identity`)}`;

const kindOf = { table: 'table', view: 'view', 'materialized view': 'materialized-view' } as const;

export async function drop(session: Session, { what, name, ifExists, cascade }: Of<'drop'>): Promise<void> {
  const temporary =
    (name.schema === undefined || name.schema === temporarySchema) && session.state.temporary.get(name.name);
  if (temporary && what === 'table') {
    await session.connection.run(`drop table temp.${identifier(name.name)}`);
    if (temporary.columns.some(({ identity }) => identity))
      await session.connection.run(`drop sequence ${identitySequence({ name: name.name })}`);
    session.state.temporary.delete(name.name);
    return;
  }
  const entry = session.state.relation(name);
  if (!entry) {
    if (ifExists) return;
    throw new WarehouseError(`${what} "${name.name}" does not exist`);
  }
  if (entry.kind !== kindOf[what]) throw new WarehouseError(`"${name.name}" is not a ${what}`);
  privileges.requireOwner(session, entry);
  await dropRelation(session, entry, cascade);
}

async function dropRelation(session: Session, entry: RelationEntry, cascade: boolean): Promise<void> {
  const id = qualified(entry);
  if (!session.state.get('relation', id)) return;
  const dependents = session.state
    .all('relation')
    .filter((other) => other.reads?.some((read) => qualified(read) === id));
  const referring = foreignKeysTo(session, entry);
  if (dependents.length + referring.length > 0 && !cascade)
    throw new WarehouseError(
      `cannot drop ${entry.name} because other objects depend on it: ${[...dependents.map(qualified), ...referring].join(', ')}`,
    );
  if (referring.length > 0) dropForeignKeysTo(session, entry);
  for (const dependent of dependents) await dropRelation(session, dependent, true);
  if (entry.lateQuery === undefined)
    await session.connection.run(`drop ${entry.kind === 'view' ? 'view' : 'table'} ${duckdbName(entry)}`);
  if (entry.columns.some(({ identity }) => identity))
    await session.connection.run(`drop sequence ${identitySequence(entry)}`);
  await dropKeptRecords(session, entry);
  session.state.remove('relation', id);
  session.state.remove('positions', id);
  session.changed(id);
  for (const grant of session.state.all('grant').filter((grant) => grant.type === 'table' && grant.object === id))
    session.state.remove('grant', `table/${id}/${grant.privilege}/${grant.grantee}`);
}

export async function addColumn(session: Session, statement: Of<'add-column'>): Promise<void> {
  const entry = session.state.relation(statement.table);
  if (entry?.kind !== 'table') throw new WarehouseError(`table "${statement.table.name}" does not exist`);
  privileges.requireOwner(session, entry);
  if (entry.columns.some((column) => column.name === statement.column.name))
    throw new WarehouseError(`column "${statement.column.name}" of relation "${entry.name}" already exists`);
  await session.connection.run(statement.duckdb);
  session.state.put('relation', qualified(entry), { ...entry, columns: [...entry.columns, statement.column] });
}

/** Empties the relation. Like Redshift, it commits the transaction around it. */
export async function truncate(session: Session, table: Name): Promise<void> {
  const temporary = table.schema === undefined && session.state.temporary.get(table.name);
  if (temporary) await session.connection.run(`truncate temp.${identifier(table.name)}`);
  else {
    const entry = session.state.relation(table);
    if (!entry || entry.kind === 'view') throw new WarehouseError(`table "${table.name}" does not exist`);
    if (entry.kind === 'materialized-view' && !entry.stream)
      throw new WarehouseError(`cannot truncate materialized view "${entry.name}"`);
    privileges.requireOwner(session, entry);
    await session.connection.run(`truncate ${duckdbName(entry)}`);
    await forgetRecords(session, entry);
    session.changed(qualified(entry));
  }
  await session.commit();
  session.block = undefined;
  await session.begin();
}
