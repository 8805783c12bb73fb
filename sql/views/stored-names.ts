import type { Pipeline } from '../../pipelines/definition';
import { eventsViewColumns, storedName } from '../tables/columns';
import { isIdentityTable, pipelineTables, publicTables, type TableName } from '../tables/names';
import { identifier, isReserved } from '../text/identifier';
import { isAliased, ownName } from '../text/select-item';
import { find, isName, isWord, split } from '../text/token-walk';
import { significant, type Token, tokenize } from '../text/tokens';
import { notAnAlias, type RelationReference, relationReferences } from './relations';

/** A query in the form that a materialized view takes. */
interface StoredQuery {
  readonly sql: string;
  /** Ambiguous names, a phrase each. */
  readonly problems: readonly string[];
}

interface Edit {
  readonly at: number;
  readonly end: number;
  readonly text: string;
}

/** A relation of the query's FROM, under the name that may qualify its columns. */
interface Named {
  readonly alias: string;
  /** Its name in the user's query, if another relation replaces it. */
  readonly replaced?: string;
  readonly isEvents: boolean;
}

/** A reference to a column. */
interface Reference {
  readonly first: Token;
  readonly column: Token;
  /** The qualifier. */
  readonly by?: string;
  /** True if schema and name of a relation other than events qualify it. */
  readonly isOther?: boolean;
}

/**
 * Rewrites a view's query to read stored tables: the table of events in place of its view, other views under their
 * physical names, and columns under their stored names. The result's columns keep their names. In a nested query a name
 * can mean several things. There the table is replaced by a subquery that renames its columns to their public names.
 * @param physicalNames physical names of the pipeline's views
 */
export function overStored(pipeline: Pipeline, sql: string, physicalNames: ReadonlyMap<string, string>): StoredQuery {
  const query = new Query(pipeline, sql, physicalNames);
  return { sql: query.edited(), problems: query.problems };
}

/** Their first argument is a unit of time, which looks like a column. */
const takesUnit = new Set(['dateadd', 'datediff', 'date_add', 'date_diff', 'date_part', 'extract']);

/** A keyword that cannot be a name in this position. */
const isSyntax = (token: Token, before: Token | undefined) =>
  token.kind === 'word' && (isReserved(token.value) || (token.value === 'by' && isWord(before, 'group', 'order')));

class Query {
  readonly problems: string[] = [];
  private readonly tokens: readonly Token[];
  private readonly tables: Readonly<Record<TableName, string>>;
  private readonly edits = new Map<number, Edit>();
  /** Offsets of names that are not columns: relations and result names. */
  private readonly taken = new Set<number>();
  private readonly relations: Named[] = [];
  /** Offsets of columns that were renamed. */
  private readonly changed = new Set<number>();
  /** True if the query contains another query. */
  private readonly isNested: boolean;
  /** Public name to stored name, where they differ. */
  private readonly renamed: ReadonlyMap<string, string>;
  /** Stored name to public name, for stored names that are no longer public names. */
  private readonly hidden: ReadonlyMap<string, string>;

  constructor(
    private readonly pipeline: Pipeline,
    private readonly sql: string,
    private readonly physicalNames: ReadonlyMap<string, string>,
  ) {
    this.tokens = significant(tokenize(sql));
    this.tables = pipelineTables(pipeline);
    const { columns } = pipeline;
    const renamed = columns.filter((column) => storedName(column) !== column.name);
    this.renamed = new Map(renamed.map((column) => [column.name, storedName(column)]));
    this.hidden = new Map(
      renamed
        .map((column) => [storedName(column), column.name] as const)
        .filter(([stored]) => !columns.some(({ name }) => name === stored)),
    );
    this.isNested = this.tokens.some((token, index) => index > 0 && isWord(token, 'select'));
    for (const reference of relationReferences(sql)) this.relation(reference);
    if (this.isNested) {
      this.requalifyAll();
      return;
    }
    const items = this.items();
    for (const item of items) if (isAliased(item)) this.taken.add(item.at(-1)!.at);
    const hasEvents = this.relations.some(({ isEvents }) => isEvents);
    for (const [index] of this.tokens.entries()) {
      const reference = this.column(index);
      if (reference?.isOther) this.requalify(reference);
      else if (reference && hasEvents) this.rename(reference);
    }
    for (const item of items) this.keepName(item);
  }

  /** Replaces qualified names with a schema by the relation's alias. */
  private requalifyAll(): void {
    for (const [index, token] of this.tokens.entries()) {
      const [dot, second, , third] = this.tokens.slice(index + 1, index + 5);
      const isWhole = token.value === this.pipeline.name && isName(token) && !this.taken.has(token.at);
      if (!isWhole || dot?.text !== '.' || !isName(second) || !isName(third)) continue;
      const named = this.relations.find(({ replaced }) => replaced === second.value);
      if (named) this.requalify({ first: token, column: third, by: identifier(named.alias) });
    }
  }

  edited(): string {
    let result = '';
    let at = 0;
    for (const edit of [...this.edits.values()].sort((one, other) => one.at - other.at)) {
      result += this.sql.slice(at, edit.at) + edit.text;
      at = edit.end;
    }
    return result + this.sql.slice(at);
  }

  private relation({ schema, name, first, last }: RelationReference): void {
    const end = this.tokens.indexOf(this.tokens.find(({ at }) => at === last.at)!);
    const next = this.tokens[end + 1];
    const alias = isWord(next, 'as') ? this.tokens[end + 2] : next;
    const aliased = isName(alias) && !isWord(alias, ...notAnAlias);
    const isEvents = schema === this.pipeline.name && name === 'events';
    const physical = schema === this.pipeline.name ? this.physical(name) : undefined;
    this.relations.push({
      alias: aliased ? alias.value : name,
      isEvents,
      ...(physical !== undefined && !aliased && { replaced: name }),
    });
    for (const token of [first, last, ...(aliased ? [alias] : [])]) this.taken.add(token.at);
    if (physical === undefined) return;
    const source = isEvents && this.isNested ? this.publicRows(physical) : physical;
    const text = aliased ? source : `${source} as ${identifier(name)}`;
    this.edits.set(first.at, { at: first.at, end: last.at + last.text.length, text });
  }

  /** SQL for the table of events with its columns under their public names. */
  private publicRows(table: string): string {
    if (this.renamed.size === 0) return table;
    const list = eventsViewColumns(this.pipeline).map(({ name }) => {
      const stored = this.renamed.get(name);
      return stored === undefined ? identifier(name) : `${identifier(stored)} as ${identifier(name)}`;
    });
    return `(select ${list.join(', ')} from ${table})`;
  }

  private physical(name: string): string | undefined {
    return isIdentityTable(name) ? this.tables[name] : this.physicalNames.get(name);
  }

  /** The items of the select list. */
  private items(): Token[][] {
    const from = find(this.tokens, 1, (token) => isWord(token, 'from'));
    return split(this.tokens.slice(1, from));
  }

  /** The column reference that begins at this token, if it may be a column of events or if a schema qualifies it. */
  private column(index: number): Reference | undefined {
    const [before, token, next] = [this.tokens[index - 1], this.tokens[index]!, this.tokens[index + 1]];
    if (!isName(token) || this.taken.has(token.at) || before?.text === '.' || before?.text === '::') return undefined;
    if (isWord(before, 'as') || next?.text === '(' || isSyntax(token, before)) return undefined;
    if (before?.text === '(' && takesUnit.has(this.tokens[index - 2]?.value ?? '')) return undefined;
    const [second, third] = [this.tokens[index + 2], this.tokens[index + 4]];
    if (next?.text !== '.') return { first: token, column: token };
    const named = this.relations.find(({ alias }) => alias === token.value);
    if (named) return named.isEvents && isName(second) ? { first: token, column: second, by: token.text } : undefined;
    const whole =
      token.value === this.pipeline.name && this.relations.find(({ replaced }) => replaced === second?.value);
    return whole && isName(third)
      ? { first: token, column: third, by: identifier(whole.alias), isOther: !whole.isEvents }
      : { first: token, column: token };
  }

  /** Renames a column. A column has precedence over a result of the same name. */
  private rename({ first, column, by }: Reference): void {
    const { value, text } = column;
    const hidden = this.hidden.get(value);
    const stored = this.renamed.get(value);
    if (hidden !== undefined) {
      this.problem(`names ${value}, which is only the stored name of ${this.events()}.${hidden}: write ${hidden}`);
    } else if (by === undefined && stored !== undefined && this.relations.length > 1) {
      const { alias } = this.relations.find(({ isEvents }) => isEvents)!;
      this.problem(`names ${value}, which may or may not be the column of ${this.events()}: write ${alias}.${value}`);
    } else if (by !== undefined || stored !== undefined) {
      const name = stored === undefined ? text : identifier(stored);
      this.edits.set(first.at, {
        at: first.at,
        end: column.at + text.length,
        text: by === undefined ? name : `${by}.${name}`,
      });
      if (stored !== undefined) this.changed.add(column.at);
    }
  }

  private requalify({ first, column, by }: Reference): void {
    const end = column.at + column.text.length;
    this.edits.set(first.at, { at: first.at, end, text: `${by}.${column.text}` });
  }

  private events = () => publicTables(this.pipeline).events;

  private problem(text: string): void {
    if (!this.problems.includes(text)) this.problems.push(text);
  }

  /** Redshift names a result without an alias after its column. If that column was renamed, the item gets an alias. */
  private keepName(item: readonly Token[]): void {
    if (isAliased(item)) return;
    const name = ownName(item);
    const named = name === undefined ? undefined : item.findLast((token) => this.changed.has(token.at));
    if (name === undefined || named === undefined || named.value !== name) return;
    const last = item.at(-1)!;
    const end = last.at + last.text.length;
    const edit = [...this.edits.values()].find((candidate) => candidate.end === end);
    const suffix = ` as ${identifier(name)}`;
    if (edit) this.edits.set(edit.at, { ...edit, text: edit.text + suffix });
    else this.edits.set(end, { at: end, end, text: suffix });
  }
}
