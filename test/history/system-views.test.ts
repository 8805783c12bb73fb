import { gzipSync } from 'node:zlib';
import type { SystemViewLag } from 'redshift-local';
import { notificationOf } from '../../lambda/load/notification';
import { buckets, outsider } from '../support/cloud';
import { SeamWorld } from '../support/seam';
import { everyNth } from '../support/tier';
import { mixedPipeline } from './pipeline';

const startMs = Date.parse('2026-11-21T01:00:00Z');
const header = 'Amount,id,pieces,note,gift,at,more';

/** No page of AWS says when the system views show what a COPY did, so what a load counts must be right whatever they do. */
const behaviours: readonly (readonly [string, SystemViewLag | undefined])[] = [
  ['show nothing for a day', { openTransaction: false, afterEndMs: 86_400_000 }],
  ['show an open transaction its own rows', undefined],
  ['show rows once their transaction has ended', { openTransaction: false, afterEndMs: 0 }],
  ['show rows twelve seconds after their transaction has ended', { openTransaction: false, afterEndMs: 12_000 }],
];

describe.each(everyNth(behaviours, 4, 2))('system views that %s', (_, systemViews) => {
  let world: SeamWorld;
  const events = async (like: string) =>
    (await world.query(`select id from mix.events where id like '${like}' order by id`)).map(([id]) => id);
  const rejects = async (key: string) => {
    const rows = await world.query(
      `select line, reason, from_varbyte(unparsed, 'hex') from mix.rejects where object_key like '%${key}' order by line, reason`,
    );
    return rows.map(([line, reason, hex]) => [line, reason, Buffer.from(String(hex), 'hex').toString('latin1')]);
  };
  const ledger = (like: string) =>
    world.query(`select object_key, row_count from mix.ledger where object_key like '${like}' order by 1`);

  beforeAll(async () => {
    world = await SeamWorld.open(mixedPipeline, { faults: { systemViews } });
  });
  afterAll(() => world.dispose());

  test('lines that are not JSON are rejects with their bytes, among good ones and in several objects of one batch', async () => {
    const notUtf8 = Buffer.concat([Buffer.from('{"id":"a5"}\n{"id":"a'), Buffer.from([0xff]), Buffer.from('"}\n')]);
    await world.put('lines/a.gz', gzipSync('{"id":"a1"}\n{"id":"a2", oops\n\n{"id":"a3"}\n'));
    await world.put('lines/b.gz', gzipSync('{"id":"a4"}\n'));
    await world.put('lines/c.gz', gzipSync('nothing\n'));
    await world.put('lines/d.gz', gzipSync(notUtf8));
    await world.pass(3);
    expect(await events('a%')).toEqual(['a1', 'a3', 'a4', 'a5']);
    expect((await rejects('lines/a.gz')).map(([line, , text]) => [line, text])).toEqual([[2, '{"id":"a2", oops']]);
    expect((await rejects('lines/c.gz')).map(([line, , text]) => [line, text])).toEqual([[1, 'nothing']]);
    expect((await rejects('lines/d.gz')).map(([line]) => line)).toEqual([2]);
    expect(await ledger('lines/_.gz')).toHaveLength(4);
  });

  test('records of a CSV that do not fit are rejects, and a value over several lines is one record', async () => {
    const rows = ['1.5,r1,1,,,,', '1.5,r2', '2,r3,1,"two\nlines",,,', '3,r4,1,"open,,,'];
    await world.put('sheets/odd.csv', [header, ...rows].join('\n'));
    await world.pass(3);
    expect(await events('r%')).toEqual(['r1', 'r3']);
    expect((await rejects('sheets/odd.csv')).map(([line, , text]) => [line, text])).toEqual([
      [3, '1.5,r2'],
      [6, '3,r4,1,"open,,,'],
    ]);
  });

  test('clean CSV and Parquet need no count, whatever their header is to COPY', async () => {
    await world.put('sheets/clean.csv', `${header}\n1,c1,1,,,,\n`);
    await world.put('packed/clean.csv.gz', gzipSync(`${header}\n1,c2,1,,,,\n`));
    await world.pass(3);
    expect(await events('c_')).toEqual(['c1', 'c2']);
    expect(await ledger('%clean%')).toEqual([
      ['packed/clean.csv.gz', 1],
      ['sheets/clean.csv', 1],
    ]);
  });

  test('a line that COPY refuses though it looks like a record is a reject, or its object is parked with the reason', async () => {
    const record = {
      recordId: '',
      subsequenceNumber: 0,
      data: Buffer.from('{"id":"q1"}').toString('base64'),
      partitionKey: 'p',
      arrivedAt: startMs,
    };
    const key = await world.archive([
      { ...record, shardId: 'shardId-000000000000-and-more', sequenceNumber: '1' },
      { ...record, shardId: 'shardId-000000000000', sequenceNumber: '2' },
    ]);
    const etag = (await world.cloud.s3.port.list(outsider, buckets.archive, key))[0]!.etag.replaceAll('"', '');
    world.queue(notificationOf({ bucket: buckets.archive, key, etag, versionId: '', size: 1000 }));
    await world.pass(240);
    const [[parked] = []] = await world.query(`select reason from mix.parked where object_key = '${key}'`);
    if ((systemViews?.afterEndMs ?? 0) < 60_000) {
      expect(parked).toBeUndefined();
      expect(await events('q_')).toEqual(['q1']);
      expect((await rejects(key)).map(([line, , text]) => [line, JSON.parse(String(text)).sequence_number])).toEqual([
        [1, '1'],
      ]);
    } else {
      expect(parked).toMatch(/Load into table .* failed/);
      expect(await events('q_')).toEqual([]);
    }
  });

  test('an object overwritten while it waits is loaded as the bytes that were told of', async () => {
    const { faults } = world.cloud;
    faults.pause();
    await world.put('lines/over.gz', gzipSync('{"id":"o1"}\nold\n'));
    await world.put('lines/over.gz', gzipSync('{"id":"o2"}\nnew\n'));
    await world.pass(1);
    faults.resume();
    await world.pass(180);
    expect(await events('o_')).toEqual(['o1', 'o2']);
    expect((await rejects('lines/over.gz')).map(([, , text]) => text).sort()).toEqual(['new', 'old']);
  });

  test('a run that is loaded again has the lines that it had', async () => {
    await world.put('lines/again.gz', gzipSync('{"id":"g1"}\noops\n'));
    await world.pass(3);
    const [[run]] = (await world.query("select run_id from mix.ledger where object_key = 'lines/again.gz'")) as [
      [string],
    ];
    world.queue(JSON.stringify({ reload: { runId: run } }));
    await world.pass(3);
    const [[now]] = (await world.query("select run_id from mix.ledger where object_key = 'lines/again.gz'")) as [
      [string],
    ];
    expect(now).not.toBe(run);
    expect(await events('g_')).toEqual(['g1']);
    expect((await rejects('lines/again.gz')).map(([line, , text]) => [line, text])).toEqual([[2, 'oops']]);
  });

  test('nothing is left between the objects and the tables', async () => {
    const [[staged, read, placed]] = (await world.query(
      'select (select count(*) from mix.staged), sum(rows_read), sum(events + duplicates + rejects) from mix.runs',
    )) as [[number, number, number]];
    expect(staged).toBe(0);
    expect(read).toBe(placed);
  });
});
