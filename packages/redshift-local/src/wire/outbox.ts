import type { Socket } from 'node:net';
import { Disconnected } from './inbox';

const flushBytes = 64 * 1024;

/** Collects messages and writes them in large parts, not faster than the client reads. */
export class Outbox {
  private parts: Buffer[] = [];
  private bytes = 0;

  /** @param sendMs longest wait for a client that does not read */
  constructor(
    private readonly socket: Socket,
    private readonly sendMs: number,
  ) {}

  add(...messages: readonly Buffer[]): void {
    for (const message of messages) {
      this.parts.push(message);
      this.bytes += message.length;
    }
  }

  /** True if enough is collected to be written. */
  get isFull(): boolean {
    return this.bytes >= flushBytes;
  }

  /** Writes what is collected. @throws Disconnected if the client is gone or does not read */
  async flush(): Promise<void> {
    if (this.bytes === 0) return;
    const bytes = Buffer.concat(this.parts);
    this.parts = [];
    this.bytes = 0;
    if (this.socket.destroyed) throw new Disconnected();
    if (this.socket.write(bytes)) return;
    await this.drained();
  }

  private drained(): Promise<void> {
    const { socket, sendMs } = this;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => () => {
        clearTimeout(late);
        socket.off('drain', drained);
        socket.off('close', gone);
        settle();
      };
      const drained = end(resolve);
      const gone = end(() => reject(new Disconnected()));
      const late = setTimeout(() => {
        socket.destroy();
        gone();
      }, sendMs);
      socket.on('drain', drained);
      socket.on('close', gone);
    });
  }
}
