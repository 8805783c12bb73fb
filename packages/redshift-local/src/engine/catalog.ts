import { settings } from '../sql/settings';
import type {
  Catalog,
  ColumnInfo,
  Isolation,
  Name,
  RedshiftType,
  Relation,
  StoredKeys,
  TableColumn,
} from '../statement';
import { literal } from './database';
import { WarehouseError } from './errors';
import { QueryHistory, withHistory } from './query-history';
import type { ScramVerifier } from './scram';
import { temporaryName } from './system-parts';
import { systemSchema, systemViews } from './system-views';

/** Entries of the catalog by kind. Each entry is one row of `millrace_system.objects`, keyed by `<kind>/<name>`. */
export interface Entries {
  schema: SchemaEntry;
  relation: RelationEntry;
  user: UserEntry;
  grant: GrantEntry;
  /** Last sequence number read from each shard of a streaming view. */
  positions: Readonly<Record<string, string>>;
  /** A counter that grows with each change of a relation's rows. It outlives the relation. */
  version: { readonly value: number };
  /** A submission that is committed, but whose end may not be recorded elsewhere yet. */
  done: { readonly tag: string };
  /** The database, under its name. */
  database: { readonly isolation: Isolation };
}
export type EntryKind = keyof Entries;

/**
 * True for the key of a version. Transactions that run side by side count the same version, so its rows are only added,
 * and the largest value counts.
 */
export const isVersion = (key: string): boolean => key.startsWith('version/');

export interface SchemaEntry {
  readonly name: string;
  readonly owner: string;
  /** Role of an external schema FROM KINESIS. */
  readonly streamRoleArn?: string;
}
export interface UserEntry {
  readonly name: string;
  readonly id: number;
  /** The stored password, `sha256|<digest>|<salt>` as in Redshift. */
  readonly password: string;
  /** For clients that do not send the password. Absent if the password was given as a digest. */
  readonly scram?: ScramVerifier;
  readonly superuser: boolean;
  /** Whether the user's sessions begin with enable_case_sensitive_identifier. @default - as the warehouse says */
  readonly caseSensitive?: boolean;
}
export interface GrantEntry {
  readonly grantee: string;
  readonly privilege: string;
  readonly type: 'database' | 'schema' | 'table';
  readonly object: string;
  readonly grantor: string;
}
export interface RelationEntry {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'view' | 'materialized-view';
  readonly owner: string;
  readonly columns: readonly (ColumnInfo & Partial<TableColumn>)[];
  /** A view's statement as written. */
  readonly text?: string;
  /** Relations that the definition names. */
  readonly reads?: readonly Name[];
  /** DuckDB SELECT of a materialized or a bound view. */
  readonly query?: string;
  readonly autoRefresh?: boolean;
  /** A late-binding view's query as written. */
  readonly lateQuery?: string;
  /** Why a materialized view can no longer be refreshed: a state of SVV_MV_INFO. */
  readonly broken?: BrokenState;
  /** True for a materialized view that calls a function whose value changes over time. */
  readonly mutable?: boolean;
  /** Why a refresh recomputes the view. Absent if Redshift maintains the view incrementally. */
  readonly recomputeReason?: string;
  /** Versions of the base relations at the last refresh, by `schema.name`. */
  readonly seen?: Readonly<Record<string, number>>;
  readonly stream?: {
    readonly externalSchema: string;
    readonly name: string;
    readonly lastRefreshMs: number;
    /** True if the view has groups. Its records are then kept in a hidden table. */
    readonly grouped?: boolean;
  };
  readonly keys?: StoredKeys;
  readonly comment?: string;
  readonly columnComments?: Readonly<Record<string, string>>;
}

/** Values of SVV_MV_INFO.state: a dropped column, a changed type, a renamed table, a renamed column. */
export type BrokenState = 101 | 102 | 103 | 104;

export const qualified = (name: Name): string => `${name.schema ?? 'public'}.${name.name}`;

/**
 * The catalog as of one commit, or a transaction's draft of it. A draft records its changes, so that they can be
 * written with the data they belong to.
 */
export class CatalogState {
  readonly changed = new Set<string>();
  /** Temporary tables of the session. They are never written. */
  readonly temporary = new Map<string, RelationEntry>();

  constructor(private readonly entries: Map<string, unknown> = new Map()) {}

  draft(): CatalogState {
    return new CatalogState(new Map(this.entries));
  }

  /**
   * Returns this state with the changes of a draft. The draft may be of an earlier state. Versions are counters, so their
   * growth is added.
   * @param base state from which the draft was made
   */
  with(draft: CatalogState, base: CatalogState): CatalogState {
    const entries = new Map(this.entries);
    for (const key of draft.changed) {
      const value = draft.raw(key);
      if (isVersion(key)) entries.set(key, { value: this.count(key) + draft.count(key) - base.count(key) });
      else if (value === undefined) entries.delete(key);
      else entries.set(key, value);
    }
    return new CatalogState(entries);
  }

  private count(key: string): number {
    return (this.entries.get(key) as Entries['version'] | undefined)?.value ?? 0;
  }

  get<K extends EntryKind>(kind: K, name: string): Entries[K] | undefined {
    return this.entries.get(`${kind}/${name}`) as Entries[K] | undefined;
  }

  put<K extends EntryKind>(kind: K, name: string, entry: Entries[K]): void {
    this.entries.set(`${kind}/${name}`, entry);
    this.changed.add(`${kind}/${name}`);
  }

  remove(kind: EntryKind, name: string): void {
    this.entries.delete(`${kind}/${name}`);
    this.changed.add(`${kind}/${name}`);
  }

  all<K extends EntryKind>(kind: K): Entries[K][] {
    const prefix = `${kind}/`;
    return [...this.entries].filter(([key]) => key.startsWith(prefix)).map(([, entry]) => entry as Entries[K]);
  }

  raw(key: string): unknown {
    return this.entries.get(key);
  }

  relation(name: Name): RelationEntry | undefined {
    return this.get('relation', qualified(name));
  }

  version(relation: string): number {
    return this.get('version', relation)?.value ?? 0;
  }

  bump(relation: string): void {
    this.put('version', relation, { value: this.version(relation) + 1 });
  }

  /**
   * True if a base relation of the materialized view has changed since the last refresh, directly or through another
   * view.
   */
  isStale(view: RelationEntry): boolean {
    if (view.mutable) return true;
    for (const [base, seen] of Object.entries(view.seen ?? {})) {
      if (this.version(base) !== seen) return true;
      const entry = this.get('relation', base);
      if (entry?.kind === 'materialized-view' && this.isStale(entry)) return true;
    }
    return false;
  }
}

/** The catalog as the front end sees it. It records what was looked up, for the check of privileges. */
export class SessionCatalog implements Catalog {
  /** `schema.name` of each relation, once for each time that it was looked up. */
  readonly found: string[] = [];
  readonly externals = new Set<string>();
  /** True if a system view was looked up. */
  foundSystemView = false;

  constructor(
    public state: CatalogState,
    /** The cluster's setting, until the session changes it. */
    public caseSensitiveIdentifiers: boolean,
    readonly database: string,
    private readonly history: QueryHistory = new QueryHistory(),
    /** Returns the last committed state, if the session reads an earlier one. */
    private readonly later: () => CatalogState | undefined = () => undefined,
  ) {}

  maxSqlBytes?: number;

  /** True if a test has chosen values whose type fails. */
  raising = false;

  /** Settings that the session has changed. */
  readonly settings = new Map<string, string>();

  forget(): void {
    this.found.length = 0;
    this.externals.clear();
    this.foundSystemView = false;
  }

  setting(name: string): string | undefined {
    if (name === 'enable_case_sensitive_identifier') return this.caseSensitiveIdentifiers ? 'on' : 'off';
    return this.settings.get(name) ?? settings[name]?.standard;
  }

  /** Schemas of the search path. A schema for the user alone (`$user`) is not modelled. */
  get searchPath(): readonly string[] {
    const names = this.setting('search_path')!.split(',');
    return names.map((name) => name.trim()).filter((name) => name !== '' && name !== '$user');
  }

  get defaultSchema(): string | undefined {
    return this.searchPath.find((name) => this.state.get('schema', name) !== undefined) ?? this.searchPath[0];
  }

  find(schema: string | undefined, name: string): Relation | undefined {
    if (schema === undefined || schema === temporarySchema || schema === temporaryName) {
      const temporary = this.state.temporary.get(name);
      if (temporary) return { schema: temporarySchema, name, kind: 'temp-table', columns: temporary.columns };
    }
    const isOwn = schema === undefined || schema === 'pg_catalog' || schema === systemSchema;
    if (isOwn && name === 'pg_settings') return this.settingsView();
    const view = systemViews.get(isOwn ? name : `${schema}.${name}`);
    if (view && (isOwn || schema === 'information_schema')) {
      this.foundSystemView = true;
      const query = view.inline && withHistory(view.query!, () => this.history);
      return { schema: isOwn ? systemSchema : schema, name, kind: 'system-view', columns: view.columns, query };
    }
    const schemas = schema === undefined ? this.searchPath : [schema];
    const entry = schemas.map((each) => this.state.relation({ schema: each, name })).find((each) => each);
    if (!entry) {
      const later = this.later();
      if (schemas.some((each) => later?.relation({ schema: each, name }))) throw new WarehouseError(notInSnapshot);
      return undefined;
    }
    this.found.push(qualified(entry));
    const { columns, kind, lateQuery } = entry;
    return { schema: entry.schema, name: entry.name, kind, columns, lateQuery };
  }

  /** All late-binding views. */
  lateViews(): readonly Relation[] {
    return this.state
      .all('relation')
      .filter(({ kind, lateQuery }) => kind === 'view' && lateQuery !== undefined)
      .map(({ schema, name, columns, lateQuery }) => ({ schema, name, kind: 'view', columns, lateQuery }));
  }

  /** PG_SETTINGS: the settings of the session. */
  private settingsView(): Relation {
    const rows = Object.keys(settings).map((name) => `(${literal(name)}, ${literal(this.setting(name))})`);
    const type: RedshiftType = { name: 'varchar', length: 256 };
    this.foundSystemView = true;
    return {
      schema: systemSchema,
      name: 'pg_settings',
      kind: 'system-view',
      columns: [
        { name: 'name', type },
        { name: 'setting', type },
      ],
      query: `select * from (values ${rows.join(', ')}) as s(name, setting)`,
    };
  }

  externalSchema(schema: string): { readonly roleArn: string } | undefined {
    const roleArn = this.state.get('schema', schema)?.streamRoleArn;
    if (roleArn === undefined) return undefined;
    this.externals.add(schema);
    return { roleArn };
  }
}

/**
 * A relation that another transaction created after this one took its snapshot
 * (https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html).
 */
export const notInSnapshot = '1018 DETAIL: Relation does not exist';

/** DuckDB's schema for temporary tables. */
export const temporarySchema = 'temp';

/** Returns a type as `svv_columns.data_type` spells it. */
export const dataType = (type: RedshiftType): string => {
  switch (type.name) {
    case 'varchar':
      return 'character varying';
    case 'char':
      return 'character';
    case 'decimal':
      return 'numeric';
    case 'varbyte':
      return 'binary varying';
    case 'time':
      return 'time without time zone';
    case 'timestamp':
      return 'timestamp without time zone';
    case 'timestamptz':
      return 'timestamp with time zone';
    default:
      return type.name;
  }
};
