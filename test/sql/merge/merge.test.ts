import { aPipeline, aSource, aView } from '../fixtures';
import { TestWarehouse } from '../warehouse';

let warehouse: TestWarehouse;

beforeEach(async () => {
  warehouse = await TestWarehouse.create(
    aPipeline({
      history: [aSource()],
      views: [aView('sold', 'select kind, count(*) as sales, sum(amount) as amount from shop.events group by kind')],
    }),
  );
});
afterEach(() => warehouse.dispose());

const reasons = async () =>
  (await warehouse.query('select reason from shop.rejects order by sequence_number, line')).map(([reason]) => reason);
const numbered = (n: number) => ({ messageId: `m${n}` });

describe('what becomes an event', () => {
  test('every column has its type, and what is absent is null', async () => {
    warehouse.send(
      {
        messageId: 'é',
        kind: 'a',
        order: { amount: 12.5, pieces: 9007199254740993n.toString().length },
        weight: 1e-3,
        gift: true,
        timestamp: '2026-11-21T10:00:00.123Z',
      },
      { messageId: 'n', kind: null },
    );
    await warehouse.refresh();
    expect(
      await warehouse.query('select id, kind, amount, pieces, weight, gift, at from shop.events order by id'),
    ).toEqual([
      ['n', ...Array(6).fill(true)],
      ['é', 'a', '12.50', 16, 0.001, true, '2026-11-21 10:00:00.123'],
    ]);
  });

  test('a time is stored in UTC, to the microsecond', async () => {
    const times: [string, string][] = [
      ['2026-11-21T10:00:00', '2026-11-21 10:00:00'],
      ['2026-11-21T10:00:00Z', '2026-11-21 10:00:00'],
      ['2026-11-21 10:00:00.5', '2026-11-21 10:00:00.5'],
      ['2026-11-21T10:00:00.123456789Z', '2026-11-21 10:00:00.123456'],
      ['2026-11-21T10:00:00+02:00', '2026-11-21 08:00:00'],
      ['2026-11-21T23:45:00.25-05:30', '2026-11-22 05:15:00.25'],
      ['2028-02-29T00:00:00+00:00', '2028-02-29 00:00:00'],
    ];
    warehouse.send(...times.map(([timestamp], n) => ({ ...numbered(n), timestamp })));
    await warehouse.refresh();
    expect(await warehouse.query('select at from shop.events order by id')).toEqual(
      times.map(([, stored]) => [stored]),
    );
  });
});

describe('what becomes a reject, and why', () => {
  const bad: [unknown, string][] = [
    ['GET /', 'payload: not JSON'],
    ['', 'payload: not JSON'],
    [
      '{"messageId":"m"',
      'payload: not JSON that SUPER takes: malformed, an attribute twice in an object, more than 1,000 levels, half a surrogate pair, or a number out of range',
    ],
    [[numbered(1)], 'payload: expected an object, got an array'],
    ['7', 'payload: expected an object, got a number'],
    ['null', 'payload: expected an object, got null'],
    [{}, 'id: missing'],
    [{ messageId: null }, 'id: missing'],
    [{ messageID: 'm' }, 'id: missing'],
    [{ messageId: 12 }, 'id: expected a string, got a number'],
    [{ messageId: {} }, 'id: expected a string, got an object'],
    [{ messageId: 'é'.repeat(9) }, 'id: longer than 16 bytes'],
    [{ messageId: 'x'.repeat(900_000) }, 'id: longer than 16 bytes'],
    [{ ...numbered(1), kind: 'c' }, 'kind: not one of a, b'],
    [{ ...numbered(1), kind: '' }, 'kind: not one of a, b'],
    [{ ...numbered(1), order: { amount: '12' } }, 'amount: expected a number, got a string'],
    [{ ...numbered(1), order: { amount: 1.005 } }, 'amount: does not fit decimal(6,2)'],
    [{ ...numbered(1), order: { amount: 10000 } }, 'amount: does not fit decimal(6,2)'],
    [{ ...numbered(1), order: { pieces: 1.5 } }, 'pieces: not a whole number in the range of bigint'],
    ['{"messageId":"m","order":{"pieces":9223372036854775808}}', 'pieces: not a whole number in the range of bigint'],
    [{ ...numbered(1), gift: 'true' }, 'gift: expected a boolean, got a string'],
    [{ ...numbered(1), gift: 1 }, 'gift: expected a boolean, got a number'],
    [{ ...numbered(1), weight: '1' }, 'weight: expected a number, got a string'],
    [{ ...numbered(1), timestamp: 1763719200 }, 'at: expected a string, got a number'],
    [{ ...numbered(1), timestamp: 'yesterday' }, 'at: not an ISO 8601 timestamp'],
    [{ ...numbered(1), timestamp: '' }, 'at: not an ISO 8601 timestamp'],
    [{ ...numbered(1), timestamp: '2026-02-30T10:00:00Z' }, 'at: not an ISO 8601 timestamp'],
    [{ ...numbered(1), timestamp: '2026-11-21T24:00:00Z' }, 'at: not an ISO 8601 timestamp'],
    [{ ...numbered(1), timestamp: '2026-11-21T10:00:00+0200' }, 'at: not an ISO 8601 timestamp'],
    [{ ...numbered(1), timestamp: '2026-11-21' }, 'at: not an ISO 8601 timestamp'],
  ];

  test('each is judged by itself, and its neighbours are not lost', async () => {
    warehouse.send(numbered(0), ...bad.map(([record]) => record), numbered(2));
    await warehouse.refresh();
    expect(await reasons()).toEqual(bad.map(([, reason]) => reason));
    expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 0, rejects: bad.length });
  });

  test('is kept as it came', async () => {
    warehouse.send('GET /', { messageId: 7 });
    await warehouse.refresh();
    expect(
      await warehouse.query(
        `select from_varbyte(unparsed, 'utf8'), json_serialize(payload) from shop.rejects order by sequence_number`,
      ),
    ).toEqual([
      ['GET /', true],
      [true, '{"messageId":7}'],
    ]);
  });
});

describe('every position has exactly one outcome', () => {
  test('equal ids in one batch and across batches: the first is the event', async () => {
    warehouse.send({ ...numbered(1), kind: 'a' }, { ...numbered(1), kind: 'b' }, numbered(2));
    await warehouse.refresh();
    warehouse.send({ ...numbered(2), kind: 'b' }, numbered(3));
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 3, duplicates: 2, rejects: 0 });
    expect(await warehouse.query('select id, kind from shop.events order by id')).toEqual([
      ['m1', 'a'],
      ['m2', true],
      ['m3', true],
    ]);
  });

  test('a run without news changes nothing', async () => {
    warehouse.send(numbered(1), 'x');
    await warehouse.refresh();
    await warehouse.refresh();
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 1, duplicates: 0, rejects: 1 });
    expect(await warehouse.query('select rows_read from shop.runs order by merged_at')).toEqual([[2], [0], [0]]);
  });

  test.each([true, false])(
    'reading the stream again from its beginning changes nothing (last merge: %s)',
    async (lastMerge) => {
      warehouse.send(numbered(1), numbered(1), 'x', numbered(2));
      await warehouse.refresh();
      await warehouse.rebuildLanding({ lastMerge });
      warehouse.send(numbered(2), numbered(3));
      await warehouse.refresh();
      expect(await warehouse.counts()).toMatchObject({ events: 3, duplicates: 2, rejects: 1 });
      expect(
        await warehouse.query(
          `select rows_read, events, duplicates, rejects from shop.runs where source = 'stream' order by merged_at desc limit 1`,
        ),
      ).toEqual([[6, 1, 1, 0]]);
    },
  );

  test('a row that landed and was not merged is merged before its landing view goes', async () => {
    warehouse.send(numbered(1));
    await warehouse.land();
    await warehouse.rebuildLanding({ lastMerge: true });
    expect(await warehouse.counts()).toMatchObject({ events: 1 });
  });
});

describe('history', () => {
  const line = (value: unknown) => JSON.stringify(value);

  test('goes through the same gate as the stream, whichever comes first', async () => {
    warehouse.send(numbered(1));
    await warehouse.refresh();
    await warehouse.load([line(numbered(1)), line(numbered(2)), line({ messageId: 5 })], [line(numbered(2))]);
    warehouse.send(numbered(2));
    await warehouse.refresh();
    expect(await warehouse.counts()).toEqual({ events: 2, duplicates: 3, rejects: 1, staged: 0 });
  });

  test('a line that is not JSON is a reject that names its object and line', async () => {
    await warehouse.load([line(numbered(1)), 'GET /', line(numbered(2))]);
    expect(await warehouse.counts()).toEqual({ events: 2, duplicates: 0, rejects: 1, staged: 0 });
    const [[key, at, reason]] = (await warehouse.query('select object_key, line, reason from shop.rejects')) as [
      [string, number, string],
    ];
    expect([key, at]).toEqual(['s3://history/shop/1.gz', 2]);
    expect(reason).toMatch(/^payload: ./);
    expect(await warehouse.query('select rows_read, events, rejects from shop.runs')).toEqual([[3, 2, 1]]);
  });

  test('a batch that was loaded changes nothing when it is loaded again', async () => {
    const batch = await warehouse.load([line(numbered(1)), 'x']);
    await warehouse.loadBatch(batch);
    expect(await warehouse.counts()).toEqual({ events: 1, duplicates: 0, rejects: 1, staged: 0 });
    expect(await warehouse.query('select count(*) from shop.ledger')).toEqual([[1]]);
  });

  test('a batch of which one object was loaded changes nothing, and the other is not taken for loaded', async () => {
    const first = await warehouse.load([line(numbered(1))]);
    const second = await warehouse.load([line(numbered(2))]);
    await warehouse.forget('shop/2.gz');
    const both = [...first, ...second];
    await warehouse.loadBatch(both);
    expect(await warehouse.ask('loaded', both)).toEqual([['shop/1.gz', first[0]!.etag]]);
    await warehouse.loadBatch(second);
    expect(await warehouse.counts()).toEqual({ events: 2, duplicates: 1, rejects: 0, staged: 0 });
  });
});

test('views follow the merge, and only then is the time up to which they are complete', async () => {
  warehouse.send(
    { ...numbered(1), kind: 'a', order: { amount: 1.25 } },
    { ...numbered(2), kind: 'a', order: { amount: 2 } },
  );
  await warehouse.refresh();
  expect(await warehouse.query('select kind, sales, amount from shop.sold')).toEqual([['a', 2, '3.25']]);
  expect(await warehouse.query('select complete_until from shop.checkpoints where refresh_time is not null')).toEqual([
    [true],
  ]);
  const merged = await warehouse.query('select merged_at from shop.checkpoints where refresh_time is not null');
  await warehouse.refresh();
  expect(await warehouse.query('select complete_until from shop.checkpoints where refresh_time is not null')).toEqual(
    merged,
  );
});
