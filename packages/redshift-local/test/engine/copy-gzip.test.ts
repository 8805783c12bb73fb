import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { translate } from '../../src/sql';
import { rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

const someone = rolePrincipal('someone');

describe('COPY of gzip objects', () => {
  let local: TestWarehouse;
  const object = (key: string, content: string | Buffer) => local.s3.put(someone, 'history', key, gzipSync(content));
  const copy = (options = '') =>
    local.run(`copy s.staged from 's3://history/in/' iam_role '${roles.load}' json 'noshred' gzip ${options}`);
  const staged = () => local.rows('select payload from s.staged');
  const errors = () =>
    local.rows('select trim(file_name), line_number, error_code from sys_load_error_detail order by 1, 2');
  beforeEach(async () => {
    local = await startWarehouse(translate, ownerStatements);
    await local.run(['create schema s', 'create table s.staged (payload super)']);
  });
  afterEach(() => local.dispose());

  test('an object that was cut off fails the whole COPY, and one of several gzip members is whole', async () => {
    const two = Buffer.concat([gzipSync('{"a":1}\n'), gzipSync('{"a":2}\n')]);
    await local.s3.put(someone, 'history', 'in/1', two);
    expect((await copy()).ResultRows).toBe(2);
    await local.s3.put(someone, 'history', 'in/2', gzipSync('{"a":3}\n'.repeat(1000)).subarray(0, -9));
    expect((await copy()).Error).toBe('ERROR: s3://history/in/2 cannot be read: gzip: unexpected end of file');
    expect(await staged()).toHaveLength(2);
  });

  test('a bit that was turned in a gzip object fails the whole COPY', async () => {
    await object('in/1', '{"a":1}\n');
    const packed = gzipSync(`${Array.from({ length: 200 }, (_, n) => `{"a":${n * n}}`).join('\n')}\n`, { level: 0 });
    packed[100]! ^= 1;
    await local.s3.put(someone, 'history', 'in/2', packed);
    expect((await copy()).Error).toBe('ERROR: s3://history/in/2 cannot be read: gzip: incorrect data check');
    expect(await staged()).toEqual([]);
  });

  test('lines are those of their object, whatever stands in the ones around it', async () => {
    const noise = Array.from(
      { length: 35_000 },
      (_, n) => `{"n":"${createHash('sha256').update(`${n}`).digest('hex')}"}`,
    );
    noise[20_000] = '{"n":';
    await object('in/1', '');
    await object('in/2', '\r\n \t\n{"a":1}');
    await object('in/3', noise.join('\n'));
    await object('in/4', '{"b":1}\nx\n\ny\n');
    await object('in/5', '{"c":1}\n\n\n');
    expect(local.s3.objects.get('history/in/3')!.size).toBeGreaterThan(2 ** 20);
    const done = await copy('maxerror 10');
    expect([done.Error, done.ResultRows]).toEqual([undefined, 35_002]);
    expect(await errors()).toEqual([
      ['s3://history/in/3', 20_001, 1216],
      ['s3://history/in/4', 2, 1216],
      ['s3://history/in/4', 4, 1216],
    ]);
    const scanned = 'select lines_scanned from sys_load_detail order by file_name';
    expect(await local.rows(scanned)).toEqual([[0], [1], [35_000], [3], [1]]);
  });
});
