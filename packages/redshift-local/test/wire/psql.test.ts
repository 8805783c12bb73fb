import { execFile, spawnSync } from 'node:child_process';
import type { PromptPort } from '../../src/compose';
import type { TestWarehouse } from '../support/warehouse';
import { logIn, password, startPrompt } from './clients';

const isInstalled = spawnSync('psql', ['--version']).status === 0;
const withPsql = isInstalled ? describe : describe.skip;

withPsql('psql, as its package ships it,', () => {
  let local: TestWarehouse;
  let port: PromptPort;
  beforeAll(async () => {
    ({ local, port } = await startPrompt());
    const client = await logIn(port);
    await client.query(`create schema s; create table s.t (a int not null, b varchar(20) default 'x', c decimal(10,2), d super);
      create view s.v as select a from s.t; grant usage on schema s to public; grant select on s.t to public`);
    await client.end();
  });
  afterAll(() => local.dispose());

  /** What psql prints for commands, without headings and alignment. */
  const psql = (...commands: string[]): Promise<string> =>
    new Promise((resolve) => {
      const env = {
        ...process.env,
        PGHOST: port.host,
        PGPORT: String(port.port),
        PGDATABASE: port.database,
        PGUSER: 'millrace_owner',
        PGPASSWORD: password,
      };
      const args = ['-X', '-A', '-t', ...commands.flatMap((command) => ['-c', command])];
      execFile('psql', args, { env }, (_, stdout, stderr) => resolve((stdout + stderr).trim()));
    });

  test.each([
    [String.raw`\dt s.*`, 's|t|table|millrace_owner'],
    [String.raw`\dv s.*`, 's|v|view|millrace_owner'],
    [String.raw`\dn s`, 's|millrace_owner'],
    [String.raw`\l`, 'millrace|millrace_admin|UTF8|en_US.UTF-8|en_US.UTF-8||libc|millrace_owner=C/millrace_admin'],
    [String.raw`\du millrace_admin`, 'millrace_admin|Superuser, Create role, Create DB|{}'],
    [String.raw`\dp s.t`, 's|t|table|=r/millrace_owner|'],
    [String.raw`\df`, ''],
  ])('answers %s', async (command, answer) => {
    expect(await psql(command)).toBe(answer);
  });

  test('describes a table and a view', async () => {
    expect(await psql(String.raw`\d s.t`)).toBe(
      ['a|integer||not null|', "b|character varying(20)|||'x'", 'c|numeric(10,2)|||', 'd|super|||'].join('\n'),
    );
    expect(await psql(String.raw`\d s.v`)).toBe('a|integer|||');
  });

  test('runs statements, and points at a mistake', async () => {
    expect(
      await psql(
        'begin',
        "insert into s.t values (1, 'é', 1.5)",
        'select * from s.t',
        'rollback',
        'select count(*) from s.t',
      ),
    ).toBe(['BEGIN', 'INSERT 0 1', '1|é|1.50|', 'ROLLBACK', '0'].join('\n'));
    expect(await psql("select 'é', nothing from s.t")).toBe(
      ['ERROR:  column "nothing" does not exist', "LINE 1: select 'é', nothing from s.t", '                    ^'].join(
        '\n',
      ),
    );
  });

  test('says who is connected', async () => {
    expect(await psql(String.raw`\conninfo`)).toContain('database "millrace" as user "millrace_owner"');
  });
});
