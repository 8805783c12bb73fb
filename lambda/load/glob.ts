/**
 * Units of a compiled glob: a UTF-16 code of text, or a wildcard.
 * - `segment`: characters other than a slash, or none
 * - `any`: any characters, or none
 * - `folders`: nothing, or the characters of `inside`, which end in a slash
 */
const wildcard = { segment: -1, any: -2, folders: -3, inside: -4 } as const;
const slash = 0x2f;

/**
 * Tests keys against a glob: `*` matches a path segment or a part of one, `**` any depth, `**` with a slash also no
 * segment at all. The key is read once, and each unit is visited at most once per character, so the time is bounded by
 * the product of both lengths. A regular expression would try the combinations of wildcards one by one.
 */
export function globMatcher(glob: string): (key: string) => boolean {
  const star = glob.indexOf('*');
  if (star < 0) return (key) => key === glob;
  const start = glob.slice(0, star);
  const matcher = new Matcher(unitsOf(glob.slice(star)));
  return (key) => key.startsWith(start) && matcher.matches(key, start.length);
}

function unitsOf(glob: string): Int32Array {
  const units = [...glob.matchAll(/\*\*\/|\*\*|\*|[^*]+/g)].flatMap(([part]) => {
    if (part === '**/') return [wildcard.folders, wildcard.inside];
    if (part === '**') return [wildcard.any];
    if (part === '*') return [wildcard.segment];
    return Array.from({ length: part.length }, (_, index) => part.charCodeAt(index));
  });
  return Int32Array.from(units);
}

/** Follows all matches of one glob at once. A state n means that the units before n matched what was read so far. */
class Matcher {
  #states: Int32Array;
  #next: Int32Array;
  #count = 0;
  /** The step in which a state was last added, so that it is added once. */
  readonly #addedIn: Int32Array;
  #step = 0;

  constructor(private readonly units: Int32Array) {
    this.#states = new Int32Array(units.length + 1);
    this.#next = new Int32Array(units.length + 1);
    this.#addedIn = new Int32Array(units.length + 1);
  }

  matches(key: string, from: number): boolean {
    this.#begin();
    this.#reach(0);
    let count = this.#end();
    for (let at = from; at < key.length && count > 0; at++) {
      this.#begin();
      const code = key.charCodeAt(at);
      for (let index = 0; index < count; index++) this.#advance(this.#states[index]!, code);
      count = this.#end();
    }
    return count > 0 && this.#addedIn[this.units.length] === this.#step;
  }

  #begin(): void {
    if (this.#step === 0x7fffffff) {
      this.#addedIn.fill(0);
      this.#step = 0;
    }
    this.#step++;
    this.#count = 0;
  }

  #end(): number {
    [this.#states, this.#next] = [this.#next, this.#states];
    return this.#count;
  }

  #advance(state: number, code: number): void {
    const unit = this.units[state];
    if (unit === undefined) return;
    if (unit === code) this.#reach(state + 1);
    else if (unit === wildcard.any || (unit === wildcard.segment && code !== slash)) this.#reach(state);
    else if (unit === wildcard.inside) {
      this.#reach(state);
      if (code === slash) this.#reach(state + 1);
    }
  }

  /** Adds a state, and the states behind wildcards that match nothing. */
  #reach(state: number): void {
    if (this.#addedIn[state] === this.#step) return;
    this.#addedIn[state] = this.#step;
    this.#next[this.#count++] = state;
    const unit = this.units[state];
    if (unit === wildcard.any || unit === wildcard.segment) this.#reach(state + 1);
    if (unit === wildcard.folders) {
      this.#reach(state + 1);
      this.#reach(state + 2);
    }
  }
}
