/** Redshift's limit for a name, in bytes. */
export const maxIdentifierBytes = 127;

/** A delimited identifier. Throws on an empty or over-long name and on NUL, which no identifier can hold. */
export function quoteIdentifier(name: string): string {
  if (name === '') throw new Error('an identifier cannot be empty');
  if (name.includes('\0')) throw new Error(`an identifier cannot hold a NUL character, got ${JSON.stringify(name)}`);
  if (Buffer.byteLength(name) > maxIdentifierBytes)
    throw new Error(`an identifier has at most ${maxIdentifierBytes} bytes, got ${JSON.stringify(name)}`);
  return `"${name.replaceAll('"', '""')}"`;
}

/** A name as a person would write it: bare where Redshift takes it bare, delimited otherwise. */
export function identifier(name: string): string {
  return isPlainName(name) && !reservedWords.has(name) ? name : quoteIdentifier(name);
}

/** Lower-case letters, digits and underscores, not starting with a digit. */
export function isPlainName(name: string): boolean {
  return /^[a-z_][a-z0-9_]*$/.test(name) && name.length <= maxIdentifierBytes;
}

/** Source: "Reserved words" in the Redshift database developer guide. */
export const reservedWords: ReadonlySet<string> = new Set(
  `aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary
  blanksasnull both bytedict bzip2 case cast check collate column connect constraint create credentials cross
  current_date current_time current_timestamp current_user current_user_id default deferrable deflate defrag delta
  delta32k desc disable distinct do else emptyasnull enable encode encrypt encryption end except explicit false for
  foreign freeze from full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially
  inner intersect interval into is isnull join leading left like limit localtime localtimestamp lun luns lzo lzop
  minus mostly16 mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open or order
  outer overlaps parallel partition percent permissions pivot placing primary qualify raw readratio recover references
  rejectlog resort respect restore right select session_user similar snapshot some sysdate system table tag tdes
  text255 text32k then timestamp to top trailing true truncatecolumns type union unique unnest unpivot user using
  verbose wallet when where with without`.split(/\s+/),
);
