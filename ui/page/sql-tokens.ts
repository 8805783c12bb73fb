export interface SqlToken {
  readonly kind: 'word' | 'name' | 'text' | 'number' | 'comment' | 'other';
  readonly text: string;
  readonly at: number;
}

const words = new Set(
  'all alter and any as asc begin between by case cast column commit copy create cross current delete desc distinct drop else end except exists false from full grant group having in inner insert interval intersect into is join left like limit lock materialized not null offset on or order outer over partition refresh right rollback schema select set show similar table then to true truncate union unload update using values view when where with'.split(
    ' ',
  ),
);

const pattern =
  /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*'?)|("(?:[^"]|"")*"?)|(\d+(?:\.\d+)?)|([A-Za-z_][\w$]*)|(\s+|[^\s])/g;

/** Splits a statement for colouring. It never fails: an unfinished text or comment reaches to the end. */
export function tokens(sql: string): SqlToken[] {
  return [...sql.matchAll(pattern)].map((match) => {
    const [text, comment, literal, quoted, digits, word] = match;
    const kind =
      comment !== undefined
        ? 'comment'
        : literal !== undefined
          ? 'text'
          : quoted !== undefined
            ? 'name'
            : digits !== undefined
              ? 'number'
              : word !== undefined && words.has(word.toLowerCase())
                ? 'word'
                : 'other';
    return { kind, text, at: match.index };
  });
}
