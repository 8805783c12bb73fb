import { createHash } from 'node:crypto';
import { significant, tokenize } from './tokens';

/**
 * A definition in normal form: equal forms mean equal definitions. Comments are dropped, white space is collapsed,
 * names and keywords are folded as Redshift folds them. Literals and delimited names stay as written.
 */
export function normalizeDefinition(sql: string): string {
  return significant(tokenize(sql))
    .map((token) => (token.kind === 'word' ? token.value : token.text))
    .join(' ')
    .replace(/( ;)+$/, '');
}

/** 8 hexadecimal characters of a hash over the normalized definition: the version in a physical name. */
export function hashDefinition(sql: string): string {
  return shortHash(normalizeDefinition(sql));
}

/** 8 hexadecimal characters of a hash over the text, unchanged. */
export const shortHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8);
