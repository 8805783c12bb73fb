/** Records that are texts. Each has the same outcome from stream, archive and history (decision 42). */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { aggregate } from 'kinesis-reader/testing';
import { textPayload, withoutLineEnd } from '../../lambda/load/payload';
import type { Pipeline } from '../../pipelines/definition';
import { createRandom } from '../../pipelines/generator/random';
import { SeamWorld } from '../support/seam';
import { secondTierTest } from '../support/tier';

const logs = (
  identity: Pipeline['identity'] = { by: 'columns', columns: ['line'] },
  compression: 'none' | 'gzip' = 'gzip',
): Pipeline => ({
  name: 'logs',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24, records: { format: 'text' } },
  identity,
  columns: [{ name: 'line', path: ['text'], type: 'varchar', maxBytes: 65_535, required: true }],
  history: [{ name: 'lines', globs: ['in/*'], format: 'text', compression }],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
});

let world: SeamWorld;
afterEach(() => world.dispose());

async function load(bucket: 'archive' | 'history', key: string): Promise<void> {
  await world.notify(bucket, key);
  await world.pass(5);
  expect(world.deadLetters()).toEqual([]);
}

/** Parts of a long record that are compared: an answer of the Data API has at most 64 kB. */
const shownBytes = [
  [1, 40],
  [29_990, 20],
] as const;
const shown = (sent: Buffer) =>
  [sent.length, ...shownBytes.map(([from, count]) => sent.toString('hex', from - 1, from - 1 + count))].join(' ');
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

async function outcomes() {
  const events = await world.query('select sha2(line, 256), sha2(payload.text::varchar(65535), 256) from logs.events');
  const [[duplicates] = []] = await world.query('select count(*) from logs.duplicates');
  const rejects = await world.query(
    `select reason, octet_length(unparsed), ${shownBytes.map(([from, count]) => `from_varbyte(substring(unparsed, ${from}, ${count}), 'hex')`).join(', ')} from logs.rejects`,
  );
  const counted = await world.query('select sum(events), sum(duplicates), sum(rejects) from logs.runs');
  expect(counted[0]!.map(Number)).toEqual([events.length, duplicates, rejects.length]);
  for (const [line, text] of events) expect(line).toBe(text);
  return {
    lines: events.map(([line]) => String(line)).sort(),
    rejects: rejects.map((row) => row.join(' ')).sort(),
  };
}

const tooLong = 'payload: a text longer than 65,535 bytes';
const noUtf8 = 'payload: not UTF-8 text, or it has a NUL byte';
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

// With its length before it, an identity has to fit a varchar, too.
const longest = ['x'.repeat(65_535), '🙂'.repeat(16_383)];
const texts = [
  'GET / 200',
  '123',
  '{"a": 1,  "a":2}',
  ' "quoted" \\ tab\there',
  '   ',
  '\u{feff}with a byte order mark',
  'a\rb',
  '\u001f\u007f\u0085\u2028',
  'naïve 漢字 🙂 \u{10ffff}',
  'x'.repeat(65_000),
  // Characters of 2, 3 and 4 bytes at each place around the meeting of two pieces.
  ...['é', '漢', '🙂'].flatMap((letter) => [27, 28, 29].map((end) => `${'y'.repeat(29_970 + end)}${letter}${letter}`)),
  `${'z'.repeat(59_998)}漢 end`,
];
const refused: [Buffer, string][] = [
  [bytes('a', [0], 'b'), noUtf8],
  [bytes([0]), noUtf8],
  [bytes('latin ', [0xe9], ' 1'), noUtf8],
  [bytes([0xc0, 0xaf]), noUtf8],
  [bytes([0xed, 0xa0, 0x80]), noUtf8],
  [bytes([0xf4, 0x90, 0x80, 0x80]), noUtf8],
  [bytes('cut off ', [0xf0, 0x9f, 0x99]), noUtf8],
  [bytes('y'.repeat(29_999), [0xe6, 0xbc]), noUtf8],
  [bytes('y'.repeat(30_000), [0xbc, 0xa2], 'y'), noUtf8],
  [bytes('y'.repeat(29_998), [0xf0, 0x9f, 0x99, 0x82, 0x82]), noUtf8],
  [Buffer.from('x'.repeat(65_536)), tooLong],
  [bytes('x'.repeat(70_000), [0xff]), tooLong],
];
const expected = {
  lines: texts.map(hashOf).sort(),
  rejects: refused.map(([sent, reason]) => `${reason} ${shown(sent)}`).sort(),
};
const all = [...texts.map((text) => Buffer.from(text)), ...refused.map(([sent]) => sent)];

test('texts on the stream, in its archive and in history have one outcome', async () => {
  world = await SeamWorld.open(logs());
  // Some producers end a record as a line, others do not.
  world.send(...all.map((sent, index) => bytes([...sent], ['', '\n', '\r\n'][index % 3]!)));
  await world.tick('refresh');
  const found = await outcomes();
  expect(found.lines).toEqual(expected.lines);
  await load('archive', await world.archive(await world.records()));
  expect(await outcomes()).toEqual(found);
  const lines = all.flatMap((sent, index) => [sent, Buffer.from(index % 2 === 0 ? '\n\n' : '\r\n\r\n')]);
  await world.put('in/a.gz', gzipSync(Buffer.concat(lines)));
  await load('history', 'in/a.gz');
  expect((await outcomes()).lines).toEqual(expected.lines);
  expect(await world.query('select count(*) from logs.duplicates')).toEqual([[texts.length]]);
  const places = await world.query(
    'select line, octet_length(unparsed) from logs.rejects where line is not null order by line',
  );
  expect(places).toEqual(refused.map(([sent], index) => [2 * (texts.length + index) + 1, sent.length]));
});

test('texts in the archive, before the stream', async () => {
  world = await SeamWorld.open(logs({ by: 'stream-position' }));
  world.send(...all, '', longest[0], `${longest[0]}\n`, `${longest[0]}\r\n`, longest[1]);
  await load('archive', await world.archive(await world.records()));
  const found = {
    lines: [...['', longest[0]!, ...longest, longest[0]!].map(hashOf), ...expected.lines].sort(),
    rejects: expected.rejects,
  };
  expect(await outcomes()).toEqual(found);
  await world.tick('refresh');
  expect(await outcomes()).toEqual(found);
});

secondTierTest('lines of a file that is not compressed; the last needs no line end', async () => {
  world = await SeamWorld.open(logs(undefined, 'none'));
  const body = Buffer.concat(all.flatMap((sent, index) => (index === 0 ? [sent] : [Buffer.from('\n'), sent])));
  await world.put('in/a', body);
  await load('history', 'in/a');
  expect(await outcomes()).toEqual(expected);
});

test('random bytes: the merge and the load function agree on what a text is', async () => {
  world = await SeamWorld.open(logs({ by: 'stream-position' }));
  const random = createRandom('texts');
  const parts = ['a', '\r', '\n', 'é', '漢', '🙂', '\u{7ff}', '\u{d7ff}', '\u{ffff}'].map((text) => Buffer.from(text));
  const odd = [[0xc3], [0x80], [0xe0, 0x9f, 0x80], [0xf0, 0x8f, 0x80, 0x80], [0xff], [0]].map((list) =>
    Buffer.from(list),
  );
  const sent = Array.from({ length: 300 }, () =>
    Buffer.concat(Array.from({ length: 1 + random.below(8) }, () => random.pick(random.chance(0.1) ? odd : parts))),
  );
  world.send(...sent);
  await world.tick('refresh');
  const found = await outcomes();
  const judged = sent.map((each) => textPayload(withoutLineEnd(each))?.text);
  expect(found.lines).toEqual(
    judged
      .filter((text) => text !== undefined)
      .map(hashOf)
      .sort(),
  );
  expect(found.rejects).toEqual(
    sent
      .filter((_, index) => judged[index] === undefined)
      .map((each) => `${noUtf8} ${shown(each)}`)
      .sort(),
  );
});

secondTierTest('what was archived as JSON becomes its text; an aggregate is taken apart by its archive', async () => {
  world = await SeamWorld.open(logs({ by: 'stream-position' }));
  world.send(
    aggregate([
      { key: 'k', data: 'one' },
      { key: 'k', data: 'two' },
    ]),
  );
  await world.tick('refresh');
  const [[reason] = []] = await world.query('select reason from logs.rejects');
  expect(reason).toContain('an aggregate of the Kinesis Producer Library');
  await load('archive', await world.archive(await world.records()));
  expect(await outcomes()).toEqual({ lines: ['one', 'two'].map(hashOf).sort(), rejects: [] });
  const [record] = await world.records();
  const line = (sequence: string, payload: string) =>
    `{"shard_id":"${record!.shardId}","sequence_number":"${sequence}","partition_key":"k","approximate_arrival_timestamp":"2026-11-21T00:30:00.000","payload":${payload},"unparsed":null}\n`;
  await world.put(
    'archive/logs/2026/11/21/00/old.gz',
    gzipSync(line('1', '{"text": "inner"}') + line('2', '7')),
    'archive',
  );
  await load('archive', 'archive/logs/2026/11/21/00/old.gz');
  expect((await outcomes()).lines).toEqual(['7', 'one', 'two', '{"text":"inner"}'].map(hashOf).sort());
});

secondTierTest('a text that does not fit its column is a reject, with its line', async () => {
  const wide = logs();
  const [line] = wide.columns;
  const narrow: Pipeline = { ...wide, columns: [{ ...line, maxBytes: 4 } as Pipeline['columns'][number]] };
  world = await SeamWorld.open(narrow);
  world.send('short', 'four');
  await world.tick('refresh');
  await world.put('in/a.gz', gzipSync('one\nlonger\n'));
  await load('history', 'in/a.gz');
  const rejects = await world.query('select reason, payload.text::varchar, line from logs.rejects order by 2');
  expect(rejects).toEqual([
    [expect.stringContaining('line: '), 'longer', 2],
    [expect.stringContaining('line: '), 'short', null],
  ]);
});
