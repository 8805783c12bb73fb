import type { BoundParameter, Catalog, Name, Origin, Parameters } from '../../statement';
import type { CommonTable, Expression, Identifier } from '../ast';
import { folded, type Source } from '../lexer';
import type { Type } from '../types';
import { quoteIdentifier, type Value } from './value';

export interface ScopeColumn {
  readonly name: string;
  readonly type: Type;
  readonly sql: string;
  readonly origin?: Origin;
  /** A SUPER column in a right or full join, which may not be named. */
  barred?: boolean;
  /** The column from the other side of USING, which is found by its qualifier only. */
  hidden?: boolean;
}
export interface ScopeRelation {
  readonly alias: string;
  /** Schema of a relation without an alias, whose columns may be named `schema.table.column`. */
  readonly schema?: string;
  readonly columns: ScopeColumn[];
  /** Name of the system view that it is. */
  readonly system?: string;
  /** An element of an unnested array. Its name is the value itself. */
  readonly item?: ScopeColumn;
  /** The position of that element, under its own name. */
  readonly index?: ScopeColumn;
}

/** The relations of one SELECT. A correlated subquery also sees those of the outer queries. */
export class Scope {
  readonly relations: ScopeRelation[] = [];
  /** Aliases of the select list that later items may use. */
  readonly lateral = new Map<string, Value>();
  /** Aliases of the select list that WHERE may use. Empty unless WHERE is resolved in a query of the catalog. */
  readonly whereAliases = new Map<string, Expression>();
  /** Most nested groupings in an item of FROM. */
  groups = 0;
  /** Length of the chain of aliases behind each alias, and behind the item that is being resolved. */
  readonly aliasDepths = new Map<string, number>();
  aliasDepth = 0;
  /** Position of the first reference to a column of the outer query. */
  correlatedAt?: number;
  /** Number of references to its own columns. */
  used = 0;
  constructor(readonly parent?: Scope) {}
}

export interface CommonTableInfo {
  readonly groups: number;
  readonly columns: readonly { readonly name: string; readonly type: Type; readonly origin?: Origin }[];
  readonly sql: string;
}

/** Features of a query that decide how a materialized view over it is refreshed. */
export interface Traits {
  readonly reads: Name[];
  readonly found: Map<Trait, number>;
}
export type Trait =
  | 'outer join'
  | 'join'
  | 'union'
  | 'union all'
  | 'window function'
  | 'distinct aggregate'
  | 'recomputed aggregate'
  | 'select distinct'
  | 'subquery'
  | 'mutable function'
  | 'order by'
  | 'limit'
  | 'offset'
  /** The query has groups, through GROUP BY, HAVING or an aggregate. */
  | 'groups'
  | 'grouping sets'
  | 'varbyte aggregate'
  | 'view'
  | 'system view'
  | 'temporary table'
  | 'materialized view'
  | 'unnesting'
  | 'common table'
  | 'leader node function'
  | 'compute node function';

const maxGroups = 14;
/** https://docs.aws.amazon.com/redshift/latest/dg/r_names.html */
const maxNameBytes = 127;

/** State of the translation of one statement. */
export class Context {
  readonly traits: Traits = { reads: [], found: new Map() };
  private readonly commonTables: Map<string, CommonTableInfo>[] = [];
  /** The stream that the statement reads. */
  stream?: { readonly externalSchema: string; readonly stream: string };
  /** True for a definition that outlives the session. */
  keepsQuery = false;
  /** What only a statement may have that reads nothing but the catalog. */
  catalogOnly?: { readonly what: string; readonly at: number };
  /** Number of names that were found in an outer query. */
  correlations = 0;
  /** Number of subqueries in expressions. */
  subqueries = 0;
  private names = 0;
  private sortedBy?: string;

  constructor(
    readonly catalog: Catalog,
    readonly source: Source,
    /** Parameters of the Data API; undefined for a text that is itself in quotes. */
    private readonly parameters: Parameters | undefined,
    /** Number of late-binding views around the translated text. */
    readonly depth = 0,
  ) {}

  /** Whether the statement must ask if a test has chosen a value whose type fails. */
  get mayRaise(): boolean {
    return this.keepsQuery || this.catalog.raising !== false;
  }

  /** The value of a placeholder. @throws SqlError if it has none */
  parameter({ name, at }: { readonly name: string; readonly at: number }): BoundParameter {
    const bound = this.parameters?.[name];
    if (bound !== undefined) return typeof bound === 'string' ? { text: bound } : bound;
    if (name.startsWith('$')) throw this.source.error(`there is no parameter ${name}`, at);
    const why = this.parameters ? 'has no value' : 'is inside quotes, where a placeholder is text and no parameter';
    throw this.source.error(`parameter :${name} ${why}`, at);
  }

  fold(identifier: Identifier): string {
    if (identifier.text.length > maxNameBytes / 4 && Buffer.byteLength(identifier.text) > maxNameBytes)
      throw this.source.error(
        `a name has at most ${maxNameBytes} bytes, got ${Buffer.byteLength(identifier.text)}`,
        identifier.at,
      );
    return identifier.quoted && this.catalog.caseSensitiveIdentifiers ? identifier.text : folded(identifier.text);
  }

  mark(trait: Trait, at: number): void {
    if (!this.traits.found.has(trait)) this.traits.found.set(trait, at);
  }

  markSubquery(at: number): void {
    this.subqueries++;
    this.mark('subquery', at);
  }

  /** Refuses too many nested groupings, because each one doubles DuckDB's planning time. */
  checkGroups(groups: number, at: number): number {
    if (groups > maxGroups) throw this.source.unsupported(`more than ${maxGroups} groupings one upon the other`, at);
    return groups;
  }

  /**
   * Checks that LISTAGG, PERCENTILE_CONT and MEDIAN in a statement sort by the same values
   * (https://docs.aws.amazon.com/redshift/latest/dg/r_MEDIAN.html).
   */
  sortAggregate(order: string, at: number): void {
    this.sortedBy ??= order;
    if (this.sortedBy !== order)
      throw this.source.error('within group ORDER BY clauses for aggregate functions must be the same', at);
  }

  /**
   * Checks that functions run on the right node: some work on tables only, others without tables only
   * (https://docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions_leader_node_only.html,
   * c_SQL_functions_compute_node_only).
   */
  checkNodes(): void {
    const { found } = this.traits;
    // Tables whose names begin with pg_, and those of INFORMATION_SCHEMA, are read on the leader node.
    const reads = this.traits.reads.filter(
      ({ schema, name }) => !name.startsWith('pg_') && schema !== 'information_schema',
    );
    if (this.catalogOnly && (reads.length > 0 || this.traits.reads.length === 0))
      throw this.source.unsupported(this.catalogOnly.what, this.catalogOnly.at);
    const [leader, compute] = [found.get('leader node function'), found.get('compute node function')];
    if (compute !== undefined && reads.length === 0)
      throw this.source.error(
        'One or more of the used functions must be applied on at least one user created table',
        compute,
      );
    if (leader !== undefined && (compute !== undefined || reads.length > 0))
      throw this.source.error('Specified types or functions not supported on Redshift tables', leader);
  }

  freshName(): string {
    return quoteIdentifier(`_${++this.names}`);
  }

  withCommonTables<T>(
    tables: readonly CommonTable[],
    resolve: (table: CommonTable, known: Map<string, CommonTableInfo>) => CommonTableInfo,
    read: () => T,
  ): T {
    const known = new Map<string, CommonTableInfo>();
    this.commonTables.push(known);
    for (const table of tables) {
      const name = this.fold(table.name);
      if (known.has(name)) throw this.source.error(`WITH query name "${name}" specified more than once`, table.name.at);
      known.set(name, resolve(table, known));
    }
    const value = read();
    this.commonTables.pop();
    return value;
  }

  findCommonTable(name: string): CommonTableInfo | undefined {
    for (let i = this.commonTables.length - 1; i >= 0; i--) {
      const found = this.commonTables[i]!.get(name);
      if (found) return found;
    }
    return undefined;
  }
}
