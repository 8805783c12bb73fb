import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * What a server keeps of a password for SCRAM-SHA-256 (https://www.rfc-editor.org/rfc/rfc5802). All values but the count
 * are base64.
 */
export interface ScramVerifier {
  readonly salt: string;
  readonly iterations: number;
  readonly storedKey: string;
  readonly serverKey: string;
}

export const scramMechanism = 'SCRAM-SHA-256';
/** The count of PostgreSQL. */
const iterations = 4096;

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();

export function scramVerifier(password: string, salt = randomBytes(16)): ScramVerifier {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
  return {
    salt: salt.toString('base64'),
    iterations,
    storedKey: storedKey.toString('base64'),
    serverKey: hmac(salted, 'Server Key').toString('base64'),
  };
}

/** The server's side of one exchange. */
export class ScramExchange {
  private clientFirst = '';
  private serverFirst = '';
  private header = '';
  private nonce = '';

  constructor(
    private readonly verifier: ScramVerifier,
    private readonly ownNonce = randomBytes(18).toString('base64'),
  ) {}

  /** Answers the client's first message. Undefined if it is malformed, or asks for channel binding. */
  first(message: string): string | undefined {
    const found = /^([ny],(?:a=[^,]*)?,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(message);
    if (!found) return undefined;
    [, this.header, this.clientFirst] = found as unknown as [string, string, string];
    this.nonce = `${found[3]}${this.ownNonce}`;
    this.serverFirst = `r=${this.nonce},s=${this.verifier.salt},i=${this.verifier.iterations}`;
    return this.serverFirst;
  }

  /** Checks the client's last message. Returns the server's own proof, or undefined if the client's is wrong. */
  last(message: string): string | undefined {
    const found = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/=]+)$/.exec(message);
    if (!found) return undefined;
    const [, bare, binding, nonce, proof] = found as unknown as [string, string, string, string, string];
    if (binding !== Buffer.from(this.header).toString('base64') || nonce !== this.nonce) return undefined;
    const text = `${this.clientFirst},${this.serverFirst},${bare}`;
    const storedKey = Buffer.from(this.verifier.storedKey, 'base64');
    const signature = hmac(storedKey, text);
    const given = Buffer.from(proof, 'base64');
    if (given.length !== signature.length) return undefined;
    const clientKey = Buffer.from(given.map((byte, i) => byte ^ signature[i]!));
    if (!timingSafeEqual(createHash('sha256').update(clientKey).digest(), storedKey)) return undefined;
    return `v=${hmac(Buffer.from(this.verifier.serverKey, 'base64'), text).toString('base64')}`;
  }
}
