import { createHash, createHmac } from 'node:crypto';
import { asJson, asRecord, asText } from '../shared/parse';

/**
 * A password in Redshift's notation `sha256|<digest>|<salt>`, both in hexadecimal (Redshift developer guide, CREATE USER), so that no statement text
 * holds the password itself. The digest is over the password and then the salt's 256 bits, like the answer of Redshift's JDBC driver to the server's
 * challenge. The salt is derived from password and request, so that a repeated submission is the same statement.
 */
export function passwordDigest(password: string, requestId: string): string {
  const salt = createHmac('sha256', password).update(requestId).digest();
  const digest = createHash('sha256').update(password).update(salt).digest('hex');
  return `sha256|${digest}|${salt.toString('hex')}`;
}

/** The user name in a secret. */
export const userOf = (secret: string) =>
  asText(asRecord(asJson(secret, 'owner secret'), 'owner secret').username, 'owner secret: username');

/** The password in a secret. Redshift and the Data API use JSON with `username` and `password`. */
export const passwordOf = (secret: string) =>
  asText(asRecord(asJson(secret, 'owner secret'), 'owner secret').password, 'owner secret: password');
