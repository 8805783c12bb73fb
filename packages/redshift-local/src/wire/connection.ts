import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Prompt } from '../engine/prompt';
import { authenticate } from './authentication';
import { problemOf, WireError } from './errors';
import { ExtendedQuery } from './extended';
import { type ClientMessage, Disconnected, Inbox } from './inbox';
import type { WireLogins } from './logins';
import {
  authentication,
  backendKey,
  commandComplete,
  MessageReader,
  negotiateVersion,
  parameterStatus,
  problemResponse,
  readyForQuery,
} from './messages';
import { Outbox } from './outbox';
import { simpleQuery } from './query';
import { readStartup, type Startup } from './startup';

/** Codes that a client may send instead of a version. */
const cancelCode = 80_877_102;
const encryptionCodes = [80_877_103, 80_877_104];
const majorVersion = 3;

/** Time for a client to read why the server stops. */
const stopMs = 300;

export interface WireLimits {
  /** Longest time from the connection to the end of its login. */
  readonly startupMs: number;
  /** Longest silence of a client between two messages, as long as Redshift's idle timeout. */
  readonly idleMs: number;
  /** Longest wait for a client that does not read its result. */
  readonly sendMs: number;
  readonly maxMessageBytes: number;
  readonly maxConnections: number;
}

/** What a connection uses of its server. */
export interface WireHost {
  readonly logins: WireLogins;
  readonly limits: WireLimits;
  /** Cancels the statement of another connection, if the secret is right. */
  cancel(pid: number, secret: number): void;
  /** Called when the session is open. */
  opened(connection: Connection): void;
}

/** One client, from its first byte to its last. */
export class Connection {
  private readonly ended = new AbortController();
  private readonly inbox: Inbox;
  private readonly out: Outbox;
  private running: AbortController | undefined;
  private prompt: Prompt | undefined;
  readonly secret = randomInt(2 ** 31);

  constructor(
    private readonly socket: Socket,
    private readonly host: WireHost,
  ) {
    this.inbox = new Inbox(socket, () => this.ended.abort(new Disconnected()));
    this.out = new Outbox(socket, host.limits.sendMs);
  }

  get pid(): number | undefined {
    return this.prompt?.pid;
  }

  cancelStatement(): void {
    this.running?.abort(new Error('the statement was cancelled'));
  }

  /** Ends the connection, as a server that stops does. */
  stop(): void {
    const stopping = new WireError('57P01', 'terminating connection: the local warehouse is stopping', true);
    this.socket.end(problemResponse(problemOf(stopping)));
    this.ended.abort(new Disconnected());
    setTimeout(() => this.socket.destroy(), stopMs);
  }

  /** Serves the client. Resolves when it is gone and its session is closed. Never rejects. */
  async serve(): Promise<void> {
    const late = setTimeout(() => this.socket.destroy(), this.host.limits.startupMs);
    try {
      const startup = await this.hello();
      if (!startup) return;
      const prompt = await this.login(startup);
      clearTimeout(late);
      await this.messages(prompt);
    } catch (error) {
      await this.farewell(error);
    } finally {
      clearTimeout(late);
      this.socket.end();
      await this.prompt?.close().catch(() => undefined);
      // A client that does not close its side within this time is cut off.
      setTimeout(() => this.socket.destroy(), 1000).unref();
    }
  }

  /** @throws WireError while the warehouse takes no statements */
  private requireRunning(): void {
    const refusal = this.host.logins.refusal?.();
    if (refusal !== undefined) throw new WireError('57P03', refusal, true);
  }

  /** Tells the client why its connection ends, unless it is gone. */
  private async farewell(error: unknown): Promise<void> {
    if (error instanceof Disconnected || this.socket.destroyed) return;
    const fatal = error instanceof RangeError ? new WireError('08P01', `malformed message: ${error.message}`) : error;
    this.out.add(problemResponse({ ...problemOf(fatal), severity: 'FATAL' }));
    await this.out.flush().catch(() => undefined);
  }

  /** Reads the first messages. Returns undefined for a connection that only cancels. */
  private async hello(): Promise<Startup | undefined> {
    const refused = new Set<number>();
    for (;;) {
      const reader = new MessageReader(await this.inbox.startup(this.host.limits.startupMs));
      const code = reader.int32();
      if (encryptionCodes.includes(code) && !refused.has(code)) {
        refused.add(code);
        this.out.add(Buffer.from('N'));
        await this.out.flush();
      } else if (code === cancelCode) {
        this.host.cancel(reader.int32(), reader.int32());
        return undefined;
      } else return this.versioned(code, reader.bytes(reader.rest));
    }
  }

  private versioned(code: number, body: Buffer): Startup {
    const [major, minor] = [code >> 16, code & 0xffff];
    if (major !== majorVersion)
      throw new WireError('0A000', `unsupported frontend protocol ${major}.${minor}: the server speaks 3.0`, true);
    const startup = readStartup(body);
    if (minor > 0 || startup.unknownOptions.length > 0) this.out.add(negotiateVersion(startup.unknownOptions));
    return startup;
  }

  private async login(startup: Startup): Promise<Prompt> {
    const { user, database, speaksDigest } = startup;
    const { logins, limits } = this.host;
    const login = await logins.find(user, database);
    const exchange = {
      send: (...messages: readonly Buffer[]) => this.out.add(...messages),
      receive: async (...types: readonly string[]) => {
        await this.out.flush();
        const { type, body } = await this.inbox.next(limits.startupMs);
        if (!types.includes(type))
          throw new WireError('08P01', `expected a password, got message type ${JSON.stringify(type)}`, true);
        return body;
      },
    };
    await authenticate(exchange, user, login.proof, speaksDigest);
    this.inbox.maxBytes = limits.maxMessageBytes;
    this.requireRunning();
    const { prompt, superuser } = await login.open(this.ended.signal);
    this.prompt = prompt;
    await this.applySettings(prompt, startup);
    this.out.add(authentication(0), ...this.greeting(prompt, user, superuser));
    this.out.add(backendKey(prompt.pid, this.secret), readyForQuery(prompt.status));
    this.host.opened(this);
    await this.out.flush();
    return prompt;
  }

  private async applySettings(prompt: Prompt, { settings }: Startup): Promise<void> {
    for (const [name, value] of settings) {
      const set = `set ${name} to '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
      for await (const _ of prompt.run(set, undefined, this.ended.signal));
    }
    await prompt.finish(this.ended.signal);
  }

  /** What Redshift tells a client of the session. */
  private greeting(prompt: Prompt, user: string, superuser: boolean): Buffer[] {
    const shown = {
      server_version: prompt.setting('server_version'),
      server_encoding: prompt.setting('server_encoding'),
      client_encoding: prompt.setting('client_encoding'),
      DateStyle: prompt.setting('datestyle'),
      TimeZone: prompt.setting('timezone'),
      standard_conforming_strings: prompt.setting('standard_conforming_strings'),
      integer_datetimes: 'on',
      is_superuser: superuser ? 'on' : 'off',
      session_authorization: user,
      // Without the extensions of the result that newer clients of Redshift can read.
      server_protocol_version: '0',
    };
    return Object.entries(shown).map(([name, value]) => parameterStatus(name, value ?? ''));
  }

  private async messages(prompt: Prompt): Promise<void> {
    const extended = new ExtendedQuery(prompt, this.out);
    /** True after an error of the extended protocol, up to the next Sync. */
    let skipping = false;
    for (;;) {
      const message = await this.inbox.next(this.host.limits.idleMs);
      if (message.type === 'X') return;
      this.requireRunning();
      if (message.type === 'Q') {
        skipping = false;
        extended.endUnnamed();
        const sql = new MessageReader(message.body).text();
        await this.attempt(
          prompt,
          () => sql,
          (signal) => this.query(prompt, extended, sql, signal),
        );
        await this.ready(prompt, extended);
      } else if (message.type === 'S') {
        await this.attempt(
          prompt,
          () => '',
          (signal) => prompt.finish(signal),
        );
        skipping = false;
        await this.ready(prompt, extended);
      } else if (message.type === 'H') await this.out.flush();
      else if ('PBDEC'.includes(message.type)) {
        if (skipping) continue;
        skipping = !(await this.attempt(
          prompt,
          () => extended.sql,
          (signal) => extended.handle(message, signal),
        ));
        if (this.out.isFull) await this.out.flush();
      } else if (!'dcf'.includes(message.type)) this.refuse(message);
    }
  }

  private refuse({ type }: ClientMessage): never {
    const what = type === 'F' ? 'a function call' : `message type ${JSON.stringify(type)}`;
    throw new WireError('08P01', `${what} of the protocol is not modelled by the local warehouse`, true);
  }

  private async query(prompt: Prompt, extended: ExtendedQuery, sql: string, signal: AbortSignal): Promise<void> {
    const deallocated = /^\s*deallocate\s+(?:prepare\s+)?(all|"[^"]+"|[a-z_][a-z0-9_$]*)\s*;?\s*$/i.exec(sql)?.[1];
    if (deallocated === undefined) return simpleQuery(prompt, sql, this.out, signal);
    extended.deallocate(/^all$/i.test(deallocated) ? undefined : deallocated.replaceAll('"', ''));
    this.out.add(commandComplete('DEALLOCATE'));
  }

  private async ready(prompt: Prompt, extended: ExtendedQuery): Promise<void> {
    extended.endTransaction();
    this.out.add(readyForQuery(prompt.status));
    await this.out.flush();
  }

  /** Does a part of the work. Returns false after an error: the client gets it, and the transaction is undone. */
  private async attempt(
    prompt: Prompt,
    sql: () => string,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    const running = new AbortController();
    this.running = running;
    try {
      const signal = AbortSignal.any([running.signal, this.ended.signal]);
      await work(signal);
      return true;
    } catch (error) {
      this.ended.signal.throwIfAborted();
      if (error instanceof Disconnected || (error instanceof WireError && error.fatal)) throw error;
      if (prompt.status !== 'failed') await prompt.undo();
      const known = error instanceof RangeError ? new WireError('08P01', `malformed message: ${error.message}`) : error;
      this.out.add(problemResponse(problemOf(running.signal.aborted ? cancelled : known, sql())));
      return false;
    } finally {
      this.running = undefined;
    }
  }
}

const cancelled = new WireError('57014', "Query cancelled on user's request");
