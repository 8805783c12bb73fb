/** A part of a pattern: `any` matches any characters or none, `one` matches one character. */
export type WildcardUnit = 'any' | 'one' | { readonly text: string };

/**
 * Makes a test of values against a pattern. It only ever goes back to the last `any`, so its time is bounded by the
 * product of both lengths. A regular expression would try the combinations of all wildcards.
 */
export function wildcardMatcher(pattern: readonly WildcardUnit[], ignoreCase = false): (value: string) => boolean {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const units = pattern.map((unit) => (typeof unit === 'object' ? { text: fold(unit.text) } : unit));
  return (value) => matches(units, fold(value));
}

function matches(units: readonly WildcardUnit[], value: string): boolean {
  let unit = 0;
  let at = 0;
  let lastAny: { readonly unit: number; at: number } | undefined;
  for (;;) {
    if (unit === units.length && at === value.length) return true;
    const wanted = units[unit];
    if (wanted === 'any') {
      if (unit === units.length - 1) return true;
      lastAny = { unit, at };
      unit++;
      continue;
    }
    const width = wanted === undefined ? undefined : widthOf(wanted, value, at);
    if (width !== undefined) {
      unit++;
      at += width;
      continue;
    }
    if (lastAny === undefined || lastAny.at >= value.length) return false;
    lastAny.at += characterWidth(value, lastAny.at);
    at = lastAny.at;
    unit = lastAny.unit + 1;
  }
}

/** How many code units match at this position. Undefined if the unit does not match. */
function widthOf(unit: Exclude<WildcardUnit, 'any'>, value: string, at: number): number | undefined {
  if (unit === 'one') return at < value.length ? characterWidth(value, at) : undefined;
  return value.startsWith(unit.text, at) ? unit.text.length : undefined;
}

const characterWidth = (value: string, at: number): number => (value.codePointAt(at)! > 0xffff ? 2 : 1);
