import { SqlError } from '../../statement';
import type { Expression } from '../ast';
import type { Type } from '../types';
import { isText } from '../types';
import { sizeOf } from './aggregates';
import { withoutBlanks } from './blanks';
import type { Environment } from './environment';
import { groupable, noOrdinal } from './order';
import type { Scope, ScopeColumn } from './scope';
import { quoteIdentifier, type Value } from './value';

interface Key {
  readonly node: Expression | undefined;
  readonly value: Value;
  /** DuckDB text of the key's column in the grouped relation. */
  readonly sql: string;
}

/**
 * The groups of one SELECT, as a relation of their own with a column for each key and each aggregate. The select list,
 * HAVING, QUALIFY and ORDER BY read that relation. A text key is thus compared without its trailing blanks, but shown
 * as in one of the group's rows.
 */
export class Grouping {
  /** Aliases of the select list, resolved over the ungrouped rows. */
  readonly lateral = new Map<string, Value>();
  private readonly keys: Key[] = [];
  private readonly aggregates = new Map<string, string>();
  private active = true;
  /** Positions of each grouping's keys. @default - one grouping, by all keys */
  sets?: readonly (readonly number[])[];

  constructor(private readonly alias: string) {}

  /** Whether names refer to groups. Inside an aggregate they refer to rows. */
  get isActive(): boolean {
    return this.active;
  }

  /**
   * Adds a key and returns its position. `node` is the expression that an item of the select list may repeat; a column
   * needs none.
   */
  addKey(node: Expression | undefined, value: Value): number {
    const known = this.keys.findIndex((key) => key.value.sql === value.sql && sameType(key.value.type, value.type));
    if (known >= 0) return known;
    return this.keys.push({ node, value, sql: `${this.alias}.${quoteIdentifier(`k${this.keys.length + 1}`)}` }) - 1;
  }

  aggregate(sql: string): string {
    const known = this.aggregates.get(sql);
    if (known) return known;
    const column = `${this.alias}.${quoteIdentifier(`a${this.aggregates.size + 1}`)}`;
    this.aggregates.set(sql, column);
    return column;
  }

  /** Resolves over the rows instead of the groups. */
  overRows<T>(resolve: () => T): T {
    const before = this.active;
    this.active = false;
    try {
      return resolve();
    } finally {
      this.active = before;
    }
  }

  /**
   * The key that equals this column.
   * @throws SqlError with Redshift's message if there is none
   */
  column(column: ScopeColumn, value: Value, environment: Environment, at: number): Value {
    const key = this.find(value);
    if (key) return key;
    const name = column.sql.replaceAll('"', '');
    throw environment.context.source.error(
      `column "${name}" must appear in the GROUP BY clause or be used in an aggregate function`,
      at,
    );
  }

  /** The key that equals this expression, if there is one. */
  expression(node: Expression, environment: Environment): Value | undefined {
    if (!this.keys.some((key) => this.mayBe(node, key.node))) return undefined;
    try {
      const plain = { ...environment, aggregates: false, windows: false };
      return this.find(this.overRows(() => environment.resolve(node, plain)));
    } catch (error) {
      if (error instanceof SqlError) return undefined;
      throw error;
    }
  }

  /**
   * A cheap check before a whole expression is resolved again. With aliases, two expressions of different size may mean
   * the same.
   */
  private mayBe(node: Expression, key: Expression | undefined): boolean {
    if (!key || node.kind !== key.kind || node.kind === 'name') return false;
    return this.lateral.size > 0 || sizeOf(node) === sizeOf(key);
  }

  /** The key that equals this value, if there is one. */
  find(value: Value): Value | undefined {
    const key = this.keys.find((key) => key.value.sql === value.sql && sameType(key.value.type, value.type));
    return key && { sql: key.sql, type: value.type, tight: value.tight, origin: this.sets ? undefined : value.origin };
  }

  /** The grouped relation as a FROM clause. */
  sql(from: string, where: string): string {
    const keys = this.keys.map(({ value }, i) => `${this.shown(value)} as "k${i + 1}"`);
    const aggregates = [...this.aggregates.keys()].map((sql, i) => `${sql} as "a${i + 1}"`);
    const list = [...keys, ...aggregates];
    const by = this.keys.map(({ value }) => groupedBy(value));
    const sets = this.sets?.map((set) => `(${set.map((place) => by[place]).join(', ')})`);
    const clause = sets ? `grouping sets (${sets.join(', ')})` : by.join(', ');
    return ` from (select ${list.length > 0 ? list.join(', ') : 'count(*) as "rows"'}${from}${where}${clause === '' ? '' : ` group by ${clause}`}) as ${this.alias}`;
  }

  /** A text key as in one of the group's rows; NULL in a grouping without that key. */
  private shown(value: Value): string {
    if (value.type.name === 'super') return groupedBy(value);
    if (!isText(value.type) || value.tight)
      return this.sets && value.constant !== undefined ? groupedBy(value) : value.sql;
    return this.sets ? `case when grouping(${groupedBy(value)}) = 0 then min(${value.sql}) end` : `min(${value.sql})`;
  }
}

/** The expression to group by. A bare constant is wrapped, because it would be read as an ordinal. */
export function groupedBy(value: Value): string {
  if (value.constant !== undefined) return `coalesce(${value.sql})`;
  if (value.type.name === 'super') return groupable(value).sql;
  return isText(value.type) ? withoutBlanks(value) : noOrdinal(value.sql);
}

const sameType = (a: Type, b: Type) => JSON.stringify(a) === JSON.stringify(b);

const groupings = new WeakMap<Scope, Grouping>();

/** Switches the query from rows to groups. Readers of the scope then see keys and aggregates only. */
export function group(scope: Scope, grouping: Grouping): void {
  groupings.set(scope, grouping);
}

/** The groups of a query; undefined before the switch to groups. */
export const groupingOf = (scope: Scope): Grouping | undefined => groupings.get(scope);

/** The groupings that an expression may read: those of its own query and of the query directly around it. */
export function activeGroupings(scope: Scope): readonly Grouping[] {
  return [groupingOf(scope), scope.parent && groupingOf(scope.parent)].filter((found) => found?.isActive) as Grouping[];
}
