/**
 * Finds what statements scan. Redshift keeps the least and the greatest value of each column in each block of a megabyte
 * (a zone map), and skips blocks that a comparison with a constant rules out. That helps where rows with near values are
 * near each other: in a table's sort key, and in a column that grows with it.
 * https://docs.aws.amazon.com/redshift/latest/dg/c_best-practices-sort-key.html
 */
import { type Expression, type FromItem, parseText, type Query, type StatementNode } from 'redshift-local/front-end';

/** A table whose scans are looked at. */
export interface WatchedTable {
  readonly name: string;
  /** The names that statements use: the table's own one and that of its public view. */
  readonly relations: readonly string[];
  readonly columns: readonly string[];
  /** Columns by which zone maps skip blocks. */
  readonly ordered: readonly string[];
}

/** One place in a statement that reads a table. */
export interface Scan {
  readonly table: string;
  /** True for the rows that UPDATE or DELETE changes. */
  readonly isTarget: boolean;
  /** The columns of `ordered` for which the statement has a lower bound that is constant while the table is scanned. */
  readonly bounds: readonly string[];
  /** The columns that have to be read. */
  readonly columns: readonly string[];
}

/** Returns the scans of the watched tables in a statement. Placeholders must be filled in. @throws SqlError */
export const scansOf = (sql: string, tables: readonly WatchedTable[]): Scan[] => {
  const found = new Scans(tables);
  for (const node of parseText(sql)) found.statement(node);
  return found.scans;
};

/** A part of the FROM clause that reads a watched table, with the conditions that hold for all of its rows. */
interface Source {
  readonly table: WatchedTable;
  /** The names by which the statement knows the table: its alias, and that of a query in FROM that passes its rows on. */
  readonly aliases: readonly string[];
  readonly isTarget: boolean;
  readonly conditions: Expression[];
  /** What names columns in a query that passes the rows on. */
  readonly uses: readonly unknown[];
}

class Scans {
  readonly scans: Scan[] = [];

  constructor(private readonly tables: readonly WatchedTable[]) {}

  statement(node: StatementNode): void {
    switch (node.kind) {
      case 'update':
      case 'delete': {
        const from = node.kind === 'update' ? node.from : node.using;
        const set = node.kind === 'update' ? node.set.map(({ value }) => value) : [];
        const target = this.source(node.table, node.alias?.text, true);
        this.select([...(target ? [target] : []), ...this.from(from)], node.where, [node.where, set]);
        return;
      }
      case 'unload':
        for (const inner of parseText(node.query)) this.statement(inner);
        return;
      default:
        this.queriesIn(node);
    }
  }

  /** Adds the scans of every query below a value that is not a query itself. */
  private queriesIn(value: unknown): void {
    if (Array.isArray(value)) for (const item of value) this.queriesIn(item);
    else if (isQuery(value)) this.query(value);
    else if (typeof value === 'object' && value !== null) this.queriesIn(Object.values(value));
  }

  private query(query: Query): void {
    this.queriesIn(query.with.map((table) => table.query));
    this.body(query.body);
    this.queriesIn([query.orderBy, query.limit, query.offset]);
  }

  private body(body: Query['body']): void {
    if (body.kind === 'nested') this.query(body.query);
    else if (body.kind === 'set') {
      this.body(body.left);
      this.body(body.right);
    } else {
      const { from, where, ...rest } = body;
      this.select(this.from(from), where, [where, rest]);
    }
  }

  /** Adds the scans of one SELECT, UPDATE or DELETE. `uses` is all that names columns besides the FROM clause. */
  private select(sources: readonly Source[], where: Expression | undefined, uses: unknown): void {
    const aliases = new Set(sources.flatMap((source) => source.aliases));
    for (const source of sources) {
      const { table, isTarget, conditions } = source;
      const all = [...conditions, ...(where ? [where] : [])];
      const bounds = new Set(all.flatMap((condition) => [...lowerBounds(condition, source, aliases)]));
      this.scans.push({
        table: table.name,
        isTarget,
        bounds: table.ordered.filter((column) => bounds.has(column)),
        columns: usedColumns([source.uses, conditions, uses], source),
      });
    }
    this.queriesIn([uses, sources.map(({ conditions, uses: inner }) => [conditions, inner])]);
  }

  private from(item: FromItem | undefined): Source[] {
    if (item === undefined) return [];
    switch (item.kind) {
      case 'relation': {
        const source = this.source(item.name, item.alias?.text, false);
        return source ? [source] : [];
      }
      case 'query':
        return this.passedOn(item.query, item.alias.text);
      case 'join': {
        const [left, right] = [this.from(item.left), this.from(item.right)];
        // The condition of an outer join does not restrict the rows of the side that is kept whole.
        const sides: Record<typeof item.join, Source[][]> = {
          inner: [left, right],
          left: [right],
          right: [left],
          full: [],
          cross: [],
        };
        const restricted = sides[item.join];
        for (const { conditions } of restricted.flat()) if (item.on) conditions.push(item.on);
        const kept = [left, right].filter((side) => !restricted.includes(side)).flat();
        // Its columns are read all the same.
        for (const { conditions } of kept) if (item.on) conditions.push({ kind: 'not', operand: item.on, at: item.at });
        return [...left, ...right];
      }
      default:
        return this.from(item.source);
    }
  }

  /**
   * The sources of a query in FROM that only selects columns under their names: conditions on it hold for its tables. Any
   * other query is scanned by itself.
   */
  private passedOn(query: Query, alias: string): Source[] {
    const { body } = query;
    const isPlain =
      body.kind === 'select' &&
      query.with.length === 0 &&
      !query.limit &&
      !body.top &&
      !body.distinct &&
      !body.groupByAll &&
      !body.having &&
      !body.qualify &&
      body.groupBy.length === 0 &&
      body.items.every((item) => item.kind === 'star' || (item.expression.kind === 'name' && !item.alias));
    if (!isPlain) {
      this.query(query);
      return [];
    }
    const { where, items } = body;
    return this.from(body.from).map((source) => ({
      ...source,
      aliases: [...source.aliases, alias],
      conditions: [...source.conditions, ...(where ? [where] : [])],
      uses: [...source.uses, items],
    }));
  }

  private source(
    name: readonly { readonly text: string }[],
    alias: string | undefined,
    isTarget: boolean,
  ): Source | undefined {
    const full = name.map(({ text }) => text).join('.');
    const table = this.tables.find(({ relations }) => relations.includes(full));
    return table && { table, aliases: [alias ?? name.at(-1)!.text], isTarget, conditions: [], uses: [] };
  }
}

const isQuery = (value: unknown): value is Query =>
  typeof value === 'object' && value !== null && 'with' in value && 'body' in value;

/** The ordered columns that a condition bounds from below. */
function lowerBounds(condition: Expression, source: Source, aliases: ReadonlySet<string>): ReadonlySet<string> {
  const column = (expression: Expression) => columnOf(expression, source);
  const bound = (name: string | undefined, by: readonly Expression[]) =>
    new Set(
      name !== undefined && source.table.ordered.includes(name) && by.every((one) => isConstant(one, aliases))
        ? [name]
        : [],
    );
  switch (condition.kind) {
    case 'logic': {
      const parts = condition.operands.map((operand) => lowerBounds(operand, source, aliases));
      if (condition.operator === 'and') return new Set(parts.flatMap((part) => [...part]));
      return new Set([...parts[0]!].filter((name) => parts.every((part) => part.has(name))));
    }
    case 'binary': {
      const { operator, left, right } = condition;
      if (['=', '>', '>='].includes(operator) && column(left)) return bound(column(left), [right]);
      if (['=', '<', '<='].includes(operator)) return bound(column(right), [left]);
      return new Set();
    }
    case 'between':
      return condition.negated ? new Set() : bound(column(condition.operand), [condition.low]);
    case 'in':
      return condition.negated ? new Set() : bound(column(condition.operand), condition.list);
    default:
      return new Set();
  }
}

function columnOf(expression: Expression, { table, aliases }: Source): string | undefined {
  if (expression.kind !== 'name') return undefined;
  const names = expression.parts.map(({ text }) => text);
  const known = (name: string | undefined) => (name !== undefined && table.columns.includes(name) ? name : undefined);
  for (const qualifier of [...aliases, ...table.relations])
    if (`${names.join('.')}.`.startsWith(`${qualifier}.`)) return known(names[qualifier.split('.').length]);
  // A qualifier of another table, or a path into a column.
  return known(names[0]);
}

/** True if the value is known before the tables of the statement are scanned: a query of its own that names none of them may be part of it. */
function isConstant(expression: Expression, aliases: ReadonlySet<string>): boolean {
  let constant = true;
  const visit = (value: unknown, inQuery: boolean): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, inQuery);
    else if (typeof value === 'object' && value !== null) {
      const node = value as Partial<Expression>;
      if (node.kind === 'name' && (!inQuery || (node.parts!.length > 1 && aliases.has(node.parts![0]!.text))))
        constant = false;
      for (const item of Object.values(value)) visit(item, inQuery || isQuery(value));
    }
  };
  visit(expression, false);
  return constant;
}

/** The columns of a table that are named outside of queries of their own. */
function usedColumns(uses: unknown, source: Source): string[] {
  const { table } = source;
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (isQuery(value)) return;
    else if (typeof value === 'object' && value !== null) {
      const node = value as { readonly kind?: string };
      const name = node.kind === 'name' && columnOf(value as Expression, source);
      if (name) found.add(name);
      if (node.kind === 'star') for (const column of table.columns) found.add(column);
      for (const item of Object.values(value)) visit(item);
    }
  };
  visit(uses);
  return table.columns.filter((column) => found.has(column));
}
