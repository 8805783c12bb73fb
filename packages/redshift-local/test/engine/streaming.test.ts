import { start } from '../support/fakes';
import { say, translateJson } from '../support/json-translate';
import * as sql from '../support/statements';
import { admin, owner, roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

const stream = 'millrace-dev-estore';
const landing = (view = 's.landing', of = stream) =>
  say({
    kind: 'create-streaming-view',
    view: { schema: 's', name: view.slice(2) },
    autoRefresh: false,
    externalSchema: 'ks',
    stream: of,
    text: '',
    columns: sql.columns({
      shard_id: 'text',
      sequence_number: 'text',
      arrived: 'timestamp',
      refresh_time: 'timestamp',
      data: 'text',
    }),
    query:
      'select shard_id, sequence_number, approximate_arrival_timestamp as arrived, refresh_time, decode(kinesis_data) as data from stream_records',
  });
const content = sql.query('select data from s.landing order by sequence_number', { data: 'text' }, ['s.landing']);

describe('streaming views', () => {
  let local: TestWarehouse;
  beforeEach(async () => {
    local = await startWarehouse(translateJson, sql.ownerStatements);
    local.kinesis.create(stream);
    await local.run([
      sql.createSchema('s'),
      say({ kind: 'create-external-schema', schema: 'ks', roleArn: roles.stream, ifNotExists: false }),
    ]);
  });
  afterEach(() => local.dispose());

  test('creation loads what the stream holds, as the role that the schema names', async () => {
    local.kinesis.put(stream, [{ data: 'one', arrivalMs: start - 1500 }]);
    expect((await local.run(landing())).Status).toBe('FINISHED');
    expect(
      await local.rows(
        sql.query('select shard_id, arrived, refresh_time, data from s.landing', {
          shard: 'text',
          arrived: 'timestamp',
          refreshed: 'timestamp',
          data: 'text',
        }),
      ),
    ).toEqual([['shardId-000000000000', '2026-11-21 11:59:58.5', '2026-11-21 12:00:00', 'one']]);
    expect([...local.kinesis.callers]).toEqual([roles.stream]);
  });

  test('a refresh loads each record once, in every shard, though segments hold old ones too', async () => {
    await local.run(landing());
    local.kinesis.put(stream, [{ data: 'a0' }, { data: 'a1', shard: 'shardId-000000000001' }]);
    await local.run(sql.refresh('s.landing'));
    await local.run(sql.refresh('s.landing'));
    local.kinesis.put(stream, [{ data: 'b0' }, { data: 'c2', shard: 'shardId-000000000002' }]);
    await local.run(sql.refresh('s.landing'));
    expect(await local.rows(content)).toEqual([['a0'], ['a1'], ['b0'], ['c2']]);
  });

  test('positions go with the rows: after a rollback the records are read again', async () => {
    await local.run(landing());
    local.kinesis.put(stream, [{ data: 'a' }]);
    const failed = await local.run([sql.refresh('s.landing'), sql.drop('table', 's.missing')]);
    expect(failed.Status).toBe('FAILED');
    expect(await local.rows(content)).toEqual([]);
    await local.run(sql.refresh('s.landing'));
    expect(await local.rows(content)).toEqual([['a']]);
  });

  test('a restart goes on from the positions', async () => {
    await local.run(landing());
    local.kinesis.put(stream, [{ data: 'a' }]);
    await local.run(sql.refresh('s.landing'));
    local = await local.restart();
    local.kinesis.put(stream, [{ data: 'b' }]);
    await local.run(sql.refresh('s.landing'));
    expect(await local.rows(content)).toEqual([['a'], ['b']]);
  });

  test('refresh_time grows with each refresh, even when the clock stands still', async () => {
    await local.run(landing());
    for (const data of ['a', 'b', 'c']) {
      local.kinesis.put(stream, [{ data }]);
      await local.run(sql.refresh('s.landing'));
    }
    expect(
      await local.rows(sql.query('select refresh_time from s.landing order by sequence_number', { t: 'timestamp' })),
    ).toEqual([['2026-11-21 12:00:00'], ['2026-11-21 12:00:00.001'], ['2026-11-21 12:00:00.002']]);
  });

  test('a record above 1 MiB is skipped and logged, one of exactly 1 MiB is not', async () => {
    await local.run(landing());
    local.kinesis.put(stream, [
      { data: Buffer.alloc(1_048_576, 'x') },
      { data: Buffer.alloc(1_048_577, 'y') },
      { data: Buffer.alloc(1_048_578, 'z') },
      { data: 'small' },
    ]);
    expect((await local.run(sql.refresh('s.landing'))).Status).toBe('FINISHED');
    expect(await local.rows(sql.query('select left(data, 5) from s.landing order by 1', { data: 'text' }))).toEqual([
      ['small'],
      ['xxxxx'],
    ]);
    const errors = sql.query(
      'select mv_name, partition_id, error_reason from millrace_system.sys_stream_scan_errors order by position',
      { view: 'text', shard: 'text', reason: 'text' },
    );
    expect(await local.rows(errors)).toEqual([
      ['landing', 'shardId-000000000000', 'the record of 1048577 bytes is larger than 1048576 bytes'],
      ['landing', 'shardId-000000000000', 'the record of 1048578 bytes is larger than 1048576 bytes'],
    ]);
    const states = sql.query(
      'select scanned_rows, skipped_rows, scanned_bytes from millrace_system.sys_stream_scan_states',
      { rows: 'bigint', skipped: 'bigint', bytes: 'bigint' },
    );
    expect(await local.rows(states)).toEqual([[4, 2, 1_048_576 + 1_048_577 + 1_048_578 + 5]]);
  });

  const scans = (columns: string, view = 'errors') =>
    local.rows(
      sql.query(`select ${columns} from millrace_system.sys_stream_scan_${view} order by all`, {
        a: 'text',
        b: 'text',
      }),
    );

  test('a fault skips records that nothing is wrong with; the system views keep it for seven days', async () => {
    await local.run(landing());
    local.scanFaults.push({ every: 3, from: 1 });
    local.kinesis.put(
      stream,
      ['a', 'b', 'c', 'd', 'e'].map((data) => ({ data })),
    );
    await local.run(sql.refresh('s.landing'));
    expect(await local.rows(content)).toEqual([['b'], ['c'], ['e']]);
    const errors = () => scans('right(position, 1), error_reason');
    const states = () => scans('skipped_rows::varchar, scanned_rows::varchar', 'states');
    const reason = 'the record could not be read';
    expect([await errors(), await states()]).toEqual([
      [
        ['1', reason],
        ['4', reason],
      ],
      [['2', '5']],
    ]);
    local.clock.advanceTo(start + 7 * 86_400_000);
    expect([await errors(), await states()]).toEqual([[], []]);
  });

  test('a fault may skip records that no error names', async () => {
    await local.run(landing());
    local.scanFaults.push({ every: 2, from: 0, unlisted: true });
    local.kinesis.put(stream, [{ data: 'a' }, { data: 'b' }, { data: Buffer.alloc(1_048_577, 'c') }]);
    await local.run(sql.refresh('s.landing'));
    expect(await local.rows(content)).toEqual([['a']]);
    expect(await scans('right(position, 1), error_code::varchar')).toEqual([['3', '8013']]);
    expect(await scans('skipped_rows::varchar, scanned_rows::varchar', 'states')).toEqual([['2', '3']]);
  });

  test('the system views show a regular user its own refreshes', async () => {
    await local.run(landing());
    local.kinesis.put(stream, [{ data: Buffer.alloc(1_048_577, 'y') }]);
    await local.run(sql.refresh('s.landing'));
    expect(await scans('right(position, 1), error_code::varchar')).toHaveLength(1);
    await local.run(say({ kind: 'create-user', user: 'reader', password: 'Reader1pw' }), { user: admin });
    const seen = sql.query('select count(*) from millrace_system.sys_stream_scan_errors', { n: 'bigint' });
    local.secrets.values.set('reader', JSON.stringify({ username: 'reader', password: 'Reader1pw' }));
    expect(await local.rows(seen, 'reader')).toEqual([[0]]);
    expect(await local.rows(seen, admin)).toEqual([[1]]);
  });

  test('fails where the stream does not exist or the role does not let the user in', async () => {
    expect((await local.run(landing('s.landing', 'nothing'))).Error).toBe('ERROR: stream nothing does not exist');
    local.sts.trusts.set(roles.stream, 'arn:aws:redshift:eu-west-1:000000000000:dbuser:millrace-dev/somebody');
    expect((await local.run(landing())).Error).toMatch(/not authorized to perform: sts:AssumeRole/);
    await local.run(
      say({
        kind: 'create-external-schema',
        schema: 'foreign_stream',
        roleArn: 'arn:aws:iam::000000000000:role/loose',
        ifNotExists: false,
      }),
    );
    expect((await local.run(landing().replace('"ks"', '"foreign_stream"'))).Error).toMatch(
      new RegExp(`dbuser:millrace-dev/${owner} is not authorized to assume IAM Role .*/loose: it is not attached`),
    );
    expect(await local.rows(sql.query('select count(*) from millrace_system.svv_mv_info', { n: 'bigint' }))).toEqual([
      [0],
    ]);
  });
});
