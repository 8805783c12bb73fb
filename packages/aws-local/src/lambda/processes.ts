import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What a process has to be started with. */
export interface ProcessSettings {
  /** File with its JavaScript. */
  readonly program: string;
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** True if other processes come first when the processors are busy. */
  readonly yields: boolean;
}

export interface ProcessEvents {
  /** Text that the process wrote to stdout or stderr. */
  onOutput(text: string): void;
  onMessage(message: unknown): void;
  /** Called once, after the last message. `error` says why the process could not be started. */
  onExit(code: number | null, signal: NodeJS.Signals | null, error?: string): void;
}

/** A process that exchanges JSON values with this one over its descriptor 3. */
export interface FunctionProcess {
  /** @param failed called if the process cannot receive the message */
  send(message: unknown, failed: () => void): void;
  kill(): void;
  /** False once the process has been killed or has ended. */
  readonly isUsable: boolean;
}

export interface FunctionProcesses {
  start(settings: ProcessSettings, events: ProcessEvents): FunctionProcess;
  /** Kills the processes that still run. */
  dispose(): Promise<void>;
}

type StarterMessage =
  | { type: 'exit'; id: string; code: number | null; signal: NodeJS.Signals | null }
  | { type: 'failed'; id: string; message: string };

/** Longest first line of a connection, and longest time until it is there. */
const maxLineBytes = 200;
const lineMs = 10_000;
/** Longest time between the end of a process and the end of its channel. */
const lateMs = 1_000;

/** Starts processes from another small process, which stays until `dispose`: see starter.js. */
export function createProcesses(): FunctionProcesses {
  const running = new Map<string, Running>();
  const token = randomBytes(16).toString('hex');
  let starter: Promise<Starter> | undefined;
  let started = 0;

  const open = async (): Promise<Starter> => {
    const address = newAddress();
    const server = net.createServer((socket) => receive(socket, token, running));
    server.listen(address);
    server.unref();
    await once(server, 'listening');
    const child = spawn(process.execPath, [join(__dirname, 'starter.js')], {
      env: {},
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.unref();
    child.channel?.unref();
    child.on('message', (message: StarterMessage) => {
      const each = running.get(message.id);
      if (message.type === 'exit') each?.exited(message.code, message.signal);
      else each?.exited(null, null, message.message);
    });
    const gone = once(child, 'exit').catch((error: Error) => error);
    gone.then((why) => {
      starter = undefined;
      close(server, address);
      const error = why instanceof Error ? why.message : undefined;
      for (const each of running.values()) each.lost(error);
    });
    return { child, address, gone };
  };

  return {
    start(settings, events) {
      started += 1;
      const id = String(started);
      starter ??= open();
      const one = new Running(events, {
        kill: () => starter?.then(({ child }) => child.connected && child.send({ type: 'kill', id })),
        end: () => running.delete(id),
      });
      running.set(id, one);
      starter.then(
        ({ child, address }) => child.connected && child.send({ type: 'start', id, address, token, ...settings }),
        (error: Error) => one.exited(null, null, error.message),
      );
      return one;
    },
    async dispose() {
      const last = await starter?.catch(() => undefined);
      if (!last) return;
      if (last.child.connected) last.child.disconnect();
      await last.gone;
    },
  };
}

interface Starter {
  readonly child: ChildProcess;
  readonly address: string;
  readonly gone: Promise<unknown>;
}

/** Linux has addresses that are no files. */
const newAddress = (): string =>
  process.platform === 'linux'
    ? `\0aws-local-${randomBytes(16).toString('hex')}`
    : join(mkdtempSync(join(tmpdir(), 'aws-local-')), 'starter');

function close(server: net.Server, address: string): void {
  server.close();
  if (!address.startsWith('\0')) rmSync(dirname(address), { recursive: true, force: true });
}

/** Reads the first line of a connection, and gives the connection to the process that it names. */
function receive(socket: net.Socket, token: string, running: ReadonlyMap<string, Running>): void {
  const deadline = setTimeout(() => socket.destroy(), lineMs);
  let seen = Buffer.alloc(0);
  const read = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf('\n');
    if (end < 0 && seen.length <= maxLineBytes) return;
    clearTimeout(deadline);
    socket.off('data', read);
    socket.pause();
    const [given = '', id = '', name = ''] = seen.toString('latin1', 0, Math.max(end, 0)).split(' ');
    const one = isSame(given, token) ? running.get(id) : undefined;
    if (!one) {
      socket.destroy();
      return;
    }
    const rest = seen.subarray(end + 1);
    if (rest.length > 0) socket.unshift(rest);
    one.connected(name, socket);
    socket.resume();
  };
  socket.on('data', read);
  socket.on('error', () => undefined);
  socket.once('close', () => clearTimeout(deadline));
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

class Running implements FunctionProcess {
  private channel: net.Socket | undefined;
  private exit:
    | { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly error?: string }
    | undefined;
  private isKilled = false;
  private isEnded = false;

  constructor(
    private readonly events: ProcessEvents,
    private readonly process: { readonly kill: () => void; readonly end: () => void },
  ) {}

  get isUsable(): boolean {
    return !this.isKilled && this.exit === undefined && this.channel?.destroyed === false;
  }

  connected(name: string, socket: net.Socket): void {
    socket.setEncoding('utf8');
    if (name !== 'channel') {
      socket.on('data', (text: string) => this.events.onOutput(text));
      return;
    }
    this.channel = socket;
    eachLine(socket, (line) => this.received(line));
    socket.once('close', () => this.end());
  }

  send(message: unknown, failed: () => void): void {
    if (!this.isUsable) failed();
    else this.channel!.write(`${JSON.stringify(message)}\n`, (error) => error && failed());
  }

  kill(): void {
    this.isKilled = true;
    this.process.kill();
  }

  exited(code: number | null, signal: NodeJS.Signals | null, error?: string): void {
    this.exit ??= { code, signal, error };
    this.end(error !== undefined);
    if (this.isEnded) return;
    setTimeout(() => {
      this.channel?.destroy();
      this.end(true);
    }, lateMs).unref();
  }

  /** The starter is gone. A function's process ends when its channel closes. */
  lost(error: string | undefined): void {
    this.channel?.destroy();
    this.exit ??= { code: null, signal: 'SIGKILL', error };
    this.end(true);
  }

  /** What the process sent before it ended may come after the news of its end. */
  private end(isLate = false): void {
    if (this.isEnded || !this.exit || (!isLate && this.channel?.destroyed !== true)) return;
    this.isEnded = true;
    this.process.end();
    const { code, signal, error } = this.exit;
    this.events.onExit(code, signal, error);
  }

  private received(line: string): void {
    const message = parsed(line);
    // Anything else was written by the function's own code.
    if (message === undefined) this.kill();
    else this.events.onMessage(message);
  }
}

function eachLine(socket: net.Socket, use: (line: string) => void): void {
  let parts: string[] = [];
  socket.on('data', (text: string) => {
    const lines = text.split('\n');
    for (const line of lines.slice(0, -1)) {
      use(parts.join('') + line);
      parts = [];
    }
    const rest = lines.at(-1)!;
    if (rest !== '') parts.push(rest);
  });
}

/** Undefined for a text that is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
