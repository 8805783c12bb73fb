import { createHash } from 'node:crypto';
import type { Catalog, Parameters, Relation, Statement } from '../statement';

/** One answer of the catalog that a translation used. */
interface Read {
  readonly of: (catalog: Catalog) => unknown;
  readonly answer: unknown;
}

interface Kept {
  readonly parameters: string;
  readonly reads: readonly Read[];
  readonly statement: Statement;
}

/** Most translations of one statement that are kept: those for different catalogs or parameters. */
const mostKept = 4;

/**
 * Keeps the translations of one statement. A translation depends on the statement, its parameters and the catalog's
 * answers. A kept one is used only if the catalog is asked the same again and gives the same answers, so changes of any
 * kind are seen: of the session, of its transaction, and those that others have committed.
 */
export class Memo {
  private readonly kept: Kept[] = [];

  translate(catalog: Catalog, parameters: Parameters, translate: (catalog: Catalog) => Statement): Statement {
    // The translation tells these parameters which types they have.
    if (Object.values(parameters).some((value) => typeof value !== 'string' && value.infer)) return translate(catalog);
    const given = JSON.stringify(parameters);
    const found = this.kept.find((kept) => kept.parameters === given && isSame(kept.reads, catalog));
    if (found) return found.statement;
    const reads: Read[] = [];
    catalog.forget?.();
    const statement = translate(new RecordedCatalog(catalog, reads));
    if (reads.some(({ answer }) => holdsQuery(answer))) return statement;
    this.kept.unshift({ parameters: given, reads, statement });
    this.kept.length = Math.min(this.kept.length, mostKept);
    return statement;
  }
}

/** Asks the catalog every question again, in the same order, because the catalog notes which relations are found. */
function isSame(reads: readonly Read[], catalog: Catalog): boolean {
  catalog.forget?.();
  return reads.every(({ of, answer }) => isEqual(of(catalog), answer));
}

/** Passes every question on to the catalog, and records it with its answer. */
class RecordedCatalog implements Catalog {
  constructor(
    private readonly catalog: Catalog,
    private readonly reads: Read[],
  ) {}

  find(schema: string | undefined, name: string): Relation | undefined {
    return this.recorded((catalog) => catalog.find(schema, name));
  }

  externalSchema(schema: string) {
    return this.recorded((catalog) => catalog.externalSchema(schema));
  }

  lateViews(): readonly Relation[] {
    return this.recorded((catalog) => catalog.lateViews?.() ?? []);
  }

  setting(name: string): string | undefined {
    return this.recorded((catalog) => catalog.setting?.(name));
  }

  get caseSensitiveIdentifiers(): boolean {
    return this.recorded((catalog) => catalog.caseSensitiveIdentifiers);
  }

  get database(): string | undefined {
    return this.recorded((catalog) => catalog.database);
  }

  get defaultSchema(): string | undefined {
    return this.recorded((catalog) => catalog.defaultSchema);
  }

  get maxSqlBytes(): number | undefined {
    return this.recorded((catalog) => catalog.maxSqlBytes);
  }

  get raising(): boolean | undefined {
    return this.recorded((catalog) => catalog.raising);
  }

  private recorded<T>(of: (catalog: Catalog) => T): T {
    const answer = of(this.catalog);
    this.reads.push({ of, answer });
    return answer;
  }
}

/** The texts of lists of columns. A relation keeps its list until its definition changes. */
const columnTexts = new WeakMap<object, string>();

function textOf(columns: object): string {
  const text = columnTexts.get(columns) ?? JSON.stringify(columns);
  columnTexts.set(columns, text);
  return text;
}

/** Two answers are equal if all their parts are. */
function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!isObject(one) || !isObject(other)) return false;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => {
    const [left, right] = [one[name], other[name]];
    if (left !== right && name === 'columns' && isObject(left) && isObject(right))
      return textOf(left) === textOf(right);
    return isEqual(left, right);
  });
}

/** A system view of the past statements holds their texts: they are long, and others at the next read. */
const holdsQuery = (answer: unknown): boolean => isObject(answer) && answer['query'] !== undefined;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Most characters of the texts whose statements are kept parsed. A parsed text takes some thirty times its length. */
const mostCharacters = 2 ** 20;
/** The same for texts that were used once. Most of those hold the id of a run and are never used again. */
const mostUsedOnce = 2 ** 17;
/** Most texts that are remembered by their hash, to recognize the second use of one that is no longer kept. */
const mostSeen = 4096;

/** Keeps what was made of the texts that were used last, and longer of those that were used twice. */
export class TextCache<T> {
  private readonly used = new Latest<T>(mostCharacters);
  private readonly usedOnce = new Latest<T>(mostUsedOnce);
  private readonly seen = new Set<string>();

  /** @param make its errors are passed on, and nothing is kept then */
  get(text: string, make: (text: string) => T): T {
    const known = this.used.take(text) ?? this.usedOnce.take(text);
    const made = known ?? make(text);
    const isAgain = known !== undefined || this.isSeen(text);
    (isAgain ? this.used : this.usedOnce).put(text, made);
    return made;
  }

  /** Returns whether the text was used before, and remembers it. */
  private isSeen(text: string): boolean {
    const hash = createHash('sha1').update(text).digest('base64');
    const found = this.seen.delete(hash);
    this.seen.add(hash);
    const [oldest] = this.seen;
    if (this.seen.size > mostSeen) this.seen.delete(oldest!);
    return found;
  }
}

/** What was made of the texts that were put last. */
class Latest<T> {
  private readonly made = new Map<string, T>();
  private characters = 0;

  constructor(private readonly most: number) {}

  take(text: string): T | undefined {
    const found = this.made.get(text);
    if (this.made.delete(text)) this.characters -= text.length;
    return found;
  }

  put(text: string, made: T): void {
    this.made.set(text, made);
    this.characters += text.length;
    for (const oldest of this.made.keys()) {
      if (this.characters <= this.most) break;
      this.made.delete(oldest);
      this.characters -= oldest.length;
    }
  }
}
