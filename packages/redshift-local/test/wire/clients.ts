import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';
import type { PromptPort } from '../../src/compose';
import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { startWarehouse, type TestWarehouse } from '../support/warehouse';

export const password = 'Owner1pw';

/** A warehouse with an open port for clients of PostgreSQL. */
export async function startPrompt(): Promise<{ local: TestWarehouse; port: PromptPort }> {
  const local = await startWarehouse(translate, ownerStatements);
  return { local, port: await local.warehouse.listen({ port: 0 }) };
}

/** A client that has logged in. */
export async function logIn(port: PromptPort, given: ClientConfig = {}): Promise<Client> {
  const client = new Client({
    host: port.host,
    port: port.port,
    database: port.database,
    user: 'millrace_owner',
    password,
    ...given,
  });
  // Errors of the connection reject the query that runs.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Values of a query's rows. */
export const valuesOf = async (client: Client, text: string, values?: unknown[]): Promise<unknown[][]> =>
  (await client.query({ text, values, rowMode: 'array' })).rows;

/** The error of a query, with its SQLSTATE and position. */
export async function errorOf(work: Promise<unknown>): Promise<{ code?: string; message: string; position?: string }> {
  const error: { code?: string; message: string; position?: string } = await work.then(
    () => Promise.reject(new Error('no error')),
    (rejected) => rejected,
  );
  return { code: error.code, message: error.message, position: error.position };
}

/** A message of the server: its type and its fields, as text of one character a byte. */
interface Received {
  readonly type: string;
  readonly body: string;
}

/** A connection of bytes, for what no well-behaved client sends. */
export class RawClient {
  private bytes = Buffer.alloc(0);
  private ended = false;
  private wake: () => void = () => undefined;
  /** Messages that were received and not forgotten. */
  readonly received: Received[] = [];

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.cut();
      this.wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      this.wake();
    });
  }

  static async open({ host, port }: PromptPort): Promise<RawClient> {
    const socket = connect({ host, port });
    await new Promise((resolve) => socket.once('connect', resolve));
    return new RawClient(socket);
  }

  /** Sends a message; without a type it is the first one of a connection. */
  send(type: string, ...parts: readonly (Buffer | string | number)[]): void {
    const body = Buffer.concat(parts.map(bytesOf));
    this.socket.write(Buffer.concat([Buffer.from(type, 'latin1'), bytesOf(body.length + 4), body]));
  }

  /** Waits for a message of one of the types. */
  async until(types: string): Promise<Received> {
    for (;;) {
      const found = this.received.find(({ type }) => types.includes(type));
      if (found) return found;
      if (this.ended) throw new Error(`closed before a message ${types}, got ${JSON.stringify(this.received)}`);
      await this.more();
    }
  }

  /** Waits for the end of the connection. */
  async closed(): Promise<readonly Received[]> {
    while (!this.ended) await this.more();
    return this.received;
  }

  /** Waits for the refusal of encryption, a byte without a message. */
  async refusal(): Promise<string> {
    while (this.bytes.length === 0) await this.more();
    const text = this.bytes.toString('latin1');
    this.bytes = Buffer.alloc(0);
    return text;
  }

  forget(): this {
    this.received.length = 0;
    return this;
  }

  private more(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  private cut(): void {
    while (this.bytes.length >= 5) {
      const end = 1 + this.bytes.readInt32BE(1);
      if (this.bytes.length < end) return;
      this.received.push({ type: String.fromCharCode(this.bytes[0]!), body: this.bytes.toString('latin1', 5, end) });
      this.bytes = this.bytes.subarray(end);
    }
  }
}

/** A connection that has logged in with SCRAM, byte by byte. */
export async function logInRaw(port: PromptPort): Promise<RawClient> {
  const raw = await RawClient.open(port);
  raw.send('', 196_608, 'user', 'millrace_owner', 'database', port.database, Buffer.from([0]));
  await raw.until('R');
  raw.forget();
  const bare = 'n=,r=abc';
  raw.send('p', 'SCRAM-SHA-256', bare.length + 3, Buffer.from(`n,,${bare}`));
  const first = (await raw.until('R')).body.slice(4);
  const [, nonce, salt] = /^r=([^,]*),s=([^,]*),i=4096$/.exec(first)!;
  const hmac = (key: Buffer, of: string) => createHmac('sha256', key).update(of).digest();
  const key = hmac(pbkdf2Sync(password, Buffer.from(salt!, 'base64'), 4096, 32, 'sha256'), 'Client Key');
  const last = `c=biws,r=${nonce}`;
  const signature = hmac(createHash('sha256').update(key).digest(), `${bare},${first},${last}`);
  const proof = Buffer.from(key.map((byte, i) => byte ^ signature[i]!)).toString('base64');
  raw.send('p', Buffer.from(`${last},p=${proof}`));
  await raw.until('Z');
  return raw.forget();
}

function bytesOf(part: Buffer | string | number): Buffer {
  if (typeof part === 'string') return Buffer.from(`${part}\0`);
  if (typeof part !== 'number') return part;
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(part);
  return bytes;
}
