import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { passwordMatches, saltBytes } from '../engine/passwords';
import { ScramExchange, type ScramVerifier, scramMechanism, scramVerifier } from '../engine/scram';
import { WireError } from './errors';
import { authentication, int32, MessageReader } from './messages';

/** What a user must prove to know: a password in clear text, or what the catalog stores of one. */
export type Proof =
  | { readonly kind: 'clear'; readonly password: string }
  | { readonly kind: 'stored'; readonly stored: string; readonly scram?: ScramVerifier };

/** The two sides of an exchange before the first query. */
export interface Exchange {
  send(...messages: readonly Buffer[]): void;
  /** The client's next message of one of the types. @throws WireError when it is another one */
  receive(...types: readonly string[]): Promise<Buffer>;
}

const digestMechanism = 13;
const digestAlgorithm = 0;

export const wrongPassword = (user: string) =>
  new WireError('28P01', `password authentication failed for user "${user}"`, true);

/** Key of made-up salts, so that an unknown user looks like a known one for as long as the server runs. */
const decoyKey = randomBytes(32);

/**
 * Lets the client prove that it knows the password of the user. A client of Redshift's own does it with a digest of what
 * the catalog stores, other clients with SCRAM-SHA-256, or with MD5 if the catalog stores that. Where neither is possible
 * the client sends the password itself, which does not leave this machine.
 * @param proof undefined for a user that does not exist; then every password is wrong
 * @throws WireError
 */
export async function authenticate(
  exchange: Exchange,
  user: string,
  proof: Proof | undefined,
  speaksDigest: boolean,
): Promise<void> {
  const known = proof ?? decoy(user);
  const right = await proven(exchange, user, known, speaksDigest);
  if (!right || !proof) throw wrongPassword(user);
}

function decoy(user: string): Proof {
  const made = createHmac('sha256', decoyKey).update(user).digest();
  return {
    kind: 'stored',
    stored: `sha256|${made.toString('hex')}|${made.subarray(0, 16).toString('hex')}`,
    scram: scramVerifier(made.toString('hex'), made.subarray(16, 32)),
  };
}

function proven(exchange: Exchange, user: string, proof: Proof, speaksDigest: boolean): Promise<boolean> {
  if (proof.kind === 'clear') {
    if (!speaksDigest) return scram(exchange, scramVerifier(proof.password));
    const salt = randomBytes(16).toString('hex');
    return digest(exchange, sha256(Buffer.from(proof.password), saltBytes(salt)).toString('hex'), salt);
  }
  if (proof.stored.startsWith('md5')) return md5(exchange, proof.stored);
  const [, hash = '', salt = ''] = proof.stored.split('|');
  if (speaksDigest) return digest(exchange, hash, salt);
  return proof.scram ? scram(exchange, proof.scram) : clear(exchange, user, proof.stored);
}

const sha256 = (...parts: readonly Buffer[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const same = (one: Buffer, other: Buffer) => one.length === other.length && timingSafeEqual(one, other);

/** The digest of Redshift's own clients: SHA-256 of the stored digest and of a number from each side. */
async function digest(exchange: Exchange, hash: string, salt: string): Promise<boolean> {
  const nonce = randomBytes(32);
  const bytes = saltBytes(salt);
  exchange.send(
    authentication(digestMechanism, int32(digestAlgorithm), int32(bytes.length), bytes, int32(nonce.length), nonce),
  );
  const reader = new MessageReader(await exchange.receive('d'));
  const given = reader.bytes(reader.int32());
  const theirs = reader.bytes(reader.int32());
  return same(given, sha256(Buffer.from(hash, 'hex'), nonce, theirs));
}

async function md5(exchange: Exchange, stored: string): Promise<boolean> {
  const salt = randomBytes(4);
  exchange.send(authentication(5, salt));
  const given = new MessageReader(await exchange.receive('p')).text();
  const hash = createHash('md5').update(stored.toLowerCase().slice('md5'.length)).update(salt).digest('hex');
  return same(Buffer.from(given), Buffer.from(`md5${hash}`));
}

async function clear(exchange: Exchange, user: string, stored: string): Promise<boolean> {
  exchange.send(authentication(3));
  return passwordMatches(stored, user, new MessageReader(await exchange.receive('p')).text());
}

async function scram(exchange: Exchange, verifier: ScramVerifier): Promise<boolean> {
  exchange.send(authentication(10, Buffer.from(`${scramMechanism}\0\0`)));
  const reader = new MessageReader(await exchange.receive('p'));
  const mechanism = reader.text();
  if (mechanism !== scramMechanism)
    throw new WireError('28000', `authentication mechanism ${JSON.stringify(mechanism)} was not offered`, true);
  const side = new ScramExchange(verifier);
  const first = side.first(reader.bytes(reader.int32()).toString('utf8'));
  if (first === undefined) throw new WireError('08P01', 'malformed SCRAM message', true);
  exchange.send(authentication(11, Buffer.from(first)));
  const last = side.last((await exchange.receive('p')).toString('utf8'));
  if (last === undefined) return false;
  exchange.send(authentication(12, Buffer.from(last)));
  return true;
}
