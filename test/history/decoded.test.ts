/**
 * Records that Redshift cannot read: compressed ones, several objects in one record, and aggregates of the Producer
 * Library. They have the same outcome from the stream and from the archive, in either order, and count once (decision
 * 34).
 */
import { deflateSync, gzipSync } from 'node:zlib';
import { aggregate } from 'kinesis-reader/testing';
import type { Pipeline, RecordShape } from '../../pipelines/definition';
import { createRandom, type Random } from '../../pipelines/generator/random';
import { retryOf } from '../support/commands';
import { SeamWorld } from '../support/seam';
import { cases, secondTierTest, seedOf } from '../support/tier';

const shopOf = (records?: RecordShape, more: Partial<Pipeline> = {}): Pipeline => ({
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24, ...(records && { records }) },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 64, required: true },
    { name: 'price', path: ['price'], type: 'bigint' },
  ],
  history: [{ name: 'lines', globs: ['in/*'], format: 'ndjson', compression: 'none' }],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
  ...more,
});

const everyForm: RecordShape = { decode: ['gzip', 'zlib', 'aggregate', 'objects'] };

let world: SeamWorld;
afterEach(() => world.dispose());

async function load(bucket: 'archive' | 'history', key: string): Promise<void> {
  await world.notify(bucket, key);
  await world.pass(5);
  expect(world.deadLetters()).toEqual([]);
}

/** The tables' rows, without the path that they took. What waits to be decoded is not counted by the runs. */
async function outcomes() {
  const events = await world.query(
    'select id, sequence_number, partition_key, json_serialize(payload) from shop.events order by 1',
  );
  const [[duplicates, waiting] = []] = await world.query(
    'select (select count(*) from shop.duplicates), (select count(*) from shop.rejects where decode_after is not null)',
  );
  const rejects = await world.query(
    "select reason, sequence_number, case when unparsed is null then json_serialize(payload) else from_varbyte(unparsed, 'hex') end from shop.rejects order by 1, 2, 3",
  );
  const counted = await world.query('select sum(events), sum(duplicates), sum(rejects) from shop.runs');
  expect(counted[0]!.map(Number)).toEqual([events.length, duplicates, rejects.length - Number(waiting)]);
  return { events, duplicates, rejects, waiting };
}

/** A record with the ids of its events, and the reasons of its rejects. */
interface Sent {
  readonly bytes: Buffer;
  readonly ids: readonly string[];
  readonly reasons: readonly string[];
}

const reasons = {
  gzip: 'payload: gzip that cannot be decoded',
  zlib: 'payload: zlib that cannot be decoded',
  aggregate: 'payload: an aggregate of the Kinesis Producer Library that cannot be taken apart',
  text: 'payload: not JSON that SUPER takes',
  other: 'payload: not JSON',
};

const cut = (bytes: Buffer) => bytes.subarray(0, -3);

/** Generates records of every form, with what the forms say becomes of them. */
function oddRecords(random: Random, count: number): Sent[] {
  let ids = 0;
  const event = () => {
    ids += 1;
    return {
      id: `e${String(ids).padStart(4, '0')}`,
      text: JSON.stringify({ id: `e${String(ids).padStart(4, '0')}`, price: 1 }),
    };
  };
  const good = (texts: readonly { id: string }[], bytes: Buffer | string): Sent => ({
    bytes: Buffer.from(bytes),
    ids: texts.map(({ id }) => id),
    reasons: [],
  });
  const bad = (bytes: Buffer | string, reason: string): Sent => ({
    bytes: Buffer.from(bytes),
    ids: [],
    reasons: [reason],
  });
  const objects = () => {
    const list = Array.from({ length: 2 + random.below(4) }, event);
    return good(list, list.map(({ text }) => text).join(random.pick(['', '\n', ' \r\n', '\t'])));
  };
  const plain = () => {
    const one = event();
    return good([one], one.text);
  };
  const text = () => random.pick([plain, objects])();
  const compressed = (make: (bytes: Buffer) => Buffer) => {
    const inside = text();
    return { ...inside, bytes: make(inside.bytes) };
  };
  const simple: (() => Sent)[] = [
    plain,
    objects,
    () => compressed(gzipSync),
    () => compressed(deflateSync),
    () => bad(cut(gzipSync(plain().bytes)), reasons.gzip),
    () => bad(cut(deflateSync(plain().bytes)), reasons.zlib),
    () => bad(gzipSync(gzipSync('{"id":"x"}')), reasons.gzip),
    () => bad(gzipSync(Buffer.alloc(17_000_000, ' ')), reasons.gzip),
    () => bad(gzipSync('{"id":'), reasons.text),
    () => bad(`${objects().bytes} and more`, reasons.text),
    () => bad('{"id":"y","id":"z"}', reasons.text),
    () => bad('x^ is the beginning of a zlib', reasons.zlib),
    () => bad('GET /', reasons.other),
    () => {
      const [one, other] = [plain(), plain()];
      return {
        ...one,
        bytes: Buffer.from(`${one.bytes}{"id":1}${other.bytes}`),
        ids: [...one.ids, ...other.ids],
        reasons: ['id: expected a string, got a number'],
      };
    },
  ];
  const any: (() => Sent)[] = [
    ...simple,
    () => {
      const users = Array.from({ length: 1 + random.below(4) }, () => random.pick(simple)());
      const bytes = aggregate(users.map(({ bytes: data }, index) => ({ key: `k${index}`, data })));
      return {
        bytes: Buffer.from(bytes),
        ids: users.flatMap((user) => user.ids),
        reasons: users.flatMap((user) => user.reasons),
      };
    },
    () => {
      const bytes = Buffer.from(aggregate([{ key: 'k', data: plain().bytes.toString() }]));
      bytes[bytes.length - 1]! ^= 1;
      return bad(bytes, reasons.aggregate);
    },
  ];
  return Array.from({ length: count }, (_, index) => (any[index] ?? random.pick(any))());
}

const expected = (sent: readonly Sent[]) => ({
  ids: sent.flatMap(({ ids }) => ids).sort(),
  reasons: sent.flatMap((record) => record.reasons).sort(),
});
const shortReasons = Object.values(reasons).sort((a, b) => b.length - a.length);
const summary = ({ events, rejects, duplicates, waiting }: Awaited<ReturnType<typeof outcomes>>) => {
  expect([duplicates, waiting]).toEqual([0, 0]);
  return {
    ids: events.map(([id]) => String(id)),
    reasons: rejects
      .map(([reason]) => shortReasons.find((short) => String(reason).startsWith(short)) ?? String(reason))
      .sort(),
  };
};

const archived = async () => load('archive', await world.archive(await world.records()));

const walks = Array.from({ length: cases(1, 6) }, (_, index) => ({
  seed: seedOf(Math.floor(index / 2)),
  first: index % 2 === 0 ? 'stream' : 'archive',
}));

test.each(walks)('generated records, seed $seed: $first first', async ({ seed, first }) => {
  const sent = oddRecords(createRandom(`decoded ${seed}`), cases(30, 60));
  world = await SeamWorld.open(shopOf(everyForm));
  world.send(...sent.map(({ bytes }) => bytes));
  const paths = [() => world.tick('refresh'), archived];
  if (first === 'archive') paths.reverse();
  await paths[0]!();
  const found = await outcomes();
  expect(summary(found)).toEqual(expected(sent));
  await paths[1]!();
  expect(await outcomes()).toEqual(found);
});

test('objects of a record and events in them have the outcome of the same text in a file', async () => {
  const records = { ...everyForm, unwrap: ['batch', '*'] };
  const list = (...ids: unknown[]) => JSON.stringify({ batch: ids.map((id) => ({ id, price: 1 })) });
  const texts = [`${list('a', 7)}${list('b', 'c')}`, `${list('d')}\n{}`, `${list('e')} and more`];
  const given = {
    name: 'lines',
    globs: ['in/*'],
    format: 'ndjson',
    compression: 'none',
    records: { unwrap: ['batch', '*'] },
  } as const;
  world = await SeamWorld.open(shopOf(records, { history: [given] }));
  world.send(gzipSync(texts[0]!), texts[1]!, deflateSync(texts[2]!));
  await world.tick('refresh');
  const results = async (source: string) => [
    await world.query(
      `select id from shop.events where source = '${source}' union all select event_id from shop.duplicates where source = '${source}' order by 1`,
    ),
    await world.query(
      `select reason, case when unparsed is null then json_serialize(payload) else from_varbyte(unparsed, 'utf8') end from shop.rejects where source = '${source}' order by 1, 2`,
    ),
  ];
  const [events, rejects] = await results('archive');
  expect(events!.flat()).toEqual(['a', 'b', 'c', 'd']);
  expect(rejects).toEqual([
    ['id: expected a string, got a number', '{"id":7,"price":1}'],
    [expect.stringContaining(reasons.text), texts[2]],
    ['payload: nothing at batch.an element', '{}'],
  ]);
  const places = await world.query('select id, substring(sequence_number, 57, 9) from shop.events order by 1');
  expect(places.map(([, place]) => place)).toEqual(['', '/1', '/1.1', '']);
  for (const [index, text] of texts.entries()) {
    await world.put(`in/${index}`, text);
    await load('history', `in/${index}`);
  }
  expect((await results('history'))[1]).toEqual(rejects);
  expect(await world.query('select count(*) from shop.duplicates')).toEqual([[4]]);
});

describe('a record that waits', () => {
  const given = () => [gzipSync('{"id":"a","price":1}'), { id: 'b', price: 2 }];
  const ids = async () => (await outcomes()).events.map(([id]) => id);

  test('is unloaded again if the notification of its file was lost, and holds back what depends on it', async () => {
    world = await SeamWorld.open(shopOf(everyForm), { faults: { notifications: [[]] } });
    world.send(...given());
    await world.tick('refresh');
    const [[sent] = []] = await world.query('select arrived_at from shop.rejects');
    expect((await outcomes()).waiting).toBe(1);
    await world.tick('refresh');
    await world.tick('refresh');
    expect(await world.query('select max(merged_until), max(complete_until) from shop.checkpoints')).toEqual([
      [sent, sent],
    ]);
    await world.pass(55);
    expect(await ids()).toEqual(['b']);
    await world.pass(5);
    await world.tick('refresh');
    expect(await ids()).toEqual(['a', 'b']);
    await world.tick('refresh');
    const [[later] = []] = await world.query(`select count(*) from shop.checkpoints where complete_until > '${sent}'`);
    expect(Number(later)).toBeGreaterThan(0);
  });

  secondTierTest.each(Array.from({ length: 14 }, (_, index) => index + 1))(
    'counts once if its notification comes twice and the load function dies at call %i',
    async (call) => {
      world = await SeamWorld.open(shopOf(everyForm), { faults: { notifications: [[0, 90_000]] } });
      world.kills['load'] = { call, after: true };
      world.send(...given());
      await world.tick('refresh');
      await world.pass(125);
      expect(await ids()).toEqual(['a', 'b']);
      expect(await outcomes()).toMatchObject({ duplicates: 0, rejects: [] });
      expect(world.waiting()).toBe(0);
    },
  );

  secondTierTest('is left to the next hour if it cannot be unloaded; the run goes on', async () => {
    const fail = { kind: 'fail', error: 'S3 refused' } as never;
    world = await SeamWorld.open(shopOf(everyForm), {
      faults: { statements: { refresh: [undefined, undefined, fail] } },
    });
    world.send(...given());
    await world.tick('refresh');
    expect(await ids()).toEqual(['b']);
    await world.tick('refresh');
    expect(await ids()).toEqual(['a', 'b']);
  });
});

describe('a retry after the declaration makes events of rejects', () => {
  const undeclared = shopOf(undefined);
  const declared = (records: RecordShape, history: RecordShape = {}) =>
    shopOf(records, { history: [{ ...undeclared.history![0]!, records: history }] });
  const ids = async () => (await outcomes()).events.map(([id]) => id);
  const retry = async (next: Pipeline) => {
    world.takeOver(next);
    const planned = await retryOf(world.cloud, next, false);
    const { runId, ...done } = await retryOf(world.cloud, next, true);
    expect(planned).toEqual(done);
    return done;
  };
  const event = (id: unknown) => ({ id, price: 1 });

  test('that are encoded: the next run decodes them', async () => {
    world = await SeamWorld.open(undeclared);
    const array = JSON.stringify([event('d'), event('e')]);
    world.send(gzipSync('{"id":"a"}{"id":"b"}'), '{"id":"c"} {}', gzipSync(array), 'GET /', event('f'));
    await world.tick('refresh');
    expect(await ids()).toEqual(['f']);
    const next = declared({ decode: ['gzip', 'objects'], unwrap: ['*'] });
    expect(await retry(declared({ decode: ['gzip', 'objects'] }))).toMatchObject({
      chosen: 4,
      judged: 0,
      events: 0,
      waiting: 3,
      after: 1,
    });
    world.takeOver(next);
    expect(await outcomes()).toMatchObject({ waiting: 3 });
    world.takeOver(declared({ decode: ['gzip', 'objects'] }));
    await world.tick('refresh');
    const decoded = await outcomes();
    expect(decoded.events.map(([id]) => id)).toEqual(['a', 'b', 'c', 'f']);
    expect(decoded.rejects.map(([reason]) => reason)).toEqual([
      'id: missing',
      'payload: expected an object, got an array',
      'payload: not JSON',
    ]);
    expect(await retry(next)).toMatchObject({ chosen: 3, events: 2, waiting: 0, before: 3, after: 2 });
    expect(await ids()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    const all = await outcomes();
    await archived();
    expect(await outcomes()).toEqual(all);
  });

  test('that are wrapped: from the stream and from files, each record once', async () => {
    world = await SeamWorld.open(undeclared);
    const list = (...of: unknown[]) => ({ batch: of.map((id) => (id === null ? {} : { data: event(id) })) });
    world.send(list('a', 'b'), list('c', 7, null), { batch: [] }, { other: 1 });
    await world.tick('refresh');
    await world.put('in/x', `${JSON.stringify(list('h', 'a'))}\n${JSON.stringify({ other: 2 })}`);
    await load('history', 'in/x');
    expect(await outcomes()).toMatchObject({ events: [], duplicates: 0 });
    const unwrap = ['batch', '*', 'data'];
    expect(await retry(declared({ unwrap }, { unwrap }))).toMatchObject({
      chosen: 6,
      judged: 6,
      events: 4,
      duplicates: 1,
      after: 5,
    });
    expect(await ids()).toEqual(['a', 'b', 'c', 'h']);
    const retried = await outcomes();
    expect(retried.rejects.map(([reason, , kept]) => [reason, kept])).toEqual([
      ['id: expected a string, got a number', '{"id":7,"price":1}'],
      ['id: missing', '{"batch":[]}'],
      ['id: missing', '{"other":1}'],
      ['id: missing', '{"other":2}'],
      ['payload: an element has nothing at data', '{}'],
    ]);
    const places = await world.query(
      "select count(*) from shop.rejects where source = 'history' and (object_key is null or line is null)",
    );
    expect(places).toEqual([[0]]);
    expect(await retry(declared({ unwrap }, { unwrap }))).toMatchObject({
      chosen: 5,
      judged: 4,
      events: 0,
      before: 5,
      after: 5,
    });
    expect(await outcomes()).toEqual(retried);
    await archived();
    expect(await outcomes()).toEqual(retried);
  });
});
