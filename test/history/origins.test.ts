import { gzipSync } from 'node:zlib';
import { parquet } from '../support/files';
import { SeamWorld } from '../support/seam';
import { secondTierTest } from '../support/tier';
import { mixedPipeline } from './pipeline';

let world: SeamWorld;

beforeEach(async () => {
  world = await SeamWorld.open(mixedPipeline);
});
afterEach(() => world.dispose());

const rejects = () =>
  world.query(
    "select object_key, line, reason, json_serialize(payload), from_varbyte(unparsed, 'utf8') from mix.rejects order by object_key, line, reason",
  );
/** Objects that one batch loads. */
async function together(...objects: [key: string, body: Buffer | string][]): Promise<void> {
  world.cloud.faults.pause();
  for (const [key, body] of objects) await world.put(key, body);
  await world.pass(0);
  world.cloud.faults.resume();
  await world.pass(120);
  const [[runs] = []] = await world.query("select count(*) from mix.runs where source = 'history'");
  expect(runs).toBe(1);
}
const ndjson = (...lines: string[]) => gzipSync(`${lines.join('\n')}\n`);

test('each reject of a batch of many objects names its object and its line', async () => {
  await together(
    ['lines/a.gz', ndjson('{"id":"a1"}', '{"id":7}', '{"id":"a3","order":{"amount":"x"}}')],
    ['lines/b.gz', ndjson('', '{"id": 7.0}', '{"id":"b3"}', '[1]')],
    ['lines/c.gz', ndjson('{"id":"c1"}')],
  );
  expect(await rejects()).toEqual([
    [
      's3://history/lines/a.gz',
      3,
      'amount: expected a number, got a string',
      '{"id":"a3","order":{"amount":"x"}}',
      null,
    ],
    ['s3://history/lines/b.gz', 4, 'payload: expected an object, got an array', '[1]', null],
    // One value, spelled in two ways: which of the lines is which reject is not known.
    [null, null, 'id: expected a string, got a number', expect.any(String), null],
    [null, null, 'id: expected a string, got a number', expect.any(String), null],
  ]);
});

test('equal lines are as many rejects, each with a line of its own', async () => {
  const bad = '{"id":"e","order":{"amount":"x"}}';
  await together(['lines/a.gz', ndjson(bad, '{"id":"a"}', bad)], ['lines/b.gz', ndjson(bad)]);
  expect((await rejects()).map(([key, line]) => [key, line])).toEqual([
    ['s3://history/lines/a.gz', 1],
    ['s3://history/lines/a.gz', 3],
    ['s3://history/lines/b.gz', 1],
  ]);
});

test('a line that is no JSON keeps its text', async () => {
  await together(
    ['lines/a.gz', ndjson('{"id":"a1"}', '{"id":"a2", oops}', 'größer')],
    ['lines/b.gz', ndjson('', '', 'GET /')],
  );
  expect(await rejects()).toEqual([
    [
      's3://history/lines/a.gz',
      2,
      expect.stringMatching(/^payload: not JSON that SUPER takes/),
      null,
      '{"id":"a2", oops}',
    ],
    ['s3://history/lines/a.gz', 3, 'payload: not JSON', null, 'größer'],
    ['s3://history/lines/b.gz', 3, 'payload: not JSON', null, 'GET /'],
  ]);
});

test('records of CSV files have theirs too', async () => {
  const header = 'Amount,id,pieces,note,gift,at,more';
  await together(
    ['sheets/a.csv', `${header}\r\n1,a1,1,"two\nlines",,,\r\nmany,a2,1,,,,\r\n`],
    ['sheets/b.csv', `${header}\n1,b1\n1,b2,1.5,,t,,\n`],
  );
  expect(await rejects()).toEqual([
    ['s3://history/sheets/a.csv', 4, 'amount: expected a number, got a string', expect.stringContaining('"a2"'), null],
    ['s3://history/sheets/b.csv', 2, 'payload: 2 fields instead of 7', null, '1,b1'],
    ['s3://history/sheets/b.csv', 3, expect.stringContaining('pieces: not a whole number'), expect.any(String), null],
  ]);
});

test('a Parquet file that is alone is named; nothing else is said', async () => {
  const query =
    "select null::varchar as id, 1::decimal(12,2) as amount, 1 as pieces, 1::double as weight, true as gift, timestamp '2026-01-01' as at, date '2026-01-01' as day";
  await world.put('tables/a.parquet', await parquet(query));
  await world.pass(1);
  expect((await rejects()).map((row) => row.slice(0, 3))).toEqual([
    ['s3://history/tables/a.parquet', null, 'id: missing'],
  ]);
});

secondTierTest('whenever the function dies, the line is found in the end, once', async () => {
  for (let call = 4; call <= 14; call += 2) {
    world.kills['load'] = { call, after: call % 4 === 0 };
    await world.put(`lines/${call}.gz`, ndjson('{"id":"fine"}', `{"id":${call}}`, `no ${call}`));
    await world.pass(120);
  }
  const found = await rejects();
  expect(found).toHaveLength(12);
  for (const [key, line, , payload, text] of found) {
    const call = /(\d+)\.gz/.exec(String(key))![1];
    if (payload === null) expect([line, text]).toEqual([3, `no ${call}`]);
    else expect([line, JSON.parse(String(payload))]).toEqual([2, { id: Number(call) }]);
  }
  expect(world.cloud.log.filter(({ message }) => message === 'load failed').length).toBeGreaterThan(3);
});

test('where an object went before it was looked into, its rejects stay without a line, and nobody is held up', async () => {
  let gone = 0;
  for (let call = 6; call <= 12; call += 2) {
    const key = `lines/${call}.gz`;
    world.kills['load'] = { call, after: true };
    await world.put(key, ndjson(`{"id":${call}}`));
    await world.pass(0);
    const [[version] = []] = await world.query(`select version_id from mix.ledger where object_key = '${key}'`);
    const [[placed] = []] = await world.query(
      `select count(line) from mix.rejects where object_key like '%/${call}.gz'`,
    );
    const early = version !== undefined && placed === 0;
    if (early) {
      gone += 1;
      world.cloud.s3.port.bucket('history').store.deleteVersion(key, String(version));
    }
    await world.pass(120);
    const [[found] = []] = await world.query(
      `select count(line) from mix.rejects where object_key like '%/${call}.gz'`,
    );
    expect([call, found]).toEqual([call, early ? 0 : 1]);
    expect(world.waiting()).toBe(0);
  }
  expect(gone).toBeGreaterThan(0);
});
