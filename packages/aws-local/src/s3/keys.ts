import { createHash } from 'node:crypto';

/** Folder inside a bucket's folder for internal files. No key's own path leads into it. */
export const internalFolder = '.aws-local';

const longestName = 200;
const longestPath = 900;

/**
 * Path of a key's bytes below the bucket's folder. It is the key itself, as far as a file system allows.
 * Characters other than letters, digits, blank and `._=+@,()-` become %XX of their UTF-8 bytes. Empty and overlong
 * segments, `.` and `..` are made safe. Different keys have different paths.
 */
export function pathOfKey(key: string): string {
  const segments = key.split('/').map(encodeSegment);
  const path = segments.join('/');
  if (path.length > longestPath || segments.some((segment) => segment.length > longestName)) return hashedPath(key);
  return path;
}

/** Path of a key whose own path is taken: for example, `a` and `a/b` cannot both be files. */
export function hashedPath(key: string): string {
  return `${internalFolder}/keys/${createHash('sha256').update(key).digest('hex')}`;
}

function encodeSegment(segment: string): string {
  if (segment === '') return '%';
  const encoded = segment.replace(/[^A-Za-z0-9 ._=+@,()-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
  if (encoded === '.' || encoded === '..' || encoded.startsWith(internalFolder)) return encoded.replace('.', '%2E');
  return encoded.endsWith('.') || encoded.endsWith(' ') ? `${encoded}%` : encoded;
}
