import { literal } from '../typescript';

/** A property of an object literal: its name and where its value is. */
interface Property {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

interface ObjectText {
  readonly properties: readonly Property[];
  /** Where its closing brace is. */
  readonly close: number;
}

const readersModule = '../read';
const readers = { views: 'readViews', exports: 'readExports', endpoints: 'readEndpoints' } as const;
export type QueryKind = keyof typeof readers;

/**
 * Makes a `pipeline.ts` read the files of a kind, with the options of a new one.
 * @param options of the entry `name`. Undefined adds no entry
 * @returns the new text, which may be the same. Undefined if the file says it in a way that only a person can change
 */
export function withQuery(text: string, kind: QueryKind, name: string, options?: object): string | undefined {
  const begin = /export const pipeline\b[^={]*=\s*/.exec(text);
  if (!begin) return undefined;
  const pipeline = readObject(text, begin.index + begin[0].length);
  if (!pipeline) return undefined;
  const property = pipeline.properties.find((each) => each.name === kind);
  if (property === undefined) {
    const last = pipeline.properties.at(-1)!;
    const line = `${kind}: ${callOf(kind, name, options)},`;
    return imported(insertAfter(text, last.end, pipeline.close, line, 2), kind);
  }
  const value = text.slice(property.start, property.end);
  if (/^\[\s*\]$/.test(value))
    return imported(text.slice(0, property.start) + callOf(kind, name, options) + text.slice(property.end), kind);
  const call = new RegExp(`^${readers[kind]}\\(\\s*__dirname\\s*,?\\s*`).exec(value);
  if (!call) return undefined;
  if (options === undefined) return text;
  const at = property.start + call[0].length;
  if (text[at] === ')') return `${text.slice(0, property.start)}${callOf(kind, name, options)}${text.slice(at + 1)}`;
  const entries = readObject(text, at);
  if (!entries) return undefined;
  const entry = `${name}: ${literal(options, 4, 6 + name.length)},`;
  const last = entries.properties.at(-1);
  if (last === undefined) return `${text.slice(0, at)}{\n    ${entry}\n  }${text.slice(entries.close + 1)}`;
  return insertAfter(text, last.end, entries.close, entry, 4);
}

function callOf(kind: QueryKind, name: string, options: object | undefined): string {
  const entry = options === undefined ? '' : `, {\n    ${name}: ${literal(options, 4, 6 + name.length)},\n  }`;
  return `${readers[kind]}(__dirname${entry})`;
}

/** Inserts a line after the value that ends at `end`, before the brace at `close`. */
function insertAfter(text: string, end: number, close: number, line: string, indent: number): string {
  const rest = text.slice(end, close);
  const comma = /^\s*,/.exec(rest)?.[0] ?? '';
  const between = rest.slice(comma.length).trimEnd();
  const outer = ' '.repeat(indent - 2);
  return `${text.slice(0, end)},${between}\n${' '.repeat(indent)}${line}\n${outer}${text.slice(close)}`;
}

/** Adds the reader to the imports. */
function imported(text: string, kind: QueryKind): string {
  const name = readers[kind];
  const found = /import \{([^}]*)\} from '\.\.\/read';/.exec(text);
  if (found) {
    const names = found[1]!
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '');
    if (names.includes(name)) return text;
    return text.replace(found[0], `import { ${[...names, name].sort().join(', ')} } from ${literal(readersModule)};`);
  }
  const imports = [...text.matchAll(/^import [^;]*;\n/gm)];
  const last = imports.at(-1);
  const at = last === undefined ? 0 : last.index + last[0].length;
  return `${text.slice(0, at)}import { ${name} } from ${literal(readersModule)};\n${text.slice(at)}`;
}

/** Reads the properties of the object literal that begins at a brace. */
function readObject(text: string, open: number): ObjectText | undefined {
  if (text[open] !== '{') return undefined;
  const properties: Property[] = [];
  let at = open + 1;
  for (;;) {
    at = skipBlank(text, at);
    if (text[at] === '}') return { properties, close: at };
    if (text[at] === ',') {
      at += 1;
      continue;
    }
    const key = /^(?:([\w$]+)|'([^'\n]*)'|"([^"\n]*)")\s*:/.exec(text.slice(at, at + 300));
    const start = key ? skipBlank(text, at + key[0].length) : at;
    const end = endOfValue(text, start);
    if (end === undefined) return undefined;
    // A spread or a shorthand has no name of its own here.
    properties.push({ name: key ? (key[1] ?? key[2] ?? key[3] ?? '') : '', start, end });
    at = end;
  }
}

/** The end of a value: a comma or a closing bracket that is not inside of it. */
function endOfValue(text: string, start: number): number | undefined {
  let depth = 0;
  let last = start;
  for (let at = start; at < text.length; ) {
    const next = skipBlank(text, at);
    if (next > at) {
      at = next;
      continue;
    }
    const sign = text[at]!;
    if (depth === 0 && (sign === ',' || sign === '}' || sign === ']' || sign === ')')) return last;
    if (sign === "'" || sign === '"' || sign === '`') {
      const end = endOfString(text, at);
      if (end === undefined) return undefined;
      at = end;
    } else {
      if ('([{'.includes(sign)) depth += 1;
      if (')]}'.includes(sign)) depth -= 1;
      at += 1;
    }
    last = at;
  }
  return undefined;
}

function endOfString(text: string, start: number): number | undefined {
  const sign = text[start]!;
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === sign) return at + 1;
  }
  return undefined;
}

/** Skips white space and comments. */
function skipBlank(text: string, start: number): number {
  const blank = /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
  blank.lastIndex = start;
  return start + (blank.exec(text)?.[0].length ?? 0);
}
