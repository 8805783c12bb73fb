/**
 * Custom formats of times, in the tokens of TO_CHAR. Redshift's TO_TIMESTAMP raises on a text that does not fit, and it
 * has no variant that does not. So this module compiles a format to a pattern, and to SQL that rewrites a text in ISO
 * 8601 from its runs of digits.
 */

interface Token {
  readonly name: string;
  /** The token may have fewer digits than its width. */
  readonly loose: boolean;
}
type Part = Token | string;

/** Tokens of digits with their widths and patterns. */
const digits: Readonly<Record<string, { readonly width: number; readonly pattern: string }>> = {
  YYYY: { width: 4, pattern: '[0-9]{4}' },
  MM: { width: 2, pattern: '(0[1-9]|1[0-2])' },
  DD: { width: 2, pattern: '(0[1-9]|[12][0-9]|3[01])' },
  HH24: { width: 2, pattern: '([01][0-9]|2[0-3])' },
  HH12: { width: 2, pattern: '(0[1-9]|1[0-2])' },
  MI: { width: 2, pattern: '[0-5][0-9]' },
  SS: { width: 2, pattern: '[0-5][0-9]' },
  MS: { width: 3, pattern: '[0-9]{3}' },
  US: { width: 6, pattern: '[0-9]{6}' },
};
const loosePatterns: Readonly<Record<string, string>> = {
  MM: '(0?[1-9]|1[0-2])',
  DD: '(0?[1-9]|[12][0-9]|3[01])',
  HH24: '([01]?[0-9]|2[0-3])',
  HH12: '(0?[1-9]|1[0-2])',
  MI: '[0-5]?[0-9]',
  SS: '[0-5]?[0-9]',
};
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const anyCase = (word: string) =>
  [...word].map((letter) => `[${letter.toUpperCase()}${letter.toLowerCase()}]`).join('');
const wordPatterns: Readonly<Record<string, string>> = {
  Mon: `(${months.map(anyCase).join('|')})`,
  AM: '[AaPp][Mm]',
  OF: '([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)',
};
const names = [...Object.keys(digits), ...Object.keys(wordPatterns)];

/** The type that a format is for. */
export type FormatOf = 'date' | 'time' | 'timestamp';

/** Returns the rule that a format breaks, as the end of `the format must …`. Undefined if it is valid. */
export function formatProblem(format: string, of: FormatOf): string | undefined {
  const parts = parse(format);
  if (typeof parts === 'string') return parts;
  const tokens = parts.filter((part): part is Token => typeof part !== 'string');
  const has = (...any: string[]) => tokens.some(({ name }) => any.includes(name));
  const repeated = tokens.find(({ name }, index) => tokens.slice(0, index).some((other) => other.name === name));
  if (repeated) return `have ${repeated.name} only once`;
  if (of !== 'time' && !(has('YYYY') && has('MM', 'Mon') && has('DD'))) return 'have YYYY, MM or Mon, and DD';
  if (of === 'time' && has('YYYY', 'MM', 'Mon', 'DD', 'OF')) return 'have no parts of a day and no offset';
  if (of !== 'date' && !has('HH24', 'HH12')) return 'have HH24 or HH12';
  if (has('MI', 'SS', 'MS', 'US', 'OF') && !has('HH24', 'HH12')) return 'have HH24 or HH12';
  if (has('MM') && has('Mon')) return 'have either MM or Mon';
  if (has('HH24') && has('HH12')) return 'have either HH24 or HH12';
  if (has('MS') && has('US')) return 'have either MS or US';
  if (has('HH12') !== has('AM')) return 'have HH12 and AM together';
  if (has('OF') && tokens.at(-1)!.name !== 'OF') return 'have OF as its last token';
  if (has('Mon') && parts.some((part) => typeof part === 'string' && /[a-z]/i.test(part)))
    return 'have no other letters beside Mon';
  if (parts.some((part, i) => i > 0 && isWordToken(part) && isWordToken(parts[i - 1]!)))
    return 'have something between Mon, AM and OF';
  return looseProblem(parts);
}

const isWordToken = (part: Part) => typeof part !== 'string' && part.name in wordPatterns;

/** Finds a token of one or two digits next to other digits, which would be ambiguous. */
function looseProblem(parts: readonly Part[]): string | undefined {
  for (const run of runsOf(parts))
    if (run.length > 1 && run.some(({ loose }) => loose))
      return 'have FM only before a token that no other digits touch';
  return undefined;
}

function parse(format: string): Part[] | string {
  const parts: Part[] = [];
  let rest = format;
  while (rest !== '') {
    const quoted = /^"([^"]*)"/.exec(rest);
    const loose = rest.startsWith('FM');
    const name = names
      .filter((candidate) => rest.slice(loose ? 2 : 0).startsWith(candidate))
      .sort((one, other) => other.length - one.length)[0];
    if (quoted) {
      if (!/^[A-Za-z ,.:;/_()@#-]*$/.test(quoted[1]!)) return 'have nothing but letters and signs in double quotes';
      parts.push(quoted[1]!);
      rest = rest.slice(quoted[0].length);
    } else if (name !== undefined) {
      if (loose && loosePatterns[name] === undefined) return `have no FM before ${name}`;
      parts.push({ name, loose });
      rest = rest.slice((loose ? 2 : 0) + name.length);
    } else if (/^[ ,.:;/_()@#-]/.test(rest) || rest.startsWith('T')) {
      parts.push(rest[0]!);
      rest = rest.slice(1);
    } else return `be made of ${names.join(', ')}, T, signs, and words in double quotes`;
  }
  return parts.length === 0 ? 'not be empty' : parts;
}

/** Groups the tokens of digits: adjacent ones form one run. */
function runsOf(parts: readonly Part[]): Token[][] {
  const runs: Token[][] = [];
  let open = false;
  for (const part of parts) {
    const isDigits = typeof part !== 'string' && part.name in digits;
    if (!isDigits) open = false;
    else if (open) runs.at(-1)!.push(part as Token);
    else {
      runs.push([part as Token]);
      open = true;
    }
  }
  return runs;
}

export interface CompiledFormat {
  /** The pattern of a text in this format. */
  readonly pattern: string;
  /** SQL that rewrites such a text in ISO 8601 with a space in place of T, or as a time of day. */
  iso(text: string): string;
}

/** Compiles a valid format. */
export function compileFormat(format: string, of: FormatOf): CompiledFormat {
  const parts = parse(format);
  if (typeof parts === 'string') throw new Error(`format ${format} must ${parts}`);
  const has = (name: string) => parts.some((part) => typeof part !== 'string' && part.name === name);
  return {
    pattern: `^${parts.map(patternOf).join('')}$`,
    iso(text) {
      const piece = (name: string) => pieceOf(parts, name, text);
      const day = `${piece('YYYY')} || '-' || ${has('Mon') ? monthOf(text) : piece('MM')} || '-' || ${piece('DD')}`;
      const hour = has('HH12') ? hourOf(piece('HH12'), text) : piece('HH24');
      const minute = has('MI') ? piece('MI') : "'00'";
      const second = has('SS') ? piece('SS') : "'00'";
      const fraction = has('MS') ? ` || '.' || ${piece('MS')}` : has('US') ? ` || '.' || ${piece('US')}` : '';
      const clock =
        has('HH24') || has('HH12') ? `${hour} || ':' || ${minute} || ':' || ${second}${fraction}` : "'00:00:00'";
      if (of === 'time') return clock;
      return `${day} || ' ' || ${clock}${has('OF') ? ` || ${offsetAtEnd(parts, text)}` : ''}`;
    },
  };
}

function patternOf(part: Part): string {
  if (typeof part === 'string') return [...part].map((sign) => (/[.()]/.test(sign) ? `[${sign}]` : sign)).join('');
  return (part.loose ? loosePatterns[part.name] : digits[part.name]?.pattern) ?? wordPatterns[part.name]!;
}

function pieceOf(parts: readonly Part[], name: string, text: string): string {
  const runs = runsOf(parts);
  const index = runs.findIndex((run) => run.some((token) => token.name === name));
  if (index === -1) return "'00'";
  const run = `regexp_substr(${text}, '[0-9]+', 1, ${index + 1})`;
  const tokens = runs[index]!;
  if (tokens.length === 1) return tokens[0]!.loose ? `lpad(${run}, 2, '0')` : run;
  let from = 1;
  for (const token of tokens) {
    const { width } = digits[token.name]!;
    if (token.name === name) return `substring(${run}, ${from}, ${width})`;
    from += width;
  }
  throw new Error(`no ${name} in its run`);
}

/** SQL for the number of the month's name. No other word of three letters occurs in such a text. */
const monthOf = (text: string) =>
  `lpad(((strpos('${months.join('')}', regexp_substr(lower(${text}), '[a-z]{3}')) + 2) / 3)::varchar(2), 2, '0')`;

const hourOf = (hour: string, text: string) =>
  `lpad((try_cast(${hour} as int) % 12 + case when lower(${text}) ~ 'pm' then 12 else 0 end)::varchar(2), 2, '0')`;

/** SQL for the offset at the end of a text. Its digits follow those of the other tokens. */
function offsetAtEnd(parts: readonly Part[], text: string): string {
  const runs = runsOf(parts).length;
  const run = (index: number) => `coalesce(regexp_substr(${text}, '[0-9]+', 1, ${index}), '')`;
  return `case when right(${text}, 1) not in ('Z', 'z') then ${offsetOf(`case when strpos(${text}, '+') > 0 then '+' else '-' end`, `${run(runs + 1)} || ${run(runs + 2)}`)} else '' end`;
}

/** SQL for an offset such as `+01:00`, from a sign and the digits `01` or `0100`. */
export const offsetOf = (sign: string, digits: string) =>
  `${sign} || left(${digits}, 2) || ':' || rpad(substring(${digits}, 3), 2, '0')`;
