import type { PromptPort } from '../../src/compose';
import type { Prompt } from '../../src/engine/prompt';
import { serveWire } from '../../src/wire/server';
import { admin, type TestWarehouse } from '../support/warehouse';
import { errorOf, logIn, logInRaw, password, RawClient, startPrompt, valuesOf } from './clients';

const zero = Buffer.from([0]);
const version = 196_608;

describe('the PostgreSQL port', () => {
  let local: TestWarehouse;
  let port: PromptPort;
  beforeAll(async () => {
    ({ local, port } = await startPrompt());
  });
  afterAll(() => local.dispose());

  /** The one error with which the server ends a connection. */
  const farewell = async (raw: RawClient) => {
    const messages = await raw.closed();
    return messages.find(({ type }) => type === 'E')?.body ?? '';
  };

  test('it listens on 127.0.0.1 only', () => {
    expect(port.host).toBe('127.0.0.1');
  });

  test('encryption is refused once each, and the connection goes on', async () => {
    const raw = await RawClient.open(port);
    raw.send('', 80_877_103);
    expect(await raw.refusal()).toBe('N');
    raw.send('', 80_877_104);
    expect(await raw.refusal()).toBe('N');
    raw.send('', version, 'user', 'millrace_owner', zero);
    await raw.until('R');
    raw.socket.destroy();
  });

  test.each([
    ['another protocol', [2 << 16], 'C0A000'],
    ['no user', [version, zero], 'C28000'],
    ['replication', [version, 'user', 'x', 'replication', 'database', zero], 'C0A000'],
    ['an unknown setting', [version, 'user', 'x', 'nonsense', '1', zero], 'C42704'],
    ['options that are no settings', [version, 'user', 'x', 'options', '-f something', zero], 'C42601'],
  ])('%s is refused', async (_, parts, code) => {
    const raw = await RawClient.open(port);
    raw.send('', ...(parts as (number | string | Buffer)[]));
    expect(await farewell(raw)).toContain(code);
  });

  test('a newer minor version is answered with the one that the server speaks', async () => {
    const raw = await RawClient.open(port);
    raw.send('', version + 2, 'user', 'millrace_owner', '_pq_.x', '1', zero);
    expect((await raw.until('v')).body).toContain('_pq_.x');
    raw.socket.destroy();
  });

  test('a wrong password and an unknown user get the same answers', async () => {
    const wrong = await errorOf(logIn(port, { password: 'Wrong1pw' }));
    expect(wrong).toMatchObject({ code: '28P01', message: 'password authentication failed for user "millrace_owner"' });
    expect(await errorOf(logIn(port, { user: 'nobody' }))).toMatchObject({ code: '28P01' });
    expect(await errorOf(logIn(port, { database: 'other' }))).toMatchObject({ code: '3D000' });
  });

  test('a password that is stored as MD5, or as a digest alone, logs in too', async () => {
    const { createHash } = await import('node:crypto');
    const md5 = createHash('md5').update('Md5Password1elder').digest('hex');
    const sha = createHash('sha256').update('Sha2Password1').update(Buffer.from('00ff', 'hex')).digest('hex');
    await local.run(`create user elder password 'md5${md5}'`, { user: admin });
    await local.run(`create user digested password 'sha256|${sha}|00ff'`, { user: admin });
    for (const [user, right] of [
      ['elder', 'Md5Password1'],
      ['digested', 'Sha2Password1'],
    ] as const) {
      const client = await logIn(port, { user, password: right });
      expect(await valuesOf(client, 'select current_user')).toEqual([[user]]);
      await client.end();
      expect(await errorOf(logIn(port, { user, password: 'Wrong1pw' }))).toMatchObject({ code: '28P01' });
    }
  });

  test("Redshift's own clients prove a password with its digest", async () => {
    const { createHash } = await import('node:crypto');
    const sha = (...parts: readonly Buffer[]) => parts.reduce((hash, part) => hash.update(part), createHash('sha256'));
    const attempt = async (given: string) => {
      const raw = await RawClient.open(port);
      const own = ['user', 'millrace_owner', 'database', port.database, 'client_protocol_version', '2'];
      raw.send('', version, ...own, zero);
      const asked = Buffer.from((await raw.until('R')).body, 'latin1');
      raw.forget();
      expect([asked.readInt32BE(0), asked.readInt32BE(4)]).toEqual([13, 0]);
      const salt = asked.subarray(12, 12 + asked.readInt32BE(8));
      const nonce = asked.subarray(16 + salt.length);
      const digest = sha(sha(Buffer.from(given), salt).digest(), nonce, Buffer.from('17')).digest();
      raw.send('d', digest.length, digest, 2, Buffer.from('17'));
      await raw.until('ZE');
      raw.socket.destroy();
      return raw.received;
    };
    const right = await attempt(password);
    expect(right.map(({ type }) => type).join('')).toMatch(/^RS+KZ$/);
    expect(right.map(({ body }) => body.split('\0').slice(0, 2))).toContainEqual(['server_protocol_version', '0']);
    expect((await attempt('Wrong1pw')).find(({ type }) => type === 'E')?.body).toContain('C28P01');
  });

  test('a warehouse that is paused takes nobody in, and ends sessions at their next message', async () => {
    let refusal: string | undefined = 'it is paused';
    const paused = await serveWire({
      port: 0,
      logins: {
        refusal: () => refusal,
        find: async () => ({
          proof: { kind: 'clear', password },
          open: async () => ({ prompt: quietPrompt, superuser: false }),
        }),
      },
    });
    const at = { ...port, port: paused.port };
    expect(await errorOf(logIn(at))).toMatchObject({ code: '57P03', message: 'it is paused' });
    refusal = undefined;
    const raw = await logInRaw(at);
    refusal = 'it is paused';
    raw.send('Q', 'select 1');
    expect(await farewell(raw)).toContain('C57P03');
    await paused.dispose();
  });

  test('settings of the start apply to the session', async () => {
    const client = await logIn(port, { application_name: 'report', options: '-c query_group=night --search_path=a,b' });
    expect(await valuesOf(client, 'show query_group')).toEqual([['night']]);
    expect(await valuesOf(client, 'show search_path')).toEqual([['a,b']]);
    await client.end();
    expect(await errorOf(logIn(port, { options: '-c timezone=Europe/Berlin' }))).toMatchObject({
      code: '0A000',
      message: expect.stringMatching(/"Europe\/Berlin".*connectionTimezone=SERVER/),
    });
    await (await logIn(port, { options: '-c timezone=UTC' })).end();
  });

  test.each([
    [
      'a message that is too long',
      (raw: RawClient) => raw.socket.write(Buffer.from('Q\x7f\xff\xff\xff', 'latin1')),
      'C08P01',
    ],
    ['a text that is not UTF-8', (raw: RawClient) => raw.send('Q', Buffer.from([0x27, 0xff, 0x27, 0])), 'C08P01'],
    ['an unknown message', (raw: RawClient) => raw.send('!', 'x'), 'C08P01'],
    ['a function call', (raw: RawClient) => raw.send('F', 1), 'C08P01'],
    ['a text without an end', (raw: RawClient) => raw.send('Q', Buffer.from('select 1')), 'C08P01'],
  ])('%s ends that connection and no other', async (_, send, code) => {
    const other = await logIn(port);
    const raw = await logInRaw(port);
    send(raw);
    expect(await farewell(raw)).toContain(code);
    expect(await valuesOf(other, 'select 1')).toEqual([[1]]);
    await other.end();
  });

  test('a client that does not read its result holds up nobody', async () => {
    const slow = await logInRaw(port);
    slow.socket.pause();
    for (let i = 0; i < 4; i += 1)
      slow.send('Q', `select repeat('x', 10000) from (select 1 union all select 2) a(i), ${cross(12)}`);
    const other = await logIn(port);
    expect(await valuesOf(other, 'select 1')).toEqual([[1]]);
    slow.socket.destroy();
    await other.end();
  });

  test('a further port has limits of its own', async () => {
    const limited = await serveWire({
      port: 0,
      logins: { find: async () => ({ proof: undefined, open: () => Promise.reject(new Error('never')) }) },
      limits: { maxConnections: 1, startupMs: 50 },
    });
    const at = { ...port, port: limited.port };
    const silent = await RawClient.open(at);
    const second = await RawClient.open(at);
    expect(await farewell(second)).toContain('C53300');
    // The first one says nothing until its time to log in is over.
    await silent.closed();
    await limited.dispose();
  });

  test('a port that is in use is named', async () => {
    const taken = await errorOf(local.warehouse.listen({ port: port.port }));
    expect(taken.message).toBe(`port ${port.port} of 127.0.0.1 is in use, choose another one with --pg-port`);
  });

  test('a warehouse that stops tells its clients', async () => {
    const { local: other, port: at } = await startPrompt();
    const raw = await logInRaw(at);
    await other.dispose();
    expect(await farewell(raw)).toContain('C57P01');
    expect(password).toBe('Owner1pw');
  });
});

/** A session that is never asked to run anything. */
const quietPrompt = {
  pid: 1,
  status: 'idle',
  setting: () => '',
  finish: async () => undefined,
  undo: async () => undefined,
  close: async () => undefined,
} as unknown as Prompt;

/** A product of small tables with 2 ** n rows. */
const cross = (n: number) => Array.from({ length: n }, (_, i) => `(select 1 union all select 2) t${i}(i)`).join(', ');
