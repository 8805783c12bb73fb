/** A place in a text, end exclusive. */
export type Span = readonly [start: number, end: number];

const value = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/y;
const blanks = /\s*/y;

/**
 * Finds values in the JSON of an object by their paths. The text around them stays as it is, so that no digit of a long
 * number is lost.
 * @returns a span for each path, undefined where the object has no value there
 */
export function spansOf(json: string, paths: readonly (readonly string[])[]): (Span | undefined)[] {
  const wanted = new Map(paths.map((path) => [JSON.stringify(path), path]));
  const found = new Map<string, Span>();
  const walk = new Walk(json, (path, span) => {
    const key = JSON.stringify(path);
    if (wanted.has(key)) found.set(key, span);
  });
  walk.value([]);
  return paths.map((path) => found.get(JSON.stringify(path)));
}

class Walk {
  private at = 0;

  constructor(
    private readonly json: string,
    private readonly onValue: (path: readonly string[], span: Span) => void,
  ) {}

  /** @param path undefined inside an array, whose elements have none */
  value(path: readonly string[] | undefined): void {
    const [token, start] = this.next();
    if (token === '{') this.members(path);
    else if (token === '[') this.elements();
    if (path !== undefined) this.onValue(path, [start, this.at]);
  }

  private members(path: readonly string[] | undefined): void {
    for (let [token] = this.next(); token !== '}' && token !== ''; [token] = this.next()) {
      if (token === ',') continue;
      this.next();
      this.value(path && [...path, JSON.parse(token) as string]);
    }
  }

  private elements(): void {
    for (;;) {
      const before = this.at;
      const [token] = this.next();
      if (token === ']' || token === '') return;
      if (token === ',') continue;
      this.at = before;
      this.value(undefined);
    }
  }

  private next(): [token: string, start: number] {
    blanks.lastIndex = this.at;
    blanks.test(this.json);
    const start = blanks.lastIndex;
    value.lastIndex = start;
    const [token] = value.exec(this.json) ?? [''];
    this.at = start + token.length;
    return [token, start];
  }
}
