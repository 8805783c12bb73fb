/** What `millrace tail` says of records before the merge has them is what the merge then does with them. */
import { gzipSync } from 'node:zlib';
import type { StreamRecord } from 'kinesis-reader';
import { aggregate } from 'kinesis-reader/testing';
import { gathered } from '../../cli/commands/streams/gathered';
import { jsonLine, textLine } from '../../cli/commands/tail/lines';
import { MergeOutcomes, type Payload } from '../../cli/commands/tail/merge-outcomes';
import { styleFor } from '../../cli/terminal';
import type { Pipeline } from '../../pipelines/definition';
import { SeamWorld } from '../support/seam';
import { everyNth } from '../support/tier';

const shop: Pipeline = {
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 8, required: true },
    { name: 'price', path: ['price'], type: 'integer' },
    { name: 'paid_at', path: ['paid', 'at'], type: 'timestamp' },
  ],
  history: [{ name: 'lines', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};
const filtering: Pipeline = { ...shop, where: [{ path: ['type'], oneOf: ['order'] }] };
const wrapping: Pipeline = { ...shop, stream: { ...shop.stream, records: { unwrap: ['events', '*'] } } };

const payloads: readonly (string | Buffer)[] = [
  '{"id":"a","price":1,"type":"order"}',
  '{"id":"b","price":"1","type":"order"}',
  '{"id":"longer than eight","price":7000000000,"paid":{"at":"yesterday"},"type":"order"}',
  '{"type":"order"}',
  '{"id":"c","type":"visit"}',
  '{"id":"d"}',
  '{"id":"e","id":"f","type":"order"}',
  '{"events":[{"id":"g"},{"price":1},{"id":"h","price":-7000000000},3]}',
  '{"events":{"id":"i"}}',
  '[]',
  'null',
  '"text"',
  '\ufeff{"id":"j","type":"order"}',
  'not json',
  '{"id":"k"',
  '',
  Buffer.from([0xff, 0xfe, 0]),
  gzipSync('{"id":"l","type":"order"}'),
  `{"id":"m","type":"order","text":"${'x'.repeat(200_000)}"}`,
];

const recordOf = (bytes: Uint8Array, id: string): StreamRecord<Payload> => ({
  value: { bytes, value: 'not read' },
  _kinesis: { shard_id: 'shardId-000000000001', seq_no: id, ts: new Date(0), partition: 'p', stream_name: 's' },
  _kinesis_msg_id: id,
});

const records = payloads.map((payload, n) => recordOf(Buffer.from(payload), String(n)));
/** An aggregate is one record of the stream, and the reader yields its parts. */
const parts = ['{"id":"x"}', '{"id":"y"}'].map((part, n) => recordOf(Buffer.from(part), `agg#${n}`));

let world: SeamWorld | undefined;
afterEach(() => world?.dispose());

const walked: readonly (readonly [string, Pipeline])[] = [
  ['where', filtering],
  ['an array of events', wrapping],
];
test.each(everyNth(walked, 2))('the outcomes of a pipeline with %s are those of the merge', async (_, pipeline) => {
  const outcomes = new MergeOutcomes(pipeline);
  try {
    const foretold = await outcomes.of([...records, ...parts]);
    world = await SeamWorld.open(pipeline);
    const aggregated = aggregate([{ key: 'p', data: '{"id":"x"}' }]);
    for (const payload of [...payloads, aggregated]) {
      world.send(Buffer.from(payload));
      await world.pass(1);
    }
    await world.tick('refresh');
    await world.pass(5);
    const merged = await world.query(
      `select coalesce(split_part(sequence_number, '.', 2), '') as event, reason, null as skipped, arrived_at, sequence_number from shop.rejects
       ${pipeline.where ? "union all select '', null, name, arrived_at, sequence_number from shop.skipped" : ''}
       order by arrived_at, 1`,
    );
    const texts = new Map<string, string[]>();
    for (const [event, reason, skipped, , position] of merged) {
      const record = String(position).split('.')[0]!;
      const text = JSON.stringify([event, reason, skipped]);
      texts.set(record, [...(texts.get(record) ?? []), text]);
    }
    expect(foretold.at(-1)).toEqual(foretold.at(-2));
    const mine = foretold
      .slice(0, -1)
      .flatMap((outcome) => (outcome ? [eventsOf(outcome.reject, outcome.skipped)] : []));
    expect(mine).toEqual([...texts.values()]);
    expect(mine.length).toBeGreaterThan(8);
  } finally {
    await outcomes.dispose();
  }
});

/** Takes `event 2: …; event 3: …` apart, as rows of `rejects` are. */
function eventsOf(reject: string | undefined, skipped: string | undefined): string[] {
  if (reject === undefined) return [JSON.stringify(['', null, skipped])];
  return reject.split('; ').map((one) => {
    const [, event = '', reason = one] = /^event (\d+): (.*)$/s.exec(one) ?? [];
    return JSON.stringify([event, reason, null]);
  });
}

test('lines name the outcome', () => {
  const stdout = { write: () => true };
  const style = styleFor(stdout, {});
  const json = { ...records[0]!, value: { bytes: Buffer.from('{}'), value: { id: 7 } } };
  const line = (outcome?: object) => textLine(json, outcome, style, stdout).slice(36);
  expect(line()).toBe('{"id":7}');
  expect(line({ reject: 'id: expected a string' })).toBe('✘ id: expected a string: {"id":7}');
  expect(line({ skipped: 'type=visit' })).toBe('– left to another pipeline (type=visit): {"id":7}');
  expect(JSON.parse(jsonLine(json, { reject: 'why' }))).toMatchObject({ value: { id: 7 }, reject: 'why' });
});

describe('lists that gather while the consumer works', () => {
  const source = async function* (lists: readonly (readonly number[])[], error?: Error) {
    for (const list of lists) yield list;
    if (error) throw error;
  };
  const drained = async (lists: AsyncIterable<readonly number[]>) => {
    const found: (readonly number[])[] = [];
    for await (const list of lists) {
      found.push(list);
      await new Promise(setImmediate);
    }
    return found;
  };
  test('hold every item once, in order, in fewer lists', async () => {
    const found = await drained(gathered(source([[1], [2, 3], [4], [5]])));
    expect(found.flat()).toEqual([1, 2, 3, 4, 5]);
    expect(found.length).toBeLessThan(4);
  });
  test('are bounded: the source waits', async () => {
    let [given, taken] = [0, 0];
    const endless = async function* () {
      for (;;) yield Array.from({ length: 1_000 }, () => given++);
    };
    for await (const list of gathered(endless())) {
      for (let i = 0; i < 50; i++) await new Promise(setImmediate);
      taken += list.length;
      expect(given - taken).toBeLessThanOrEqual(6_000);
      if (taken > 20_000) break;
    }
  });
  test('come before the error of the source', async () => {
    const found: number[] = [];
    const reading = (async () => {
      for await (const list of gathered(source([[1], [2]], new Error('broken')))) found.push(...list);
    })();
    await expect(reading).rejects.toThrow('broken');
    expect(found).toEqual([1, 2]);
  });
});
