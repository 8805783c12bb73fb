/** Why a statement is refused, and where. */
export interface StatementRefusal {
  readonly error: string;
  /** Offset in the statement. */
  readonly position: number;
}

interface Token {
  readonly kind: 'word' | 'quoted' | 'sign';
  /** Words are in lower case. A quoted text has none. */
  readonly text: string;
  readonly at: number;
}

const ALLOWED = 'the page only reads here, so a statement begins with select, with or explain';

/** Functions that end statements of others, change settings or write, although they stand in a query. */
const writing =
  /^(?:pg_(?:terminate|cancel|reload|rotate|advisory|switch|start|stop|create|drop)\w*|set_config|setval|nextval|lo_\w+|dblink\w*)$/;

/**
 * Refuses everything but one query: SELECT, WITH … SELECT, or EXPLAIN of one. What Redshift reads as a query by its
 * first words cannot write, except by INTO and by functions, which are refused by name. A text that can be read in two
 * ways is refused too.
 * @returns undefined for a query
 */
export function refusalOf(sql: string): StatementRefusal | undefined {
  const tokens = tokensOf(sql, false);
  if ('error' in tokens) return tokens;
  // Redshift takes a backslash in a text for an escape; the standard does not.
  const others = tokensOf(sql, true);
  if ('error' in others || JSON.stringify(others) !== JSON.stringify(tokens))
    return refused('a backslash before a quote is not accepted here: it can end the text or not', sql.indexOf('\\'));
  const [first] = tokens;
  if (first === undefined) return refused('the statement is empty', 0);
  const end = tokens.findIndex(({ kind, text }) => kind === 'sign' && text === ';');
  if (end >= 0 && tokens.slice(end).some(({ text }) => text !== ';'))
    return refused('only one statement at a time is accepted here', tokens[end + 1]!.at);
  const statement = end < 0 ? tokens : tokens.slice(0, end);
  return refusalOfKind(statement) ?? refusalOfParts(statement);
}

const refused = (error: string, position: number): StatementRefusal => ({ error, position });

function refusalOfKind(tokens: readonly Token[]): StatementRefusal | undefined {
  let i = 0;
  const word = () => (tokens[i]?.kind === 'word' ? tokens[i]!.text : undefined);
  const sign = (text: string) => tokens[i]?.kind === 'sign' && tokens[i]!.text === text;
  const open = () => {
    while (sign('(')) i++;
  };
  if (word() === 'explain') {
    i++;
    if (word() === 'verbose') i++;
  }
  open();
  if (word() === 'with') {
    i++;
    if (word() === 'recursive') i++;
    do {
      if (sign(',')) i++;
      i++;
      if (sign('(')) i = afterBracket(tokens, i);
      if (word() !== 'as') return refusedAt(tokens, i, 'with has to be followed by name as (…)');
      i++;
      if (!sign('(')) return refusedAt(tokens, i, 'with has to be followed by name as (…)');
      i = afterBracket(tokens, i);
    } while (sign(','));
    open();
  }
  if (word() === 'select') return undefined;
  const found = tokens[i];
  return refusedAt(
    tokens,
    i,
    `${found === undefined ? 'nothing' : found.text || 'a quoted name'} is refused: ${ALLOWED}`,
  );
}

const refusedAt = (tokens: readonly Token[], i: number, error: string) =>
  refused(error, (tokens[i] ?? tokens.at(-1))?.at ?? 0);

/** Index after the bracket that closes the one at `from`. */
function afterBracket(tokens: readonly Token[], from: number): number {
  let depth = 0;
  for (let i = from; i < tokens.length; i++) {
    const { kind, text } = tokens[i]!;
    if (kind !== 'sign') continue;
    if (text === '(') depth++;
    if (text === ')' && --depth === 0) return i + 1;
  }
  return tokens.length;
}

function refusalOfParts(tokens: readonly Token[]): StatementRefusal | undefined {
  for (const [i, { kind, text, at }] of tokens.entries()) {
    if (kind !== 'word') continue;
    // A reserved word: without quotes it is never a name.
    if (text === 'into') return refused('into is refused: it makes a table, and the page only reads here', at);
    if (writing.test(text) && tokens[i + 1]?.text === '(')
      return refused(`the function ${text} is refused: it changes something, and the page only reads here`, at);
  }
  return undefined;
}

const pattern =
  /(?<space>\s+|--[^\n]*)|(?<comment>\/\*)|(?<text>')|(?<name>")|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<number>\d[\w.]*)|(?<sign>.)/suy;

/** Words and signs outside quotes and comments. */
function tokensOf(sql: string, escapes: boolean): Token[] | StatementRefusal {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < sql.length) {
    const at = pattern.lastIndex;
    const { comment, text, name, word, number, sign } = pattern.exec(sql)!.groups!;
    if (comment !== undefined) {
      const end = sql.indexOf('*/', at + 2);
      if (end < 0) return refused('a comment has no end', at);
      if (sql.slice(at + 2, end).includes('/*')) return refused('a comment in a comment is not accepted here', at);
      pattern.lastIndex = end + 2;
    } else if (text !== undefined || name !== undefined) {
      const end = afterQuote(sql, at, escapes && text !== undefined);
      if (end === undefined) return refused('a quote has no end', at);
      tokens.push({ kind: 'quoted', text: '', at });
      pattern.lastIndex = end;
    } else if (word !== undefined) tokens.push({ kind: 'word', text: word.toLowerCase(), at });
    else if (sign === '$') return refused('$ is refused: a text between $$ is not accepted here', at);
    else if (sign !== undefined || number !== undefined) tokens.push({ kind: 'sign', text: (sign ?? number)!, at });
  }
  return tokens;
}

/** Offset after a quoted text. A doubled quote belongs to it. */
function afterQuote(sql: string, at: number, escapes: boolean): number | undefined {
  const quote = sql[at];
  for (let i = at + 1; i < sql.length; i++) {
    if (escapes && sql[i] === '\\') i++;
    else if (sql[i] === quote) {
      if (sql[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return undefined;
}
