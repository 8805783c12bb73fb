import { JsonScanner, type JsonTokens } from '../../lambda/load/json-scanner';
import { type ForgetKeys, markOf } from '../../lambda/shared/forget-keys';
import type { Column } from '../../pipelines/definition';
import { subjectTexts } from './subject-texts';

/** Values that are remembered, so that a person's many records take one digest. */
const remembered = 100_000;

/** Knows whether a subject is one of those that are searched. */
export interface Known {
  has(column: string, value: string): boolean;
}

/** Knows which subjects are marked. */
export class Marked implements Known {
  private known = new Map<string, boolean>();

  constructor(
    private readonly keys: ForgetKeys,
    private readonly marks: ReadonlySet<string>,
  ) {}

  has(column: string, value: string): boolean {
    const subject = `${column}=${value}`;
    const before = this.known.get(subject);
    if (before !== undefined) return before;
    if (this.known.size >= remembered) this.known = new Map();
    const found = this.marks.has(markOf(this.keys, column, value));
    this.known.set(subject, found);
    return found;
  }
}

/** Collects the values at some paths of an object, as they are written. An attribute that comes twice has several. */
class ValuesAtPaths implements JsonTokens {
  /** By path, the values found. */
  readonly values: string[][];
  /** The name at each level. Undefined in an array. */
  private readonly names: (string | undefined)[] = [];

  constructor(private readonly paths: readonly (readonly string[])[]) {
    this.values = paths.map(() => []);
  }

  clear(): void {
    this.names.length = 0;
    for (const list of this.values) list.length = 0;
  }

  opened(): void {
    this.names.push(undefined);
  }

  closed(): void {
    this.names.pop();
  }

  name(token: string): void {
    const name = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
    this.names[this.names.length - 1] = name;
  }

  value(token: string): void {
    for (const [index, path] of this.paths.entries()) if (this.isAt(path)) this.values[index]!.push(token);
  }

  private isAt(path: readonly string[]): boolean {
    if (path.length !== this.names.length) return false;
    for (let level = path.length - 1; level >= 0; level -= 1) if (path[level] !== this.names[level]) return false;
    return true;
  }
}

/** The scanner's texts have one character for each byte. */
const latin1 = (text: string) => Buffer.from(text).toString('latin1');
const utf8 = (text: string) => Buffer.from(text, 'latin1').toString('utf8');

/** Finds out whether a JSON text is of a marked subject. */
export class SubjectFinder {
  private readonly found: ValuesAtPaths;
  private readonly scanner: JsonScanner;

  /** @param root the path at which a text holds its payload. @default - the text is the payload */
  constructor(
    private readonly columns: readonly Column[],
    private readonly known: Known,
    root: readonly string[] = [],
  ) {
    this.found = new ValuesAtPaths(columns.map(({ path }) => [...root, ...path].map(latin1)));
    this.scanner = new JsonScanner(this.found);
  }

  /**
   * True if a value at a subject's path has a mark. Where an attribute comes twice, each of its values counts. A text that
   * is not JSON is of nobody: nothing in it can be told for certain.
   */
  isForgotten(bytes: Buffer): boolean {
    this.found.clear();
    this.scanner.reset();
    // A line break between tokens is white space, which the scanner knows only as such.
    const text = bytes.toString('latin1').replaceAll('\n', ' ');
    const end = this.scanner.scan(text, 0);
    if (typeof end === 'string') return false;
    return this.columns.some((column, index) => {
      const tokens = this.found.values[index]!;
      const given = tokens.length === 0 ? [undefined] : tokens.map(utf8);
      return given.some((token) => subjectTexts(column, token).some((text) => this.known.has(column.name, text)));
    });
  }
}
