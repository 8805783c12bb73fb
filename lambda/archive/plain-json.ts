const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Far below the 1,000 of SUPER, so that the line around it makes no difference. */
const maxLevels = 500;

/**
 * The text of bytes that are JSON to every parser alike; undefined for any other. COPY, JSON_PARSE and JavaScript differ about attributes that are there twice, deep
 * nesting, numbers beyond a double, halves of surrogate pairs, U+0000, and escapes in names.
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
  const written = membersOf(text);
  return written !== undefined && written === countMembers(value);
}

/** Members of all objects as they are written, each with its colon; undefined where a name has an escape or there are too many levels. */
function membersOf(text: string): number | undefined {
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

/** Members of all objects in a value; undefined where a text or a number is odd. An attribute that was there twice counts once. */
function countMembers(value: unknown): number | undefined {
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
    // A spread of many elements would take too many arguments.
    for (const item of Object.values(next)) rest.push(item);
  }
  return members;
}
