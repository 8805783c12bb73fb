import type { AlterAction, StatementNode } from '../ast';
import { parseColumn, parseTableConstraint } from './columns';
import type { Cursor } from './cursor';
import { parseUser } from './ddl';
import { parseSetting } from './tools';
import { parseType } from './type';

type Unplaced = StatementNode extends infer S ? (S extends unknown ? Omit<S, 'at' | 'end'> : never) : never;

export function parseAlter(cursor: Cursor): Unplaced {
  cursor.expectWord('alter');
  if (cursor.takeWords('materialized', 'view')) return parseAlterView(cursor);
  if (cursor.takeWords('database')) return parseAlterDatabase(cursor);
  if (cursor.takeWords('user')) return parseAlterUser(cursor);
  if (!cursor.takeWords('table')) throw cursor.unsupported(`ALTER ${cursor.token.value.toUpperCase()}`);
  const table = cursor.reference('a table');
  if (cursor.takeWords('add')) {
    const constraint = parseConstraint(cursor);
    if (constraint) return { kind: 'alter-table', table, action: constraint };
    cursor.takeWords('column');
    return { kind: 'add-column', table, column: parseColumn(cursor) };
  }
  return { kind: 'alter-table', table, action: parseAction(cursor) };
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_USER.html */
function parseAlterUser(cursor: Cursor): Unplaced {
  if (cursor.peek().value !== 'set') return parseUser(cursor, 'alter-user');
  const user = cursor.identifier('a user');
  cursor.expectWord('set');
  const { at } = cursor;
  const setting = parseSetting(cursor);
  return { kind: 'alter-user-setting', user, setting: { ...setting, at, end: cursor.previousEnd } };
}

function parseAlterView(cursor: Cursor): Unplaced {
  const view = cursor.reference('a materialized view');
  if (!cursor.takeWords('auto'))
    throw cursor.unsupported(`ALTER MATERIALIZED VIEW ${cursor.token.value.toUpperCase()}`);
  cursor.expectWord('refresh');
  return { kind: 'alter-view', view, autoRefresh: cursor.expectWord('yes', 'no').value === 'yes' };
}

function parseAlterDatabase(cursor: Cursor): Unplaced {
  const database = cursor.identifier('a database');
  if (!cursor.takeWords('isolation', 'level'))
    throw cursor.unsupported(`ALTER DATABASE ${cursor.token.value.toUpperCase()}`);
  if (cursor.takeWords('snapshot')) return { kind: 'alter-database', database, isolation: 'snapshot' };
  cursor.expectWord('serializable');
  return { kind: 'alter-database', database, isolation: 'serializable' };
}

function parseConstraint(cursor: Cursor): AlterAction | undefined {
  if (!cursor.isWord('primary', 'constraint', 'unique', 'foreign')) return undefined;
  return { kind: 'add-key', key: parseTableConstraint(cursor)! };
}

function parseAction(cursor: Cursor): AlterAction {
  if (cursor.isWord('drop') && cursor.peek().value !== 'constraint') {
    cursor.next();
    cursor.takeWords('column');
    const column = cursor.identifier('a column');
    const cascade = cursor.takeWords('cascade');
    if (!cascade) cursor.takeWords('restrict');
    return { kind: 'drop-column', column, cascade };
  }
  if (cursor.takeWords('rename', 'to')) {
    const to = cursor.identifier('a name');
    if (cursor.isOperator('.')) throw cursor.source.error('RENAME TO takes a name without a schema', to.at);
    return { kind: 'rename', to };
  }
  if (cursor.takeWords('rename')) {
    cursor.takeWords('column');
    const column = cursor.identifier('a column');
    cursor.expectWord('to');
    return { kind: 'rename-column', column, to: cursor.identifier('a name') };
  }
  if (cursor.takeWords('owner', 'to')) return { kind: 'owner', to: cursor.identifier('a user') };
  if (cursor.takeWords('alter', 'column')) {
    const column = cursor.identifier('a column');
    if (!cursor.takeWords('type')) throw cursor.unsupported(`ALTER COLUMN ${cursor.token.value.toUpperCase()}`);
    const typeAt = cursor.at;
    return { kind: 'alter-type', column, type: parseType(cursor), typeAt };
  }
  if (cursor.takeWords('append')) return parseAppend(cursor);
  throw cursor.unsupported(`ALTER TABLE ${cursor.token.value.toUpperCase()}`);
}

function parseAppend(cursor: Cursor): AlterAction {
  cursor.expectWord('from');
  const from = cursor.reference('a table');
  const ignoreExtra = cursor.takeWords('ignoreextra');
  const fillTarget = !ignoreExtra && cursor.takeWords('filltarget');
  if (cursor.isWord('filltarget'))
    throw cursor.source.error('IGNOREEXTRA and FILLTARGET exclude each other', cursor.at);
  return { kind: 'append', from, ignoreExtra, fillTarget };
}
