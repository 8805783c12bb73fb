import type { StatementNode } from '../ast';
import type { Cursor } from './cursor';

type Unplaced = StatementNode extends infer S ? (S extends unknown ? Omit<S, 'at' | 'end'> : never) : never;

/** https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html */
export function parseComment(cursor: Cursor): Unplaced {
  cursor.expectWord('comment');
  cursor.expectWord('on');
  const { at } = cursor;
  const isColumn = cursor.takeWords('column');
  if (!isColumn && !cursor.takeWords('table') && !cursor.takeWords('view'))
    throw cursor.unsupported(`COMMENT ON ${cursor.token.value.toUpperCase()}`, at);
  const name = cursor.reference('a name');
  if (isColumn && name.length < 2) throw cursor.source.error('COMMENT ON COLUMN needs a table and a column', at);
  cursor.expectWord('is');
  const text = cursor.takeWords('null') ? undefined : cursor.expectString('a text').value;
  return {
    kind: 'comment',
    relation: isColumn ? name.slice(0, -1) : name,
    column: isColumn ? name.at(-1)! : undefined,
    text,
  };
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_ANALYZE.html */
export function parseAnalyze(cursor: Cursor): Unplaced {
  cursor.next();
  if (cursor.isWord('compression')) throw cursor.unsupported('ANALYZE COMPRESSION');
  cursor.takeWords('verbose');
  const table = cursor.isIdentifier() && !cursor.isWord('predicate') ? cursor.reference('a table') : undefined;
  const columns = table && cursor.isOperator('(') ? cursor.identifiers('a column') : [];
  if (!cursor.takeWords('predicate', 'columns')) cursor.takeWords('all', 'columns');
  return { kind: 'maintain', verb: 'analyze', table, columns };
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_VACUUM_command.html */
export function parseVacuum(cursor: Cursor): Unplaced {
  cursor.next();
  const kinds = [['full'], ['sort', 'only'], ['delete', 'only'], ['reindex'], ['recluster']];
  kinds.some((words) => cursor.takeWords(...words));
  const table = cursor.isIdentifier() && !cursor.isWord('boost') ? cursor.reference('a table') : undefined;
  if (table && cursor.takeWords('to')) {
    const { at } = cursor;
    const percent = cursor.expectInteger('a number of percent');
    cursor.expectWord('percent');
    if (percent > 100) throw cursor.source.error(`TO must be between 0 and 100 percent, got ${percent}`, at);
  }
  cursor.takeWords('boost');
  return { kind: 'maintain', verb: 'vacuum', table, columns: [] };
}

/**
 * https://docs.aws.amazon.com/redshift/latest/dg/r_SHOW.html and the pages of SHOW TABLES, SHOW SCHEMAS, SHOW COLUMNS,
 * SHOW DATABASES, SHOW VIEW.
 */
export function parseShow(cursor: Cursor): Unplaced {
  const { at } = cursor.next();
  const like = () => (cursor.takeWords('like') ? cursor.expectString('a pattern').value : undefined);
  const limit = () => (cursor.takeWords('limit') ? cursor.expectInteger('a number of rows') : undefined);
  if (cursor.takeWords('databases'))
    return { kind: 'show-objects', what: 'databases', in: [], like: like(), limit: limit() };
  if (cursor.takeWords('schemas', 'from', 'database'))
    return { kind: 'show-objects', what: 'schemas', in: cursor.reference('a database'), like: like(), limit: limit() };
  if (cursor.takeWords('tables', 'from', 'schema'))
    return { kind: 'show-objects', what: 'tables', in: cursor.reference('a schema'), like: like(), limit: limit() };
  if (cursor.takeWords('columns', 'from', 'table'))
    return { kind: 'show-objects', what: 'columns', in: cursor.reference('a table'), like: like(), limit: limit() };
  if (cursor.takeWords('view'))
    return { kind: 'show-objects', what: 'view', in: cursor.reference('a view'), like: undefined, limit: undefined };
  if (cursor.isWord(...notShown)) throw cursor.unsupported(`SHOW ${cursor.token.value.toUpperCase()}`, at);
  if (cursor.takeWords('transaction', 'isolation', 'level')) return { kind: 'show', name: 'transaction_isolation' };
  return { kind: 'show', name: settingName(cursor) };
}

const notShown = [
  ...['table', 'external', 'model', 'datashares', 'procedure', 'grants', 'parameters', 'all', 'columns', 'tables'],
  ...['schemas', 'column', 'policies', 'functions', 'procedures', 'constraints', 'template', 'templates'],
];

function settingName(cursor: Cursor): string {
  if (cursor.takeWords('time', 'zone')) return 'timezone';
  return cursor.anyIdentifier('a setting').text.toLowerCase();
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_SET.html */
export function parseSet(cursor: Cursor): Unplaced {
  cursor.expectWord('set');
  if (cursor.isWord('session') && cursor.peek().value === 'authorization')
    throw cursor.unsupported('SET SESSION AUTHORIZATION');
  if (cursor.isWord('transaction') || (cursor.isWord('session') && cursor.peek().value === 'characteristics'))
    throw cursor.unsupported('SET TRANSACTION');
  if (!cursor.takeWords('session') && cursor.takeWords('local')) throw cursor.unsupported('SET LOCAL');
  return parseSetting(cursor);
}

/** A setting and its value, as after SET. */
export function parseSetting(cursor: Cursor): Extract<Unplaced, { kind: 'set' }> {
  const { at } = cursor;
  const isZone = cursor.isWord('time');
  const name = settingName(cursor);
  // `set time zone 'UTC'` has no equals sign.
  if (!isZone && !cursor.takeOperator('=')) cursor.expectWord('to');
  if (cursor.takeWords('default')) return { kind: 'set', name, values: undefined, nameAt: at, valueAt: cursor.at };
  const valueAt = cursor.at;
  return { kind: 'set', name, values: cursor.list(() => settingValue(cursor)), nameAt: at, valueAt };
}

/** A word, text or number as written. */
function settingValue(cursor: Cursor): string {
  const minus = cursor.takeOperator('-') ? '-' : '';
  const { kind } = cursor.token;
  if (!['word', 'string', 'number', 'quoted'].includes(kind)) throw cursor.syntaxError('a value');
  return `${minus}${cursor.next().value}`;
}

export function parseReset(cursor: Cursor): Unplaced {
  cursor.next();
  if (cursor.isWord('session')) throw cursor.unsupported('RESET SESSION AUTHORIZATION');
  const nameAt = cursor.at;
  const name = cursor.takeWords('all') ? 'all' : settingName(cursor);
  return { kind: 'set', name, values: undefined, nameAt, valueAt: nameAt };
}
