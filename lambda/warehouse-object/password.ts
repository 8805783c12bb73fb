import { createHash, createHmac } from 'node:crypto';
import { asJson, asRecord, asText } from '../shared/parse';

/**
 * A password in Redshift's notation `sha256|<digest>|<salt>`, both in hexadecimal, so that no statement text holds the password itself
 * (Redshift developer guide, CREATE USER). The digest is over the password and then the salt's 256 bits, as Redshift's JDBC driver answers the
 * server's challenge. The salt follows from password and request: a repeated submission is the very same statement.
 */
export function passwordDigest(password: string, requestId: string): string {
  const salt = createHmac('sha256', password).update(requestId).digest();
  const digest = createHash('sha256').update(password).update(salt).digest('hex');
  return `sha256|${digest}|${salt.toString('hex')}`;
}

/** The name of the user in such a secret. */
export const userOf = (secret: string) =>
  asText(asRecord(asJson(secret, 'owner secret'), 'owner secret').username, 'owner secret: username');

/** The password in a secret of the shape that Redshift and the Data API use: JSON with `username` and `password`. */
export const passwordOf = (secret: string) =>
  asText(asRecord(asJson(secret, 'owner secret'), 'owner secret').password, 'owner secret: password');
