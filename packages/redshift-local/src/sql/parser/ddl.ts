import type { Identifier, StatementNode, TableAttributes } from '../ast';
import { parseColumns } from './columns';
import type { Cursor } from './cursor';
import { parseQuery } from './query';

type Unplaced = StatementNode extends infer S ? (S extends unknown ? Omit<S, 'at' | 'end'> : never) : never;

export function parseCreate(cursor: Cursor): Unplaced {
  cursor.expectWord('create');
  const orReplace = cursor.takeWords('or', 'replace');
  if (cursor.takeWords('view')) return parseView(cursor, orReplace);
  if (orReplace) throw cursor.unsupported(`CREATE OR REPLACE ${cursor.token.value.toUpperCase()}`);
  if (cursor.takeWords('materialized', 'view')) return parseMaterializedView(cursor);
  if (cursor.takeWords('external', 'schema')) return parseExternalSchema(cursor);
  if (cursor.takeWords('schema')) return parseSchema(cursor);
  if (cursor.takeWords('user')) return parseUser(cursor, 'create-user');
  if (
    cursor.takeWords('temp', 'table') ||
    cursor.takeWords('temporary', 'table') ||
    cursor.takeWords('local', 'temp', 'table')
  )
    return parseTable(cursor, true);
  if (cursor.takeWords('table')) return parseTable(cursor, false);
  throw cursor.unsupported(`CREATE ${cursor.token.value.toUpperCase()}`);
}

const ifNotExists = (cursor: Cursor) => cursor.takeWords('if', 'not', 'exists');
const ifExists = (cursor: Cursor) => cursor.takeWords('if', 'exists');

function parseView(cursor: Cursor, orReplace: boolean): Unplaced {
  const view = cursor.reference('a view');
  const columns = cursor.isOperator('(') ? cursor.identifiers('a column') : [];
  cursor.expectWord('as');
  const queryAt = cursor.at;
  const query = parseQuery(cursor);
  const queryEnd = cursor.previousEnd;
  const late = cursor.takeWords('with', 'no', 'schema', 'binding');
  return { kind: 'create-view', view, orReplace, columns, query, queryAt, queryEnd, late };
}

function parseMaterializedView(cursor: Cursor): Unplaced {
  if (cursor.isWord('if')) throw cursor.syntaxError('a name');
  const view = cursor.reference('a materialized view');
  if (cursor.isOperator('(')) throw cursor.unsupported('column names of a materialized view');
  const attributes = parseAttributes(cursor, ['backup', 'diststyle', 'distkey', 'sortkey', 'auto']);
  cursor.expectWord('as');
  const queryAt = cursor.at;
  return { kind: 'create-materialized-view', view, attributes, query: parseQuery(cursor), queryAt };
}

function parseExternalSchema(cursor: Cursor): Unplaced {
  const exists = ifNotExists(cursor);
  const schema = cursor.identifier('a schema');
  cursor.expectWord('from');
  if (!cursor.takeWords('kinesis'))
    throw cursor.unsupported(`an external schema from ${cursor.token.value.toUpperCase()}`);
  if (cursor.isWord('region')) throw cursor.unsupported('REGION of an external schema');
  cursor.expectWord('iam_role');
  if (cursor.takeWords('default'))
    return { kind: 'create-external-schema', schema, roleArn: 'default', ifNotExists: exists };
  const { value, at } = cursor.expectString('a role ARN');
  return { kind: 'create-external-schema', schema, roleArn: roleChain(cursor, value, at), ifNotExists: exists };
}

/** Most roles in a chain (Redshift management guide, "Chaining IAM roles"). */
const mostChained = 10;

/** Roles of which each assumes the next one, separated by commas without spaces. */
function roleChain(cursor: Cursor, value: string, at: number): string {
  const roles = value.split(',');
  if (roles.length > mostChained) throw cursor.source.error(`a chain has at most ${mostChained} roles`, at);
  return roles.map((role) => roleArn(cursor, role, at)).join(',');
}

export function roleArn(cursor: Cursor, value: string, at: number): string {
  if (value.includes(',')) throw cursor.unsupported('role chaining', at);
  if (!/^arn:aws[\w-]*:iam::\d{12}:role\/.+$/.test(value))
    throw cursor.source.error(`invalid IAM role ARN "${value}"`, at);
  return value;
}

function parseSchema(cursor: Cursor): Unplaced {
  const exists = ifNotExists(cursor);
  if (cursor.isWord('authorization')) throw cursor.unsupported('CREATE SCHEMA AUTHORIZATION');
  const schema = cursor.identifier('a schema');
  if (cursor.isWord('authorization', 'quota')) throw cursor.unsupported(cursor.token.value.toUpperCase());
  return { kind: 'create-schema', schema, ifNotExists: exists };
}

export function parseUser(cursor: Cursor, kind: 'create-user' | 'alter-user'): Unplaced {
  const user = cursor.identifier('a user');
  cursor.takeWords('with');
  if (kind === 'alter-user' && !cursor.isWord('password'))
    throw cursor.unsupported(`ALTER USER with ${cursor.token.value.toUpperCase()}`);
  cursor.expectWord('password');
  if (cursor.isWord('disable')) throw cursor.unsupported('PASSWORD DISABLE');
  const password = cursor.expectString('a password').value;
  if (cursor.token.kind === 'word')
    throw cursor.unsupported(
      `option ${cursor.token.value.toUpperCase()} of ${kind === 'create-user' ? 'CREATE' : 'ALTER'} USER`,
    );
  return { kind, user, password };
}

/**
 * A table whose name begins with # is temporary
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html).
 */
export const isTemporary = (table: readonly Identifier[]): boolean =>
  table.length === 1 && table[0]!.text.startsWith('#');

function parseTable(cursor: Cursor, declaredTemp: boolean): Unplaced {
  const exists = ifNotExists(cursor);
  const table = cursor.reference('a table');
  const temp = declaredTemp || isTemporary(table);
  if (!cursor.isOperator('(') || isColumnNames(cursor)) {
    const columns = cursor.isOperator('(') ? cursor.identifiers('a column') : [];
    const attributes = parseAttributes(cursor, [
      'backup',
      'diststyle',
      'distkey',
      'compound',
      'interleaved',
      'sortkey',
    ]);
    const at = cursor.expectWord('as').at;
    if (exists) throw cursor.unsupported('IF NOT EXISTS with AS', at);
    return { kind: 'create-table-as', table, temp, columns, attributes, query: parseQuery(cursor) };
  }
  if (cursor.peek().kind === 'word' && cursor.peek().value === 'like') return parseLike(cursor, table, temp, exists);
  const { columns, keys } = parseColumns(cursor);
  const attributes = parseAttributes(cursor, [
    'backup',
    'diststyle',
    'distkey',
    'compound',
    'interleaved',
    'sortkey',
    'encode',
  ]);
  return { kind: 'create-table', table, temp, ifNotExists: exists, columns, keys, attributes };
}

/** Parses `(like parent …)`. Only the copying of defaults is optional. */
function parseLike(cursor: Cursor, table: Identifier[], temp: boolean, exists: boolean): Unplaced {
  cursor.expectOperator('(');
  cursor.expectWord('like');
  const like = cursor.reference('a table');
  const includingDefaults = cursor.takeWords('including', 'defaults');
  if (!includingDefaults) cursor.takeWords('excluding', 'defaults');
  if (cursor.isOperator(',')) throw cursor.unsupported('LIKE beside other columns');
  cursor.expectOperator(')');
  if (cursor.isWord('diststyle', 'distkey', 'sortkey', 'compound', 'interleaved', 'backup'))
    throw cursor.source.error('a table made LIKE another one has its distribution style and keys', cursor.at);
  return { kind: 'create-table-like', table, temp, ifNotExists: exists, like, includingDefaults };
}

/** `(a, b)` has no types, so the statement is a CREATE TABLE AS. */
function isColumnNames(cursor: Cursor): boolean {
  const after = cursor.peek(2);
  return after.kind === 'operator' && (after.value === ',' || after.value === ')');
}

function parseAttributes(cursor: Cursor, allowed: readonly string[]): TableAttributes {
  let attributes: TableAttributes = { sortkey: [] };
  while (cursor.isWord(...allowed)) {
    const { value, at } = cursor.token;
    cursor.next();
    switch (value) {
      case 'backup':
        attributes = { ...attributes, backup: cursor.expectWord('yes', 'no').value === 'yes' };
        break;
      case 'encode':
        // Redshift chooses the encodings, which change no result.
        cursor.expectWord('auto');
        break;
      case 'auto':
        cursor.expectWord('refresh');
        attributes = { ...attributes, autoRefresh: cursor.expectWord('yes', 'no').value === 'yes' };
        break;
      case 'diststyle':
        attributes = { ...attributes, diststyle: cursor.expectWord('even', 'all', 'key', 'auto').value as 'even' };
        break;
      case 'distkey': {
        const [distkey, ...others] = cursor.identifiers('a column');
        if (others.length > 0) throw cursor.source.error('a table has one distribution key', at);
        attributes = { ...attributes, distkey };
        break;
      }
      case 'interleaved':
      case 'compound':
        cursor.expectWord('sortkey');
        attributes = { ...attributes, sortkey: cursor.identifiers('a column') };
        break;
      case 'sortkey':
        if (cursor.takeWords('auto')) break;
        attributes = { ...attributes, sortkey: cursor.identifiers('a column') };
    }
  }
  return attributes;
}

export function parseDrop(cursor: Cursor): Unplaced {
  cursor.expectWord('drop');
  const cascade = () => {
    const cascades = cursor.takeWords('cascade');
    if (!cascades) cursor.takeWords('restrict');
    return cascades;
  };
  if (cursor.takeWords('user')) {
    const exists = ifExists(cursor);
    return { kind: 'drop-user', user: cursor.identifier('a user'), ifExists: exists };
  }
  if (cursor.takeWords('schema')) {
    const exists = ifExists(cursor);
    const schema = cursor.identifier('a schema');
    if (cursor.isWord('drop')) throw cursor.unsupported('DROP EXTERNAL DATABASE');
    return { kind: 'drop-schema', schema, ifExists: exists, cascade: cascade() };
  }
  const what = cursor.takeWords('materialized', 'view')
    ? 'materialized view'
    : cursor.takeWords('view')
      ? 'view'
      : cursor.takeWords('table')
        ? 'table'
        : undefined;
  if (!what) throw cursor.unsupported(`DROP ${cursor.token.value.toUpperCase()}`);
  const exists = ifExists(cursor);
  const names = [cursor.reference('a name')];
  // The page of DROP MATERIALIZED VIEW shows one name only
  // (https://docs.aws.amazon.com/redshift/latest/dg/r_DROP_TABLE.html and its neighbours).
  while (what !== 'materialized view' && cursor.takeOperator(',')) names.push(cursor.reference('a name'));
  if (cursor.isOperator(',')) throw cursor.unsupported('DROP of several objects');
  return { kind: 'drop', what, names, ifExists: exists, cascade: cascade() };
}
