import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type ScramVerifier, scramVerifier } from './scram';

/** Returns the bytes of a salt. Redshift decodes a salt of hexadecimal digits. */
export const saltBytes = (salt: string) =>
  /^([0-9a-f]{2})+$/i.test(salt) ? Buffer.from(salt, 'hex') : Buffer.from(salt, 'utf8');

const digest = (password: string, salt: string) =>
  createHash('sha256').update(password).update(saltBytes(salt)).digest('hex');

/** Says whether CREATE USER was given a digest instead of the password. */
export const isDigest = (password: string): boolean =>
  /^sha256\|[0-9a-f]{64}\|[^|]+$/i.test(password) || /^md5[0-9a-f]{32}$/i.test(password);

/**
 * Returns what the catalog stores of a password. It accepts any notation of CREATE USER: clear text,
 * `sha256|<password>`, `sha256|<digest>|<salt>` or `md5<digest of password and user name>`.
 */
export function storedPassword(password: string): string {
  if (isDigest(password)) return password;
  const clear = password.startsWith('sha256|') ? password.slice('sha256|'.length) : password;
  const salt = randomBytes(16).toString('hex');
  return `sha256|${digest(clear, salt)}|${salt}`;
}

/** What the catalog keeps so that a client need not send the password; nothing if the password itself is not known. */
export function scramOf(password: string): ScramVerifier | undefined {
  if (isDigest(password)) return undefined;
  return scramVerifier(password.startsWith('sha256|') ? password.slice('sha256|'.length) : password);
}

export function passwordMatches(stored: string, user: string, password: string): boolean {
  if (stored.startsWith('md5')) {
    const expected = `md5${createHash('md5')
      .update(password + user)
      .digest('hex')}`;
    return same(stored.toLowerCase(), expected);
  }
  const [, expected = '', salt = ''] = stored.split('|');
  return same(expected.toLowerCase(), digest(password, salt));
}

const same = (one: string, other: string) =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
