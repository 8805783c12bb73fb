import { again, type Parameters, type Statement, type Translate } from '../statement';
import type { SessionCatalog } from './catalog';

/** A statement and the names that its resolution looked up. */
export interface Planned {
  readonly statement: Statement;
  /** `schema.name` of the relations found, once for each time that one was looked up. */
  readonly found: readonly string[];
  readonly externals: readonly string[];
  /** True if the statement names a relation or a system view. */
  readonly relations: boolean;
}

/** The statements of a text. Each is resolved when it is requested, so that it sees what earlier ones created. */
export class StatementPlan {
  private readonly statements: Iterator<Statement, unknown, typeof again | undefined>;

  constructor(
    translate: Translate,
    sql: string,
    private readonly catalog: SessionCatalog,
    parameters: Parameters | undefined,
  ) {
    this.statements = translate(sql, catalog, parameters)[Symbol.iterator]();
  }

  /** Resolves the next statement. Returns undefined after the last. */
  next(): Planned | undefined {
    return this.resolve();
  }

  /** Resolves the last statement again, because the catalog has changed. */
  again(): Planned {
    return this.resolve(again)!;
  }

  private resolve(what?: typeof again): Planned | undefined {
    const { catalog } = this;
    catalog.forget();
    const next = this.statements.next(what);
    if (next.done) return undefined;
    const relations = catalog.found.length > 0 || catalog.foundSystemView;
    return { statement: next.value, found: [...catalog.found], externals: [...catalog.externals], relations };
  }
}
