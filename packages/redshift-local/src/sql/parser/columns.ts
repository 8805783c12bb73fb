import type { ColumnDefinition, TableKey } from '../ast';
import type { Cursor } from './cursor';
import { parseExpression } from './expression';
import { parseType } from './type';

/** Parses the columns and constraints of CREATE TABLE, with their parentheses. */
export function parseColumns(cursor: Cursor): { columns: ColumnDefinition[]; keys: TableKey[] } {
  const columns: ColumnDefinition[] = [];
  const keys: TableKey[] = [];
  cursor.expectOperator('(');
  cursor.list(() => {
    if (cursor.isWord('like')) throw cursor.unsupported('LIKE beside other columns');
    const { at } = cursor;
    const key = parseTableConstraint(cursor);
    if (key) addKey(cursor, keys, key, at);
    else columns.push(parseColumn(cursor, keys));
  });
  cursor.expectOperator(')');
  return { columns, keys };
}

/** Parses a constraint of a table, as in CREATE TABLE and after ADD. */
export function parseTableConstraint(cursor: Cursor): TableKey | undefined {
  const name = cursor.takeWords('constraint') ? cursor.identifier('a constraint') : undefined;
  if (cursor.takeWords('primary', 'key')) return { kind: 'primary', name, columns: cursor.identifiers('a column') };
  if (cursor.takeWords('unique')) return { kind: 'unique', name, columns: cursor.identifiers('a column') };
  if (cursor.takeWords('foreign', 'key')) {
    const columns = cursor.identifiers('a column');
    cursor.expectWord('references');
    return { kind: 'foreign', name, columns, target: parseTarget(cursor) };
  }
  if (name) throw cursor.syntaxError('PRIMARY KEY, UNIQUE or FOREIGN KEY');
  return undefined;
}

function addKey(cursor: Cursor, keys: TableKey[], key: TableKey, at: number): void {
  if (key.kind === 'primary' && keys.some(({ kind }) => kind === 'primary'))
    throw cursor.source.error('multiple primary keys for one table are not allowed', at);
  keys.push(key);
}

function parseTarget(cursor: Cursor): TableKey['target'] {
  const table = cursor.reference('a table');
  return { table, references: cursor.isOperator('(') ? cursor.identifiers('a column') : [] };
}

const encodings =
  `raw az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 runlength text255 text32k zstd auto`.split(' ');

/** Parses a column and its constraints. Its keys are added to those of the table. */
export function parseColumn(cursor: Cursor, keys: TableKey[] = []): ColumnDefinition {
  const name = cursor.identifier('a column');
  const type = parseType(cursor);
  let notNull = false;
  let distkey = false;
  let sortkey = false;
  let defaultValue: ColumnDefinition['defaultValue'];
  let identity: ColumnDefinition['identity'];
  let encoding: string | undefined;
  for (;;) {
    const at = cursor.at;
    if (cursor.takeWords('not', 'null')) notNull = true;
    else if (cursor.takeWords('primary', 'key')) addKey(cursor, keys, { kind: 'primary', columns: [name] }, at);
    else if (cursor.takeWords('unique')) keys.push({ kind: 'unique', columns: [name] });
    else if (cursor.takeWords('references'))
      keys.push({ kind: 'foreign', columns: [name], target: parseTarget(cursor) });
    else if (cursor.takeWords('distkey')) distkey = true;
    else if (cursor.takeWords('sortkey')) sortkey = true;
    else if (cursor.takeWords('default')) defaultValue = parseExpression(cursor);
    else if (cursor.takeWords('identity')) identity = parseIdentity(cursor, false);
    else if (cursor.takeWords('generated', 'by', 'default', 'as', 'identity')) identity = parseIdentity(cursor, true);
    else if (cursor.takeWords('encode')) encoding = cursor.expectWord(...encodings).value;
    else if (cursor.takeWords('null')) continue;
    else if (cursor.isWord('generated', 'collate', 'check')) throw cursor.unsupported(cursor.token.value.toUpperCase());
    else return { name, type, notNull, defaultValue, distkey, sortkey, encoding, identity };
  }
}

function parseIdentity(cursor: Cursor, byDefault: boolean): ColumnDefinition['identity'] {
  const whole = (what: string) => {
    const negative = cursor.takeOperator('-');
    const value = cursor.expectInteger(what);
    return negative ? -value : value;
  };
  if (!cursor.isOperator('(')) throw cursor.unsupported('IDENTITY without a seed and a step');
  cursor.expectOperator('(');
  const seed = whole('a seed');
  cursor.expectOperator(',');
  const at = cursor.at;
  const step = whole('a step');
  if (step === 0) throw cursor.source.error('the step of an identity must not be 0', at);
  cursor.expectOperator(')');
  return { seed, step, byDefault };
}
