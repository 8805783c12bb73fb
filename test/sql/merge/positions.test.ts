import { loadPlan, refreshPlan, retryStatements } from '../../../sql';
import { aPipeline, aSource } from '../fixtures';
import { TestWarehouse } from '../warehouse';

let warehouse: TestWarehouse;

beforeEach(async () => {
  warehouse = await TestWarehouse.create(aPipeline({ history: [aSource()] }));
});
afterEach(() => warehouse.dispose());

const numbered = (n: number, more = {}) => ({ messageId: `m${n}`, ...more });
const line = (value: unknown) => JSON.stringify(value);
const ledger = () =>
  warehouse.query('select object_key, etag, source, row_count from shop.ledger order by loaded_at, object_key');

describe('stream and archive have the same positions', () => {
  test('what the stream brought is known when the archive brings it', async () => {
    warehouse.send(numbered(1), numbered(1), 'GET /', numbered(2));
    await warehouse.refresh();
    await warehouse.loadArchive(
      warehouse.archived(1),
      warehouse.archived(2),
      warehouse.archived(3),
      warehouse.archived(4),
    );
    expect(await warehouse.counts()).toEqual({ events: 2, duplicates: 1, rejects: 1, staged: 0 });
  });

  test('what the archive brought is known when the stream brings it', async () => {
    warehouse.send(numbered(1), numbered(1), 'GET /', numbered(2));
    await warehouse.loadArchive(warehouse.archived(1), warehouse.archived(2), warehouse.archived(3));
    expect(await warehouse.counts()).toMatchObject({ events: 1, duplicates: 1, rejects: 1 });
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 1, rejects: 1 });
    expect(await warehouse.query('select id, source from shop.events order by id')).toEqual([
      ['m1', 'archive'],
      ['m2', 'stream'],
    ]);
  });

  test('a line that the archive has twice counts once', async () => {
    warehouse.send(numbered(1));
    await warehouse.loadArchive(warehouse.archived(1), warehouse.archived(1));
    await warehouse.loadArchive(warehouse.archived(1));
    expect(await warehouse.counts()).toMatchObject({ events: 1, duplicates: 0 });
  });

  test('lines without a place are rejects, each of them', async () => {
    await warehouse.loadArchive(line(numbered(1)), line(numbered(2)), '{"shard_id":');
    expect(await warehouse.counts()).toMatchObject({ events: 0, rejects: 3 });
  });

  test('a record has the same place and content, whichever way it came', async () => {
    const place =
      'select shard_id, sequence_number, partition_key, arrived_at, json_serialize(payload) from shop.events';
    warehouse.send(numbered(1, { order: { amount: 1.5 } }));
    await warehouse.refresh();
    const byStream = await warehouse.query(place);
    await warehouse.execute(['delete from shop.events_51d923f4']);
    await warehouse.loadArchive(warehouse.archived(1));
    expect(await warehouse.query(place)).toEqual(byStream);
  });

  test('what is not JSON keeps its bytes, and its base64 where it is too long', async () => {
    warehouse.send('GET \u00e9', 'x'.repeat(60_000), 'x'.repeat(1_200_000));
    const object = await warehouse.loadArchive(warehouse.archived(1), warehouse.archived(2), warehouse.archived(3));
    const at = `s3://archive/${object.key}`;
    expect(
      await warehouse.query(
        `select reason, octet_length(unparsed), get_array_length(payload), object_key from shop.rejects order by sequence_number`,
      ),
    ).toEqual([
      ['payload: not JSON', 6, true, at],
      ['payload: not JSON', 60_000, true, at],
      [
        'payload: not plain JSON, and its base64 in the archive cannot be decoded: it is malformed, or the record is longer than 1 MiB',
        0,
        25,
        at,
      ],
    ]);
  });

  test('an event of history is a duplicate on the stream and in the archive, and the other way round', async () => {
    warehouse.send(numbered(1), numbered(2));
    await warehouse.load([line(numbered(1))]);
    await warehouse.loadArchive(warehouse.archived(1), warehouse.archived(2));
    await warehouse.load([line(numbered(2))]);
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 2 });
  });
});

describe('an object counts as loaded if its rows are', () => {
  test('the ledger says what was loaded, and how many lines', async () => {
    const batch = await warehouse.load([line(numbered(1)), 'x'], [line(numbered(2))]);
    expect(await ledger()).toEqual(batch.map(({ key, etag }, n) => [key, etag, 'logs', 2 - n]));
  });

  test('an object that was overwritten before it was read changes nothing, nor do its neighbours', async () => {
    const [one, other] = [
      await warehouse.put('shop/a.gz', [line(numbered(1))]),
      await warehouse.put('shop/b.gz', [line(numbered(2))]),
    ];
    await warehouse.put('shop/a.gz', [line(numbered(3)), 'x']);
    await warehouse.loadBatch([one, other]);
    expect(await warehouse.counts()).toEqual({ events: 0, duplicates: 0, rejects: 0, staged: 0 });
    expect(await ledger()).toEqual([]);
    await warehouse.loadBatch([other]);
    expect(await ledger()).toEqual([['shop/b.gz', other.etag, 'logs', 1]]);
  });

  test('an unchanging copy stands for the object that it is a copy of', async () => {
    const object = await warehouse.put('shop/a.gz', [line(numbered(1)), 'GET /']);
    const copy = await warehouse.put('versions/a', [line(numbered(1)), 'GET /'], 'work');
    await warehouse.loadBatch([object], { files: [{ url: `s3://work/${copy.key}`, etag: '' }] });
    expect(await ledger()).toEqual([['shop/a.gz', object.etag, 'logs', 2]]);
    expect(await warehouse.query('select object_key, line from shop.rejects')).toEqual([['s3://history/shop/a.gz', 2]]);
  });

  test('the same bytes again are loaded before, other bytes are an object of their own', async () => {
    const first = await warehouse.put('shop/a.gz', [line(numbered(1))]);
    await warehouse.loadBatch([first]);
    const again = await warehouse.put('shop/a.gz', [line(numbered(1))]);
    expect(await warehouse.ask('loaded', [again])).toEqual([['shop/a.gz', first.etag]]);
    expect(await warehouse.ask('overwritten', [again])).toEqual([]);
    const other = await warehouse.put('shop/a.gz', [line(numbered(2))]);
    expect(await warehouse.ask('loaded', [other])).toEqual([]);
    expect(await warehouse.ask('overwritten', [other])).toEqual([['shop/a.gz']]);
    await warehouse.loadBatch([other]);
    expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 0 });
  });

  test('a reject names its object where the batch had only one', async () => {
    await warehouse.load([line({ messageId: 7 })]);
    expect(await warehouse.query('select object_key, reason from shop.rejects')).toEqual([
      ['s3://history/shop/1.gz', 'id: expected a string, got a number'],
    ]);
  });
});

describe('what the ledger does not have', () => {
  const listed = (key: string, etag: string, time = '10:00:00') => ({
    object_key: key,
    etag,
    size: 10,
    last_modified: `2026-11-21 ${time}`,
  });
  const park = (statement: 'park' | 'unpark', objects: unknown[]) => {
    const values = { objects: JSON.stringify(objects), ...(statement === 'park' ? { reason: "it's broken" } : {}) };
    return warehouse.execute([loadPlan(warehouse.pipeline)[statement]], values);
  };

  test('is what is listed, not loaded, not parked and not too young, the oldest first', async () => {
    const [loaded] = await warehouse.load([line(numbered(1))]);
    const parked = { bucket: 'history', key: 'shop/bad.gz', etag: 'p', versionId: '', size: 1 };
    await park('park', [parked]);
    await park('park', [parked]);
    const list = [
      listed(loaded!.key, loaded!.etag),
      listed(loaded!.key, 'new'),
      listed('shop/bad.gz', 'p'),
      listed('shop/old.gz', 'o', '09:00:00'),
      listed('shop/young.gz', 'y', '10:30:00'),
    ];
    await warehouse.list([listed('shop/gone.gz', 'g')]);
    await warehouse.list(list);
    const missing = async () => (await warehouse.missing('2026-11-21 10:30:00')).map(([key, etag]) => [key, etag]);
    expect(await missing()).toEqual([
      ['shop/old.gz', 'o'],
      [loaded!.key, 'new'],
    ]);
    expect(await warehouse.query('select object_key, reason from shop.parked')).toEqual([
      ['shop/bad.gz', "it's broken"],
    ]);
    await park('unpark', [parked]);
    expect(await missing()).toContainEqual(['shop/bad.gz', 'p']);
  });

  test('queues an overwritten key also where that is a mistake: only the load function can raise the alarm', async () => {
    const [loaded] = await warehouse.load([line(numbered(1))]);
    warehouse.pipeline = aPipeline({ history: [aSource({ overwritten: 'alarm' })] });
    await warehouse.list([listed(loaded!.key, 'new'), listed('shop/2.gz', 'n')]);
    expect((await warehouse.missing('2026-11-22 00:00:00')).map(([key]) => key).sort()).toEqual(
      [loaded!.key, 'shop/2.gz'].sort(),
    );
  });
});

describe('a pause longer than the stream keeps a record', () => {
  const gaps = () => warehouse.query(refreshPlan(warehouse.pipeline).gaps!);
  const day = 24 * 60;

  test('is a gap that names shard, sequence number and times, once', async () => {
    warehouse.send(numbered(1), numbered(2));
    await warehouse.refresh();
    await warehouse.refresh();
    warehouse.pass(day + 30);
    warehouse.send(numbered(3));
    await warehouse.refresh();
    await warehouse.refresh();
    const found = await gaps();
    expect(found).toHaveLength(1);
    const [shard, after, from, to] = found[0]! as string[];
    expect([shard, after]).toEqual(['shardId-000000000000', `4${'2'.padStart(55, '0')}`]);
    const [[merged]] = (await warehouse.query('select min(merged_at) from shop.runs')) as [[string]];
    expect(from).toBe(merged);
    expect(Date.parse(to!) - Date.parse(from!)).toBe(32 * 60_000);
  });

  test('is a gap of the whole stream where no shard had a record', async () => {
    await warehouse.refresh();
    warehouse.pass(day + 30);
    await warehouse.refresh();
    expect(await warehouse.query('select count(*), count(shard_id) from shop.gaps')).toEqual([[1, 0]]);
  });

  test('before anything was ever merged is a gap from the creation of the landing view on', async () => {
    const [[created]] = (await warehouse.query('select merged_at from shop.checkpoints')) as [[string]];
    warehouse.send(numbered(1));
    warehouse.pass(day + 90);
    await warehouse.refresh();
    expect(await warehouse.query('select count(*), count(shard_id), min(from_time) from shop.gaps')).toEqual([
      [1, 0, created],
    ]);
  });

  test('a shorter one is none', async () => {
    warehouse.send(numbered(1));
    await warehouse.refresh();
    warehouse.pass(day - 5);
    await warehouse.refresh();
    expect(await gaps()).toEqual([]);
  });
});

describe('rejects are merged again under the present columns', () => {
  const retry = () => warehouse.execute(retryStatements(warehouse.pipeline), { run_id: 'retry-1' });
  const withKinds = (...oneOf: string[]) =>
    aPipeline({
      history: [aSource()],
      columns: aPipeline().columns.map((column) =>
        column.type === 'varchar' && column.name === 'kind' ? { ...column, oneOf } : column,
      ),
    });

  test('what fits now is an event or a duplicate, what does not stays, and nothing is counted twice', async () => {
    warehouse.send(numbered(2, { kind: 'c' }), 'GET /', { messageId: 7 }, numbered(1));
    await warehouse.refresh();
    await warehouse.load([line(numbered(2, { kind: 'd' }))], ['x']);
    expect(await warehouse.counts()).toMatchObject({ events: 1, duplicates: 0, rejects: 5 });
    const before = await warehouse.query(
      'select reason, run_id, merged_at, object_key, line from shop.rejects order by reason, line',
    );

    await retry();
    expect(
      await warehouse.query(
        'select reason, run_id, merged_at, object_key, line from shop.rejects order by reason, line',
      ),
    ).toEqual(before);

    warehouse.pipeline = withKinds('a', 'b', 'c', 'd');
    await retry();
    expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 1, rejects: 3 });
    expect(await warehouse.query(`select id, kind, source, run_id from shop.events where kind is not null`)).toEqual([
      ['m2', 'c', 'stream', 'retry-1'],
    ]);
    expect(
      await warehouse.query('select sum(rows_read), sum(events), sum(duplicates), sum(rejects) from shop.runs'),
    ).toEqual([['6', '2', '1', '3']]);
    await retry();
    warehouse.pass();
    await warehouse.rebuildLanding({ lastMerge: false });
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 1, rejects: 3 });
  });
});
