import type { Query, StatementNode } from '../ast';
import { parseAlter } from './alter';
import { parseCopy, parseUnload } from './bulk';
import type { Cursor } from './cursor';
import { isTemporary, parseCreate, parseDrop } from './ddl';
import { parseExpression } from './expression';
import { parseMerge, parseSetList, parseValues } from './merge';
import { parseFrom, parseQuery } from './query';
import { isQueryStart } from './query-start';
import { parseAnalyze, parseComment, parseReset, parseSet, parseShow, parseVacuum } from './tools';

type Unplaced = StatementNode extends infer S ? (S extends unknown ? Omit<S, 'at' | 'end'> : never) : never;

/** Parses the statement at the cursor, up to its semicolon or the end of the text. */
export function parseStatement(cursor: Cursor): StatementNode {
  const at = cursor.at;
  const node = parseAny(cursor) as Unplaced;
  const end = cursor.previousEnd;
  if (cursor.token.kind !== 'end' && !cursor.isOperator(';')) throw cursor.syntaxError('the end of the statement');
  return { ...node, at, end } as StatementNode;
}

function parseAny(cursor: Cursor): Unplaced {
  if (isQueryStart(cursor)) return queryOrInto(parseQuery(cursor));
  const { kind, value } = cursor.token;
  if (kind !== 'word') throw cursor.syntaxError('a statement');
  switch (value) {
    case 'insert':
      return parseInsert(cursor);
    case 'update':
      return parseUpdate(cursor);
    case 'delete':
      return parseDelete(cursor);
    case 'merge':
      return parseMerge(cursor);
    case 'begin':
    case 'start':
    case 'commit':
    case 'end':
    case 'rollback':
    case 'abort':
      return parseTransaction(cursor);
    case 'lock':
      cursor.next();
      cursor.takeWords('table');
      return { kind: 'lock', tables: cursor.list(() => cursor.reference('a table')) };
    case 'truncate':
      cursor.next();
      cursor.takeWords('table');
      return { kind: 'truncate', table: cursor.reference('a table') };
    case 'create':
      return parseCreate(cursor);
    case 'drop':
      return parseDrop(cursor);
    case 'alter':
      return parseAlter(cursor);
    case 'grant':
    case 'revoke':
      return parseGrant(cursor, value);
    case 'refresh':
      return parseRefresh(cursor);
    case 'copy':
      return parseCopy(cursor);
    case 'unload':
      return parseUnload(cursor);
    case 'set':
      return parseSet(cursor);
    case 'reset':
      return parseReset(cursor);
    case 'show':
      return parseShow(cursor);
    case 'comment':
      return parseComment(cursor);
    case 'analyze':
    case 'analyse':
      return parseAnalyze(cursor);
    case 'vacuum':
      return parseVacuum(cursor);
    case 'explain':
      return parseExplain(cursor);
    default:
      throw cursor.unsupported(`statement ${value.toUpperCase()}`);
  }
}

/** SELECT INTO is a CREATE TABLE AS (https://docs.aws.amazon.com/redshift/latest/dg/r_SELECT_INTO.html). */
function queryOrInto(query: Query): Unplaced {
  const { body } = query;
  if (body.kind !== 'select' || !body.into) return { kind: 'query', query };
  const { table, temp } = body.into;
  const plain = { ...query, body: { ...body, into: undefined } };
  return {
    kind: 'create-table-as',
    table,
    temp: temp || isTemporary(table),
    columns: [],
    attributes: { sortkey: [] },
    query: plain,
  };
}

function parseInsert(cursor: Cursor): Unplaced {
  cursor.expectWord('insert');
  cursor.expectWord('into');
  const table = cursor.reference('a table');
  const columns = cursor.isOperator('(') && !isQueryStart(cursor) ? cursor.identifiers('a column') : [];
  if (columns.length === 0 && cursor.takeWords('default', 'values'))
    return { kind: 'insert', table, columns, rows: [] };
  if (!cursor.takeWords('values')) return { kind: 'insert', table, columns, query: parseQuery(cursor) };
  return { kind: 'insert', table, columns, rows: cursor.list(() => parseValues(cursor)) };
}

function parseTransaction(cursor: Cursor): Unplaced {
  const { value } = cursor.next();
  if (value === 'start') cursor.expectWord('transaction');
  else if (!cursor.takeWords('work')) cursor.takeWords('transaction');
  if (value === 'begin' || value === 'start') {
    return { kind: 'begin', readOnly: parseModes(cursor) };
  }
  return { kind: value === 'commit' || value === 'end' ? 'commit' : 'rollback' };
}

/** Returns true for READ ONLY. Redshift maps every isolation level to SERIALIZABLE (https://docs.aws.amazon.com/redshift/latest/dg/r_BEGIN.html). */
function parseModes(cursor: Cursor): boolean {
  for (let readOnly = false; ; ) {
    if (cursor.takeWords('isolation', 'level')) {
      const levels = [['serializable'], ['repeatable', 'read'], ['read', 'committed'], ['read', 'uncommitted']];
      if (!levels.some((words) => cursor.takeWords(...words))) throw cursor.syntaxError('an isolation level');
    } else if (cursor.takeWords('read', 'only')) readOnly = true;
    else if (cursor.takeWords('read', 'write')) readOnly = false;
    else return readOnly;
    cursor.takeOperator(',');
  }
}

function parseUpdate(cursor: Cursor): Unplaced {
  cursor.expectWord('update');
  const table = cursor.reference('a table');
  const alias = cursor.relationAlias('set');
  cursor.expectWord('set');
  const set = parseSetList(cursor);
  const from = cursor.takeWords('from') ? parseFrom(cursor) : undefined;
  const where = cursor.takeWords('where') ? parseExpression(cursor) : undefined;
  return { kind: 'update', table, alias, set, from, where };
}

function parseDelete(cursor: Cursor): Unplaced {
  cursor.expectWord('delete');
  cursor.takeWords('from');
  const table = cursor.reference('a table');
  const alias = cursor.relationAlias('using', 'where');
  const using = cursor.takeWords('using') ? parseFrom(cursor) : undefined;
  const where = cursor.takeWords('where') ? parseExpression(cursor) : undefined;
  return { kind: 'delete', table, alias, using, where };
}

const privileges = [
  'select',
  'insert',
  'update',
  'delete',
  'create',
  'usage',
  'references',
  'drop',
  'all',
  'temporary',
  'temp',
  'truncate',
  'alter',
];

function parseGrant(cursor: Cursor, verb: 'grant' | 'revoke'): Unplaced {
  cursor.next();
  if (cursor.isWord('assumerole', 'role', 'explain', 'execute'))
    throw cursor.unsupported(`${verb.toUpperCase()} ${cursor.token.value.toUpperCase()}`);
  const granted = cursor.list(() => {
    const { value } = cursor.expectWord(...privileges);
    if (cursor.isOperator('(')) throw cursor.unsupported('a privilege on columns');
    return value;
  });
  cursor.takeWords('privileges');
  cursor.expectWord('on');
  if (cursor.isWord('language', 'function', 'procedure', 'datashare', 'model', 'copy', 'external'))
    throw cursor.unsupported(`${verb.toUpperCase()} on ${cursor.token.value.toUpperCase()}`);
  let onType: 'database' | 'schema' | 'table' | 'all-tables' = 'table';
  if (cursor.takeWords('database')) onType = 'database';
  else if (cursor.takeWords('schema')) onType = 'schema';
  else if (cursor.takeWords('all', 'tables', 'in', 'schema')) onType = 'all-tables';
  else cursor.takeWords('table');
  const on = onType === 'table' ? cursor.list(() => cursor.reference('a name')) : [cursor.reference('a name')];
  cursor.expectWord(verb === 'grant' ? 'to' : 'from');
  const to = cursor.list(() => {
    if (cursor.isWord('role', 'group', 'user'))
      throw cursor.unsupported(`${verb.toUpperCase()} with ${cursor.token.value.toUpperCase()}`);
    return cursor.identifier('a user');
  });
  if (cursor.isWord('with')) throw cursor.unsupported('WITH GRANT OPTION');
  return { kind: 'grant', revoke: verb === 'revoke', privileges: granted, onType, on, to };
}

function parseRefresh(cursor: Cursor): Unplaced {
  cursor.expectWord('refresh');
  cursor.expectWord('materialized');
  cursor.expectWord('view');
  const view = cursor.reference('a materialized view');
  const cascade = cursor.takeWords('cascade');
  if (!cascade) cursor.takeWords('restrict');
  return { kind: 'refresh', view, cascade };
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_EXPLAIN.html */
function parseExplain(cursor: Cursor): Unplaced {
  cursor.next();
  if (cursor.isWord('verbose')) throw cursor.unsupported('EXPLAIN VERBOSE');
  const at = cursor.at;
  const statement = { ...parseAny(cursor), at, end: cursor.previousEnd } as StatementNode;
  return { kind: 'explain', statement };
}
