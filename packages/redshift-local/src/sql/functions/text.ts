import { ownFunction } from '../../own-functions';
import { reservedWords } from '../../reserved-words';
import { failure, failureWith } from '../failure';
import { bounded, maxTextBytes } from '../resolve/cast';
import { letting, quoteLiteral, type Value } from '../resolve/value';
import { describe, integer, isText, type Type, varchar } from '../types';
import { type Call, type FunctionEntry, maxText } from './call';

const sameLength = (emit: (text: string) => string): FunctionEntry => ({
  arguments: [1, 1],
  emit: (call) => ({ sql: emit(call.text(0).sql), type: varchar(call.text(0).length) }),
});

/** The result has the argument's type: a CHAR stays a CHAR, as the pages of UPPER, LOWER and LTRIM say. */
const sameType = (emit: (text: string) => string): FunctionEntry => ({
  arguments: [1, 1],
  emit: (call) => ({ sql: emit(call.text(0).sql), type: call.typed(0).type }),
});

/**
 * Characters whose upper case is unclear, because Redshift does not document which of Unicode's mappings it follows.
 * For these characters the full mapping gives several characters and the simple mapping one or none, or Unicode added
 * them after 2012.
 */
const unclearUpper =
  '[\u10d0-\u10ff\u13f8-\u13fd\uab53\uab70-\uabbf\u00df\u0149\u01f0\u0390\u03b0\u0587\u1e96-\u1e9a\u1f50-\u1f56\u1f80-\u1faf\u1fb2-\u1fb7\u1fbc\u1fc2-\u1fc7\u1fcc\u1fd2-\u1fd7\u1fe2-\u1fe7\u1ff2-\u1ff7\u1ffc\ufb00-\ufb17]';
/**
 * Characters whose lower case is unclear. They include a sigma at the end of a word, where its small letter differs.
 */
const unclearLower = '[\u0130\u13a0-\u13f5\u1c90-\u1cbf]|\u03a3(?:[^\\p{L}]|$)';

/**
 * Refuses texts with such a character, and texts that grow, because they may exceed the length of the type. ASCII texts
 * skip this check.
 */
function certain(name: string, unclear: string, text: string, emit: (text: string) => string): string {
  return letting('t', text, (t) => {
    const refused = failureWith(`${name} of this text is not supported by the local warehouse`, t);
    const doubtful = `(regexp_matches(${t}, ${quoteLiteral(unclear)}) or strlen(${emit(t)}) > strlen(${t}))`;
    return `case when strlen(${t}) <> length(${t}) and ${doubtful} then ${refused} else ${emit(t)} end`;
  });
}

const capitalized = (text: string) =>
  `array_to_string(list_transform(regexp_extract_all(lower(${text}), '[\\p{L}\\p{M}\\p{N}]+|[^\\p{L}\\p{M}\\p{N}]+'), lambda w: upper(w[1]) || w[2:]), '')`;

const characters: FunctionEntry = {
  arguments: [1, 1],
  emit: (call) => ({ sql: `cast(length(${call.text(0).sql}) as integer)`, type: integer }),
};

const trimmed = (side: '' | 'l' | 'r'): FunctionEntry => ({
  arguments: [1, 2],
  emit: (call) => {
    const set = call.count === 2 ? call.text(1).sql : "' '";
    const type = side === '' ? varchar(call.text(0).length) : call.typed(0).type;
    return { sql: `${side}trim(${call.text(0).sql}, ${set})`, type };
  },
});

const trim: FunctionEntry = {
  arguments: [1, 2],
  emit: (call) => {
    const side = call.node.keyword === 'leading' ? 'l' : call.node.keyword === 'trailing' ? 'r' : '';
    return { ...trimmed(side).emit(call), type: varchar(call.text(0).length) };
  },
};

/** SUBSTRING of bytes: positions count bytes. */
function substringOfBytes(call: Call, { sql, type }: Value): { sql: string; type: Type } {
  const start = call.literalInteger(1, 1);
  const end = call.count === 2 ? 2 ** 31 - 1 : start + call.literalInteger(2, 0) - 1;
  return { sql: `array_slice(${sql}, ${start}, ${end})`, type };
}

/**
 * Positions before the first character count, as in the SQL standard; DuckDB would count them from the end. NULL in any
 * argument gives NULL.
 * https://docs.aws.amazon.com/redshift/latest/dg/r_SUBSTRING.html
 */
const substring: FunctionEntry = {
  arguments: [2, 3],
  emit: (call) => {
    const value = call.typed(0);
    if (value.type.name === 'varbyte') return substringOfBytes(call, value);
    const { sql, length } = call.text(0);
    const start = call.repeated(call.position(1));
    const atLeast = (least: number, number: string) =>
      `case when ${number} < ${least} then ${least} else ${number} end`;
    if (call.count === 2) return { sql: `substring(${sql}, ${atLeast(1, start)})`, type: varchar(length) };
    const size = call.repeated(call.position(2));
    // Literals are common, and each CASE takes time to plan.
    if ([start, size].every((number) => /^\d{1,6}$/.test(number))) {
      const [first, end] = [Math.max(1, Number(start)), Number(start) + Number(size)];
      return { sql: `substring(${sql}, ${first}, ${Math.max(0, end - first)})`, type: varchar(length) };
    }
    const taken = atLeast(0, `(cast(${start} as bigint) + ${size} - (${atLeast(1, start)}))`);
    const negative = `when ${size} < 0 then ${failure('negative substring length not allowed')}`;
    return {
      sql: `substring(${sql}, ${atLeast(1, start)}, case ${negative} else ${taken} end)`,
      type: varchar(length),
    };
  },
};

const side = (name: 'left' | 'right'): FunctionEntry => ({
  arguments: [2, 2],
  emit: (call) => ({
    sql: `${name}(${call.text(0).sql}, ${call.literalInteger(1, 0)})`,
    type: varchar(call.text(0).length),
  }),
});

function concatenated(call: Call): { sql: string; type: ReturnType<typeof varchar> } {
  const length = call.text(0).length + call.text(1).length;
  const sql = call.repeated(`(${call.text(0).sql} || ${call.text(1).sql})`);
  return { sql: length > maxTextBytes ? bounded(sql) : sql, type: varchar(length) };
}

/** Refuses an empty text, whose meaning is undocumented. */
function notEmpty(call: Call, i: number, what: string, emit: (text: string) => string): string {
  const { constant } = call.value(i);
  if (constant === '') throw call.unsupported(`function ${call.name} ${what}`);
  const text = call.repeated(call.text(i).sql);
  if (typeof constant === 'string') return emit(text);
  return `case when ${text} = '' then ${failure(`function ${call.name} ${what} is not supported by the local warehouse`)} else ${emit(text)} end`;
}

const strpos = (haystack: number, needle: number): FunctionEntry => ({
  arguments: [2, 2],
  emit: (call) => {
    const found = (text: string) => `cast(strpos(${call.text(haystack).sql}, ${text}) as integer)`;
    return { sql: notEmpty(call, needle, 'with an empty text to look for', found), type: integer };
  },
});

const padded = (name: 'lpad' | 'rpad'): FunctionEntry => ({
  arguments: [2, 3],
  emit: (call) => {
    const fill = call.count === 3 ? call.literal(2) : ' ';
    if (fill === '') throw call.unsupported(`function ${call.name} with an empty fill`);
    // A negative length gives an empty text (https://docs.aws.amazon.com/redshift/latest/dg/r_LPAD.html).
    const size = Math.max(0, call.literalInteger(1, -2_147_483_648));
    const sql = call.repeated(`${name}(${call.text(0).sql}, ${size}, ${quoteLiteral(fill)})`);
    return { sql: size > maxTextBytes / 4 ? bounded(sql) : sql, type: maxText };
  },
});

/** Hashes text or bytes. */
function hashed(call: Call, digest: string, length: number) {
  const value = call.typed(0);
  if (!isText(value.type) && value.type.name !== 'varbyte') throw call.wrongType(0);
  return { sql: `${digest}(${value.sql})`, type: varchar(length) };
}

const repeated: FunctionEntry = {
  arguments: [2, 2],
  emit: (call) => {
    const text = call.repeated(`cast(${call.text(0).sql} as varchar)`);
    const times = call.literalInteger(1, 0);
    const tooLong = failure(`value too long for type ${describe(maxText)}`);
    return {
      sql: `case when strlen(${text}) * ${times} > 65535 then ${tooLong} else repeat(${text}, ${times}) end`,
      type: maxText,
    };
  },
};

export const textFunctions: Readonly<Record<string, FunctionEntry>> = {
  lower: sameType((text) => certain('LOWER', unclearLower, text, (t) => `lower(${t})`)),
  upper: sameType((text) => certain('UPPER', unclearUpper, text, (t) => `upper(${t})`)),
  // DuckDB's reverse() is not used, because it keeps characters and their accents together.
  reverse: sameLength((text) => `array_to_string(list_reverse(regexp_extract_all(${text}, '(?s).')), '')`),
  len: characters,
  length: characters,
  char_length: characters,
  character_length: characters,
  textlen: characters,
  octet_length: {
    arguments: [1, 1],
    emit: (call) => {
      const value = call.typed(0);
      if (isText(value.type)) return { sql: `cast(strlen(${value.sql}) as integer)`, type: integer };
      if (value.type.name === 'varbyte') return { sql: `cast(octet_length(${value.sql}) as integer)`, type: integer };
      throw call.wrongType(0);
    },
  },
  trim,
  btrim: trimmed(''),
  ltrim: trimmed('l'),
  rtrim: trimmed('r'),
  substring,
  substr: substring,
  left: side('left'),
  right: side('right'),
  replace: {
    arguments: [3, 3],
    emit: (call) => {
      const replaced = (old: string) => `replace(${call.text(0).sql}, ${old}, ${call.text(2).sql})`;
      return { sql: bounded(call.repeated(notEmpty(call, 1, 'of an empty text', replaced))), type: maxText };
    },
  },
  split_part: {
    arguments: [3, 3],
    emit: (call) => {
      if (call.literal(1) === '') throw call.unsupported('function SPLIT_PART with an empty delimiter');
      return {
        sql: `split_part(${call.text(0).sql}, ${call.text(1).sql}, ${call.literalInteger(2, 1)})`,
        type: varchar(call.text(0).length),
      };
    },
  },
  strpos: strpos(0, 1),
  position: strpos(1, 0),
  charindex: strpos(1, 0),
  concat: { arguments: [2, 2], emit: concatenated },
  translate: {
    arguments: [3, 3],
    emit: (call) => ({
      sql: bounded(call.repeated(`translate(${call.text(0).sql}, ${call.text(1).sql}, ${call.text(2).sql})`)),
      type: maxText,
    }),
  },
  /** A word is a run of letters and digits (https://docs.aws.amazon.com/redshift/latest/dg/r_INITCAP.html). */
  initcap: sameLength((text) => certain('INITCAP', `${unclearLower}|${unclearUpper}`, text, capitalized)),
  ascii: { arguments: [1, 1], emit: (call) => ({ sql: `ascii(${call.text(0).sql})`, type: integer }) },
  lpad: padded('lpad'),
  rpad: padded('rpad'),
  repeat: repeated,
  replicate: repeated,
  /**
   * Only ASCII codes are supported. An invalid code gives NULL
   * (https://docs.aws.amazon.com/redshift/latest/dg/r_CHR.html), but the page does not say which codes are invalid.
   */
  chr: {
    arguments: [1, 1],
    emit: (call) => ({ sql: `chr(${call.literalInteger(0, 1, 127)})`, type: varchar(4) }),
  },
  md5: { arguments: [1, 1], emit: (call) => hashed(call, 'md5', 32) },
  sha1: { arguments: [1, 1], emit: (call) => hashed(call, 'sha1', 40) },
  /** https://docs.aws.amazon.com/redshift/latest/dg/r_QUOTE_IDENT.html */
  quote_ident: {
    arguments: [1, 1],
    emit: (call) => {
      const reserved = [...reservedWords].map(quoteLiteral).join(', ');
      const quoted = letting(
        'q',
        call.text(0).sql,
        (q) =>
          `case when regexp_full_match(${q}, '[a-z_][a-z0-9_]*') and not list_contains([${reserved}], ${q}) then ${q} else '"' || replace(${q}, '"', '""') || '"' end`,
      );
      return { sql: bounded(quoted), type: maxText };
    },
  },
  /** https://docs.aws.amazon.com/redshift/latest/dg/r_QUOTE_LITERAL.html */
  quote_literal: {
    arguments: [1, 1],
    emit: (call) => {
      const doubled = `replace(replace(${call.text(0).sql}, '''', ''''''), '\\', '\\\\')`;
      return { sql: bounded(`('''' || ${doubled} || '''')`), type: maxText };
    },
  },
  func_sha1: { arguments: [1, 1], emit: (call) => hashed(call, 'sha1', 40) },
  sha2: {
    arguments: [2, 2],
    emit: (call) => {
      const bits = call.constant(1) === '0' ? '256' : call.constant(1);
      if (!['224', '256', '384', '512'].includes(bits)) throw call.unsupported(`function SHA2 with ${bits} bits`);
      if (bits === '256') return hashed(call, 'sha256', 64);
      return { sql: ownFunction('sha', call.text(0).sql, quoteLiteral(bits)), type: varchar(Number(bits) / 4) };
    },
  },
};
