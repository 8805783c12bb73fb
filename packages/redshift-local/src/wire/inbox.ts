import type { Socket } from 'node:net';
import { WireError } from './errors';

/** A message of the client. The first one of a connection has no type. */
export interface ClientMessage {
  readonly type: string;
  readonly body: Buffer;
}

/** Thrown by a read when the client is gone. */
export class Disconnected extends Error {}

/** Longest message before the client has logged in, as in PostgreSQL. */
const maxStartupBytes = 10_000;

/** Cuts the bytes of a socket into messages. It holds no more of them than one message may have. */
export class Inbox {
  private chunks: Buffer[] = [];
  private held = 0;
  private wake: (() => void) | undefined;
  private ended = false;
  /** Longest message that is accepted now. */
  maxBytes = maxStartupBytes;

  /** @param onEnd called once, when the client is gone */
  constructor(
    private readonly socket: Socket,
    onEnd: () => void,
  ) {
    const end = () => {
      if (this.ended) return;
      this.ended = true;
      this.wake?.();
      onEnd();
    };
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.held += chunk.length;
      if (this.held > this.maxBytes) socket.pause();
      this.wake?.();
    });
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }

  /** The first message, which has a length and no type. */
  async startup(idleMs: number): Promise<Buffer> {
    const length = (await this.peek(4, idleMs)).readInt32BE();
    if (length < 8 || length > maxStartupBytes) throw new WireError('08P01', 'invalid length of startup packet', true);
    return (await this.take(length, idleMs)).subarray(4);
  }

  /** @param idleMs longest wait for bytes of the client */
  async next(idleMs: number): Promise<ClientMessage> {
    const head = await this.peek(5, idleMs);
    const length = head.readInt32BE(1);
    if (length < 4 || length > this.maxBytes)
      throw new WireError('08P01', `a message has ${length} bytes, at most ${this.maxBytes} are accepted`, true);
    const whole = await this.take(1 + length, idleMs);
    return { type: String.fromCharCode(whole[0]!), body: whole.subarray(5) };
  }

  private async peek(count: number, idleMs: number): Promise<Buffer> {
    while (this.held < count) await this.more(idleMs);
    if (this.chunks[0]!.length < count) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0]!;
  }

  private async take(count: number, idleMs: number): Promise<Buffer> {
    while (this.held < count) await this.more(idleMs);
    const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
    this.chunks = all.length > count ? [all.subarray(count)] : [];
    this.held -= count;
    if (this.held <= this.maxBytes) this.socket.resume();
    return all.subarray(0, count);
  }

  private async more(idleMs: number): Promise<void> {
    if (this.ended) throw new Disconnected();
    this.socket.resume();
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        this.wake = undefined;
        reject(new WireError('57P05', `the client has sent nothing for ${Math.round(idleMs / 1000)} seconds`, true));
      }, idleMs);
      this.wake = () => {
        clearTimeout(late);
        this.wake = undefined;
        resolve();
      };
    });
  }
}
