import type { IdentityColumn, RedshiftType } from '../statement';

/** A name as written. Unquoted names are already lower case; the resolver folds quoted names. */
export interface Identifier {
  readonly text: string;
  readonly quoted: boolean;
  readonly at: number;
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '||' | '=' | '<>' | '<' | '>' | '<=' | '>=';

interface Positioned {
  readonly at: number;
  /** Whether the expression has its own parentheses. */
  parenthesized?: boolean;
}

export type Expression = Positioned &
  (
    | { readonly kind: 'number'; readonly text: string }
    /** A number in scientific notation. */
    | { readonly kind: 'exponent'; readonly text: string }
    | { readonly kind: 'string'; readonly text: string }
    | { readonly kind: 'parameter'; readonly name: string }
    | { readonly kind: 'null' }
    | { readonly kind: 'boolean'; readonly value: boolean }
    | { readonly kind: 'typed-literal'; readonly type: 'date' | 'timestamp' | 'timestamptz'; readonly text: string }
    | { readonly kind: 'interval'; readonly text: string }
    /** `isReserved` for a reserved word, which only a system view has as a column. */
    | { readonly kind: 'name'; readonly parts: readonly Identifier[]; readonly isReserved?: boolean }
    /** `[1]` and attributes after an index, or attributes of an expression that is not a plain name. */
    | { readonly kind: 'navigate'; readonly from: Expression; readonly steps: readonly (Identifier | number)[] }
    /** `list[i]`, an item of an array of the catalog whose place is no literal. */
    | { readonly kind: 'item'; readonly from: Expression; readonly place: Expression }
    | {
        readonly kind: 'binary';
        readonly operator: BinaryOperator;
        readonly left: Expression;
        readonly right: Expression;
      }
    | { readonly kind: 'logic'; readonly operator: 'and' | 'or'; readonly operands: readonly Expression[] }
    | { readonly kind: 'not'; readonly operand: Expression }
    | { readonly kind: 'negate'; readonly operand: Expression }
    | {
        readonly kind: 'is';
        readonly operand: Expression;
        readonly what: 'null' | 'true' | 'false' | 'unknown';
        readonly negated: boolean;
      }
    | {
        readonly kind: 'in';
        readonly operand: Expression;
        readonly list: readonly Expression[];
        readonly negated: boolean;
      }
    | { readonly kind: 'in-query'; readonly operand: Expression; readonly query: Query; readonly negated: boolean }
    | {
        readonly kind: 'between';
        readonly operand: Expression;
        readonly low: Expression;
        readonly high: Expression;
        readonly negated: boolean;
      }
    | {
        readonly kind: 'like';
        readonly operand: Expression;
        readonly pattern: Expression;
        readonly escape?: Expression;
        readonly how: 'like' | 'ilike' | 'similar';
        readonly negated: boolean;
      }
    | {
        readonly kind: 'match';
        readonly operand: Expression;
        readonly pattern: Expression;
        readonly negated: boolean;
      }
    | {
        readonly kind: 'case';
        readonly operand?: Expression;
        readonly branches: readonly { readonly when: Expression; readonly result: Expression }[];
        readonly otherwise?: Expression;
      }
    | { readonly kind: 'cast'; readonly operand: Expression; readonly type: RedshiftType; readonly lenient?: boolean }
    /** `(a, b)`, as an operand of `=` or before IN. */
    | { readonly kind: 'row'; readonly items: readonly Expression[] }
    | { readonly kind: 'exists'; readonly query: Query }
    /** `isList` for ARRAY(…), whose value is all rows of its query. */
    | { readonly kind: 'subquery'; readonly query: Query; readonly isList?: boolean }
    | FunctionCall
  );

export interface FunctionCall extends Positioned {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expression[];
  /** `count(*)` */
  readonly star: boolean;
  readonly distinct: boolean;
  /** The keyword of `extract(<field> from …)` or `trim(<side> …)`. */
  readonly keyword?: string;
  readonly ignoreNulls?: boolean;
  /** Whether APPROXIMATE precedes the call. */
  readonly approximate?: boolean;
  /** `within group (order by …)` */
  readonly withinGroup?: readonly OrderItem[];
  readonly over?: Window;
}

export interface Window {
  readonly partitionBy: readonly Expression[];
  readonly orderBy: readonly OrderItem[];
  readonly frame?: { readonly start: FrameBound; readonly end: FrameBound };
  readonly at: number;
}
export type FrameBound =
  | { readonly kind: 'unbounded preceding' | 'unbounded following' | 'current row' }
  | { readonly kind: 'preceding' | 'following'; readonly rows: number };

export interface OrderItem {
  readonly expression: Expression;
  readonly descending: boolean;
  readonly nulls?: 'first' | 'last';
}

export type SelectItem =
  | { readonly kind: 'star'; readonly qualifier?: readonly Identifier[]; readonly at: number }
  | { readonly kind: 'expression'; readonly expression: Expression; readonly alias?: Identifier };

export type JoinKind = 'inner' | 'left' | 'right' | 'full' | 'cross';

export type FromItem =
  | {
      readonly kind: 'relation';
      readonly name: readonly Identifier[];
      readonly alias?: Identifier;
      readonly columnAliases: readonly Identifier[];
      /** `unpivot t.payload.user as v at k`: iterates over an object's attributes instead of an array's elements. */
      readonly unpivot?: boolean;
      /** `at i`: the alias of an unnested element's position, or of an attribute's name. */
      readonly index?: Identifier;
      /** Arguments of a function in FROM. */
      readonly args?: readonly Expression[];
      readonly at: number;
    }
  | {
      readonly kind: 'query';
      readonly query: Query;
      readonly alias: Identifier;
      readonly columnAliases: readonly Identifier[];
      readonly at: number;
    }
  | {
      readonly kind: 'pivot';
      readonly source: FromItem;
      readonly aggregates: readonly { readonly call: FunctionCall; readonly alias?: Identifier }[];
      readonly column: Identifier;
      readonly values: readonly { readonly value: Expression; readonly alias?: Identifier }[];
      readonly alias: Identifier;
      readonly columnAliases: readonly Identifier[];
      readonly at: number;
    }
  | {
      readonly kind: 'unpivot';
      readonly source: FromItem;
      readonly includeNulls: boolean;
      readonly value: Identifier;
      readonly name: Identifier;
      readonly columns: readonly { readonly column: Identifier; readonly shown: string }[];
      readonly alias: Identifier;
      readonly columnAliases: readonly Identifier[];
      readonly at: number;
    }
  | {
      readonly kind: 'join';
      readonly join: JoinKind;
      readonly left: FromItem;
      readonly right: FromItem;
      readonly on?: Expression;
      readonly using?: readonly Identifier[];
      /** NATURAL: the join is by the columns of the same name. */
      readonly natural?: boolean;
      /** Whether the join is written as a comma. */
      readonly comma: boolean;
      readonly at: number;
    };

export interface SelectCore {
  readonly kind: 'select';
  /** `select top 10 …` */
  readonly top?: number;
  readonly distinct: boolean;
  readonly items: readonly SelectItem[];
  readonly from?: FromItem;
  readonly where?: Expression;
  readonly groupBy: readonly Expression[];
  /** Positions in `groupBy` of each grouping's expressions. @default - one grouping, by all of them */
  readonly groupingSets?: readonly (readonly number[])[];
  /** GROUP BY ALL: groups by the items without an aggregate. */
  readonly groupByAll?: boolean;
  /** Columns that `*` leaves out. */
  readonly exclude?: readonly Identifier[];
  readonly into?: { readonly table: Reference; readonly temp: boolean; readonly at: number };
  readonly having?: Expression;
  readonly qualify?: Expression;
  readonly at: number;
}
export interface SetOperation {
  readonly kind: 'set';
  readonly operator: 'union' | 'union all' | 'intersect' | 'except';
  readonly left: Body;
  readonly right: Body;
  readonly at: number;
}
/** A query in parentheses as an operand of a set operation. */
export interface NestedQuery {
  readonly kind: 'nested';
  readonly query: Query;
  readonly at: number;
}
export type Body = SelectCore | SetOperation | NestedQuery;

export interface CommonTable {
  readonly name: Identifier;
  readonly columns: readonly Identifier[];
  readonly query: Query;
  /** WITH RECURSIVE: the query may read the table itself. */
  readonly recursive?: boolean;
}
export interface Query {
  readonly with: readonly CommonTable[];
  readonly body: Body;
  readonly orderBy: readonly OrderItem[];
  readonly limit?: Expression;
  readonly offset?: Expression;
  readonly at: number;
}

export interface ColumnDefinition {
  readonly name: Identifier;
  readonly type: RedshiftType;
  readonly notNull: boolean;
  readonly defaultValue?: Expression;
  readonly distkey: boolean;
  readonly sortkey: boolean;
  readonly encoding?: string;
  readonly identity?: IdentityColumn;
}
/** Keys are informational; Redshift does not enforce them. */
export interface TableKey {
  readonly kind: 'primary' | 'unique' | 'foreign';
  readonly name?: Identifier;
  readonly columns: readonly Identifier[];
  /** What a foreign key refers to. */
  readonly target?: { readonly table: readonly Identifier[]; readonly references: readonly Identifier[] };
}
export interface TableAttributes {
  readonly diststyle?: 'even' | 'all' | 'key' | 'auto';
  readonly distkey?: Identifier;
  readonly sortkey: readonly Identifier[];
  readonly backup?: boolean;
  readonly autoRefresh?: boolean;
}
/** Actions of ALTER TABLE other than ADD COLUMN. */
export type AlterAction =
  | { readonly kind: 'drop-column'; readonly column: Identifier; readonly cascade: boolean }
  | { readonly kind: 'rename'; readonly to: Identifier }
  | { readonly kind: 'rename-column'; readonly column: Identifier; readonly to: Identifier }
  | { readonly kind: 'alter-type'; readonly column: Identifier; readonly type: RedshiftType; readonly typeAt: number }
  | { readonly kind: 'owner'; readonly to: Identifier }
  | { readonly kind: 'add-key'; readonly key: TableKey }
  | {
      readonly kind: 'append';
      readonly from: readonly Identifier[];
      readonly ignoreExtra: boolean;
      readonly fillTarget: boolean;
    };

/** Options of COPY or UNLOAD, each with the position of its name. */
export type Options = ReadonlyMap<
  string,
  { readonly value: string | number | boolean | readonly Identifier[]; readonly at: number }
>;

export type Reference = readonly Identifier[];
export type StatementNode = { readonly at: number; readonly end: number } & (
  | { readonly kind: 'query'; readonly query: Query }
  | {
      readonly kind: 'insert';
      readonly table: Reference;
      readonly columns: readonly Identifier[];
      readonly query?: Query;
      /** An empty list means DEFAULT VALUES. */
      readonly rows?: readonly (readonly (Expression | 'default')[])[];
    }
  | {
      readonly kind: 'merge';
      readonly table: Reference;
      readonly source: Reference | Query;
      /** A subquery has one. */
      readonly alias?: Identifier;
      readonly on: Expression;
      /** Undefined for REMOVE DUPLICATES. */
      readonly clauses?: {
        /** `delete`, or the columns to set. */
        readonly matched: 'delete' | readonly { readonly column: Identifier; readonly value: Expression }[];
        readonly columns: readonly Identifier[];
        readonly values: readonly (Expression | 'default')[];
      };
    }
  | { readonly kind: 'begin'; readonly readOnly: boolean }
  | { readonly kind: 'commit' }
  | { readonly kind: 'rollback' }
  | {
      readonly kind: 'update';
      readonly table: Reference;
      readonly alias?: Identifier;
      readonly set: readonly { readonly column: Identifier; readonly value: Expression | 'default' }[];
      readonly from?: FromItem;
      readonly where?: Expression;
    }
  | {
      readonly kind: 'delete';
      readonly table: Reference;
      readonly alias?: Identifier;
      readonly using?: FromItem;
      readonly where?: Expression;
    }
  | { readonly kind: 'lock'; readonly tables: readonly Reference[] }
  | { readonly kind: 'create-user' | 'alter-user'; readonly user: Identifier; readonly password: string }
  | {
      readonly kind: 'alter-user-setting';
      readonly user: Identifier;
      readonly setting: Extract<StatementNode, { kind: 'set' }>;
    }
  | { readonly kind: 'drop-user'; readonly user: Identifier; readonly ifExists: boolean }
  | {
      readonly kind: 'grant';
      readonly revoke: boolean;
      readonly privileges: readonly string[];
      readonly onType: 'database' | 'schema' | 'table' | 'all-tables';
      readonly on: readonly Reference[];
      readonly to: readonly Identifier[];
    }
  | { readonly kind: 'create-schema'; readonly schema: Identifier; readonly ifNotExists: boolean }
  | {
      readonly kind: 'create-external-schema';
      readonly schema: Identifier;
      readonly roleArn: string;
      readonly ifNotExists: boolean;
    }
  | { readonly kind: 'drop-schema'; readonly schema: Identifier; readonly ifExists: boolean; readonly cascade: boolean }
  | {
      readonly kind: 'create-table';
      readonly table: Reference;
      readonly temp: boolean;
      readonly ifNotExists: boolean;
      readonly columns: readonly ColumnDefinition[];
      readonly keys: readonly TableKey[];
      readonly attributes: TableAttributes;
    }
  | {
      readonly kind: 'create-table-like';
      readonly table: Reference;
      readonly temp: boolean;
      readonly ifNotExists: boolean;
      readonly like: Reference;
      readonly includingDefaults: boolean;
    }
  | {
      readonly kind: 'create-table-as';
      readonly table: Reference;
      readonly temp: boolean;
      readonly columns: readonly Identifier[];
      readonly attributes: TableAttributes;
      readonly query: Query;
    }
  | {
      readonly kind: 'drop';
      readonly what: 'table' | 'view' | 'materialized view';
      readonly names: readonly Reference[];
      readonly ifExists: boolean;
      readonly cascade: boolean;
    }
  | { readonly kind: 'add-column'; readonly table: Reference; readonly column: ColumnDefinition }
  | { readonly kind: 'alter-table'; readonly table: Reference; readonly action: AlterAction }
  | { readonly kind: 'alter-view'; readonly view: Reference; readonly autoRefresh: boolean }
  | {
      readonly kind: 'alter-database';
      readonly database: Identifier;
      readonly isolation: 'snapshot' | 'serializable';
    }
  | { readonly kind: 'truncate'; readonly table: Reference }
  | {
      readonly kind: 'create-view';
      readonly view: Reference;
      readonly orReplace: boolean;
      readonly columns: readonly Identifier[];
      readonly query: Query;
      readonly queryAt: number;
      readonly queryEnd: number;
      /** WITH NO SCHEMA BINDING. */
      readonly late: boolean;
    }
  | {
      readonly kind: 'create-materialized-view';
      readonly view: Reference;
      readonly attributes: TableAttributes;
      readonly query: Query;
      readonly queryAt: number;
    }
  | { readonly kind: 'refresh'; readonly view: Reference; readonly cascade: boolean }
  | {
      readonly kind: 'copy';
      readonly table: Reference;
      readonly columns: readonly Identifier[];
      readonly from: string;
      readonly options: Options;
    }
  | {
      readonly kind: 'unload';
      readonly query: string;
      readonly queryAt: number;
      readonly to: string;
      readonly options: Options;
    }
  | {
      readonly kind: 'set';
      readonly name: string;
      /** Undefined for DEFAULT. */
      readonly values?: readonly string[];
      readonly nameAt: number;
      readonly valueAt: number;
    }
  | { readonly kind: 'show'; readonly name: string }
  | {
      readonly kind: 'show-objects';
      readonly what: 'databases' | 'schemas' | 'tables' | 'columns' | 'view';
      readonly in: Reference;
      readonly like?: string;
      readonly limit?: number;
    }
  | { readonly kind: 'explain'; readonly statement: StatementNode }
  | {
      readonly kind: 'comment';
      readonly relation: Reference;
      readonly column?: Identifier;
      /** Undefined removes the comment. */
      readonly text?: string;
    }
  | {
      readonly kind: 'maintain';
      readonly verb: 'analyze' | 'vacuum';
      readonly table?: Reference;
      readonly columns: readonly Identifier[];
    }
);
