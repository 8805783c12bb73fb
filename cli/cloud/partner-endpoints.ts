import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Credentials, Outcome } from './partner-access';

/** API Gateway waits 30 s for the function. */
const longestMs = 35_000;

/** Statuses that only a caller gets who may ask: the function looks at parameters, and asks the warehouse, after that. */
const answered = [200, 304, 400, 413, 504];
/** 404: API Gateway has no route for partners, because none was granted an endpoint of the pipeline. */
const refused = [401, 403, 404];

/** Asks endpoints with the credentials of the partner's role. */
export class PartnerEndpoints {
  private readonly signer: SignatureV4;

  constructor(region: string, credentials: Credentials) {
    this.signer = new SignatureV4({ service: 'execute-api', region, credentials, sha256: Sha256 as never });
  }

  signed(address: string): Promise<Outcome> {
    return outcomeOf(address, this.headers(new URL(address)));
  }

  unsigned(address: string): Promise<Outcome> {
    return outcomeOf(address, {});
  }

  private async headers({ protocol, hostname, port, host, pathname, searchParams }: URL) {
    const { headers } = await this.signer.sign({
      method: 'GET',
      protocol,
      hostname,
      ...(port === '' ? {} : { port: Number(port) }),
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: { host },
    });
    const { host: _, ...others } = headers;
    return others;
  }
}

async function outcomeOf(
  address: string,
  headers: Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>,
): Promise<Outcome> {
  try {
    const answer = await fetch(address, { headers: await headers, signal: AbortSignal.timeout(longestMs) });
    await answer.body?.cancel();
    if (answered.includes(answer.status)) return { kind: 'allowed' };
    const message = `status ${answer.status}`;
    return { kind: refused.includes(answer.status) ? 'refused' : 'unclear', message };
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error };
    return { kind: 'unclear', message: cause?.message ?? message };
  }
}

/** Node's SHA-256 in the form that the SDK's signer takes. */
class Sha256 {
  private readonly hash;

  constructor(secret?: string | Uint8Array) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }

  update(data: string | Uint8Array): void {
    this.hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.hash.digest());
  }

  reset(): void {}
}
