const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Most levels of nesting. SUPER allows 1,000, and an archive line nests the payload one level deeper. */
const maxLevels = 500;

/**
 * Returns the JSON text in the bytes if every parser reads it alike; otherwise undefined. COPY, JSON_PARSE and
 * JavaScript disagree about repeated attributes, deep nesting, numbers beyond a double, halves of surrogate pairs,
 * U+0000, and escapes in names.
 */
export function plainJson(bytes: Buffer): string | undefined {
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    return isPlain(text, value) ? text : undefined;
  } catch {
    return undefined;
  }
}

function isPlain(text: string, value: unknown): boolean {
  // A parsed `null` leaves nothing to keep.
  if (value === null) return false;
  const written = membersOfText(text);
  return written !== undefined && written === membersOfValue(value);
}

/** Counts the members of all objects in a text, by colons. Undefined if a name has an escape or nesting is too deep. */
function membersOfText(text: string): number | undefined {
  let members = 0;
  let levels = 0;
  let escaped = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '"':
        escaped = false;
        for (at += 1; text[at] !== '"'; at += 1) {
          if (text[at] !== '\\') continue;
          escaped = true;
          at += 1;
        }
        break;
      case ':':
        if (escaped) return undefined;
        members += 1;
        break;
      case '{':
      case '[':
        levels += 1;
        if (levels > maxLevels) return undefined;
        break;
      case '}':
      case ']':
        levels -= 1;
        break;
    }
  }
  return members;
}

const oddCharacter = /[\0\p{Surrogate}]/u;

/**
 * Counts the members of all objects in a value; a repeated attribute counts once. Undefined if a string or number is
 * not plain.
 */
function membersOfValue(value: unknown): number | undefined {
  let members = 0;
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next === 'string' && oddCharacter.test(next)) return undefined;
    if (typeof next === 'number' && !Number.isFinite(next)) return undefined;
    if (typeof next !== 'object' || next === null) continue;
    if (!Array.isArray(next)) {
      const names = Object.keys(next);
      if (names.some((name) => oddCharacter.test(name))) return undefined;
      members += names.length;
    }
    // Spreading many elements would pass too many arguments.
    for (const item of Object.values(next)) rest.push(item);
  }
  return members;
}
