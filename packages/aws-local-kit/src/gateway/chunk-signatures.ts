import { AwsError } from '../ports';
import { emptyHash, hmac, isSame, type Signature, sha256, signingKey } from './signature';

/**
 * Verifies the signatures of a body in signed chunks. Each signature covers the one before, so that chunks can be neither
 * changed, removed nor reordered.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
export class ChunkSignatures {
  readonly #key: Buffer;
  readonly #scope: string;
  readonly #date: string;
  #previous: string;

  constructor({ credential, date, signature }: Signature, secret: string) {
    const [, day, region, service] = credential.split('/');
    this.#key = signingKey(secret, `${day}/${region}/${service}`);
    this.#scope = `${day}/${region}/${service}/aws4_request`;
    this.#date = date;
    this.#previous = signature;
  }

  chunk(bytes: Buffer, signature: string | undefined): void {
    this.#verify('AWS4-HMAC-SHA256-PAYLOAD', `${emptyHash}\n${sha256(bytes)}`, signature, 'a chunk');
  }

  /** @param lines the trailing headers, each `name:value` and a line feed */
  trailer(lines: string, signature: string | undefined): void {
    this.#verify('AWS4-HMAC-SHA256-TRAILER', sha256(lines), signature, 'the trailing headers');
  }

  #verify(kind: string, hashes: string, signature: string | undefined, what: string): void {
    const text = `${kind}\n${this.#date}\n${this.#scope}\n${this.#previous}\n${hashes}`;
    const expected = hmac(this.#key, text).toString('hex');
    if (!isSame(expected, signature ?? ''))
      throw new AwsError('SignatureDoesNotMatch', `the signature of ${what} does not match`, 403);
    this.#previous = expected;
  }
}
