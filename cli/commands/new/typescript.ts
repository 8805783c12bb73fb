/** Writes values as TypeScript, laid out as the formatter of this repository does. */

const width = 120;

/** TypeScript that is written without quotes: a call, a name. */
export class Code {
  constructor(readonly text: string) {}
}

/** A comment above an element or a property. */
export class Commented {
  constructor(
    readonly comments: readonly string[],
    readonly value: unknown,
  ) {}
}

/**
 * @param indent blanks before the line on which the value begins
 * @param before characters on that line before the value
 * @param after characters that follow the value
 */
export function literal(value: unknown, indent = 0, before = indent, after = 1): string {
  const flat = isBroken(value) ? undefined : inline(value);
  if (flat !== undefined && before + flat.length + after <= width) return flat;
  return broken(value, indent) ?? flat ?? inline(value);
}

function inline(value: unknown): string {
  if (value instanceof Code) return value.text;
  if (value instanceof Commented) return inline(value.value);
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const members = properties(value).map(([name, member]) => `${key(name)}: ${inline(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

function broken(value: unknown, indent: number): string | undefined {
  const inner = ' '.repeat(indent + 2);
  const lines = (comments: readonly string[]) => comments.map((text) => `${inner}// ${comment(text)}\n`).join('');
  const element = (each: unknown, prefix: string) => {
    const [comments, member] = each instanceof Commented ? [each.comments, each.value] : [[], each];
    return `${lines(comments)}${inner}${prefix}${literal(member, indent + 2, indent + 2 + prefix.length)},\n`;
  };
  if (Array.isArray(value) && value.length > 0)
    return `[\n${value.map((each) => element(each, '')).join('')}${' '.repeat(indent)}]`;
  if (typeof value !== 'object' || value === null || value instanceof Code || properties(value).length === 0)
    return undefined;
  const members = properties(value).map(([name, member]) => element(member, `${key(name)}: `));
  return `{\n${members.join('')}${' '.repeat(indent)}}`;
}

/** The formatter breaks a list of several objects, and whatever has comments. */
function isBroken(value: unknown): boolean {
  if (value instanceof Code) return false;
  if (value instanceof Commented) return value.comments.length > 0 || isBroken(value.value);
  if (Array.isArray(value)) {
    const isLong = (each: unknown) =>
      Array.isArray(each) ? each.length > 1 : typeof each === 'object' && each !== null && properties(each).length > 1;
    const alike = value.every(Array.isArray) || value.every((each) => !Array.isArray(each));
    return (value.length > 1 && alike && value.every(isLong)) || value.some(isBroken);
  }
  if (typeof value !== 'object' || value === null) return false;
  return properties(value).some(([, member]) => isBroken(member));
}

const properties = (value: object) => Object.entries(value).filter(([, member]) => member !== undefined);
const key = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name));

/** A string literal in single quotes, or in double ones if it has fewer of these. */
export function quoted(text: string): string {
  const count = (sign: string) => text.split(sign).length - 1;
  const sign = count("'") > count('"') ? '"' : "'";
  const body = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll(sign, `\\${sign}`);
  return `${sign}${body.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}${sign}`;
}

/** Text from a person's data inside of a comment: one line, and no end of a comment. */
export const comment = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters would break the line
  text.replace(/[\u0000-\u001f\u007f\u2028\u2029]/g, ' ').replaceAll('*/', '* /');
