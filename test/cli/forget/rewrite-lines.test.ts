import { gzipSync } from 'node:zlib';
import { archiveJudge, historyJudge, positionKey } from '../../../cli/forget/judges';
import { longestRecord, rewritten } from '../../../cli/forget/rewrite-lines';
import { Marked } from '../../../cli/forget/subject-finder';
import { archiveLine } from '../../../lambda/shared/archive-line';
import { forgetKeys, markOf } from '../../../lambda/shared/forget-keys';
import { tombstone } from '../../../lambda/shared/tombstone';
import { aPipeline } from '../../sql/fixtures';

const keys = forgetKeys('the secret of the marks in tests', 'shop');
const pipeline = aPipeline({
  columns: [
    { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'who', path: ['user', 'id'], type: 'varchar', maxBytes: 32, trim: true },
    { name: 'account', path: ['account'], type: 'bigint' },
  ],
  subject: ['who', 'account'],
});
const marked = new Marked(keys, new Set([markOf(keys, 'who', 'ann'), markOf(keys, 'account', '70')]));

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Rewrites a file that arrives in pieces of each size. */
async function rewrite(text: string | Buffer, sizes = [1, 7, 1 << 20], compression: 'gzip' | 'none' = 'none') {
  const results = [];
  for (const size of sizes) {
    const judge = historyJudge(pipeline, marked);
    const chunks: Buffer[] = [];
    for await (const chunk of rewritten(inPieces(Buffer.from(text), size), compression, judge.judge))
      chunks.push(chunk);
    results.push({ text: Buffer.concat(chunks).toString('latin1'), hits: judge.hits, tombstones: judge.tombstones });
  }
  for (const result of results) expect(result).toEqual(results[0]);
  return { ...results[0]!, text: Buffer.from(results[0]!.text, 'latin1').toString('utf8') };
}

const ann = '{"messageId":"1","user":{"id":"ann"}}';
const bob = '{"messageId":"2","user":{"id":"bob"},"größe":1.50,"big":12345678901234567890}';

describe('lines of history', () => {
  test.each<[string, string, string]>([
    ['a line between others', `${bob}\n${ann}\n${bob}\n`, `${bob}\n${tombstone}\n${bob}\n`],
    ['a last line without an end', `${bob}\n${ann}`, `${bob}\n${tombstone}`],
    ['lines that end in CRLF', `${ann}\r\n${bob}\r\n`, `${tombstone}\r\n${bob}\r\n`],
    ['blank lines and blanks', ` \n\n  ${ann} \t\n\n`, ` \n\n  ${tombstone} \t\n\n`],
    ['several records in a line', `${bob} ${ann}${ann},${bob}\n`, `${bob} ${ann}${ann},${bob}\n`],
    ['several records in a sound line', `${bob} ${ann}${ann} ${bob}\n`, `${bob} ${tombstone}${tombstone} ${bob}\n`],
    [
      'a record that spans lines',
      `${bob}\n {"messageId":"1",\r\n"user":\n{"id":"ann"\n}} ${bob}\n${ann}\n`,
      `${bob}\n ${tombstone}\r\n\n\n ${bob}\n${tombstone}\n`,
    ],
    [
      'a record that spans lines and stays',
      `{"user":\r\n{"id":"bob"}}\n${ann}\n`,
      `{"user":\r\n{"id":"bob"}}\n${tombstone}\n`,
    ],
    [
      'text that is not JSON',
      `nonsense ann\n{"user":{"id":"ann"}\n${ann}\n`,
      `nonsense ann\n{"user":{"id":"ann"}\n${tombstone}\n`,
    ],
    ['an attribute that comes twice', '{"user":{"id":"ann"},"user":{"id":"bob"}}\n', `${tombstone}\n`],
    ['a name with an escape', '{"us\\u0065r":{"id":"\\u0061nn"}}\n', `${tombstone}\n`],
    ['blanks that the column trims', '{"user":{"id":" ann\\t"}}\n', `${tombstone}\n`],
    [
      'another spelling of a number',
      '{"account":70.0}\n{"account":7e1}\n{"account":71}\n',
      `${tombstone}\n${tombstone}\n{"account":71}\n`,
    ],
    [
      'the same name elsewhere',
      '{"id":"ann","users":[{"id":"ann"}],"x":{"user":{"id":"ann"}}}\n',
      '{"id":"ann","users":[{"id":"ann"}],"x":{"user":{"id":"ann"}}}\n',
    ],
    ['a file without lines', '', ''],
  ])('are replaced, and all other bytes stay: %s', async (_, before, after) => {
    expect((await rewrite(before)).text).toBe(after);
  });

  test('are counted, those too that were replaced before', async () => {
    expect(await rewrite(`${ann}\n${tombstone}\n{"a":"millrace_forgotten"}\n`)).toMatchObject({
      hits: 1,
      tombstones: 1,
    });
    const again = await rewrite(`${tombstone}\n${tombstone}\n`);
    expect(again).toMatchObject({ hits: 0, tombstones: 2 });
  });

  test('are read from gzip, of several members too', async () => {
    const file = Buffer.concat([gzipSync(`${ann}\n`), gzipSync(`${bob}\n`)]);
    expect((await rewrite(file, [11, 1 << 20], 'gzip')).text).toBe(`${tombstone}\n${bob}\n`);
    await expect(rewrite(file.subarray(0, -8), [1 << 20], 'gzip')).rejects.toThrow('gzip: unexpected end of file');
    await expect(rewrite('no gzip', [1 << 20], 'gzip')).rejects.toThrow('gzip: incorrect header check');
  });

  test('bytes that are not UTF-8 stay', async () => {
    const odd = Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff, 0xfe]), Buffer.from(`"}\n${ann}\n`)]);
    const chunks: Buffer[] = [];
    for await (const chunk of rewritten(inPieces(odd, 5), 'none', historyJudge(pipeline, marked).judge))
      chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(Buffer.concat([odd.subarray(0, 11), Buffer.from(`${tombstone}\n`)]));
  });

  test('a line that is longer than any record ends the read, before it fills the memory', async () => {
    async function* endless() {
      for (;;) yield Buffer.alloc(1 << 20, 'x');
    }
    const read = async () => {
      for await (const _ of rewritten(endless(), 'none', () => undefined));
    };
    await expect(read()).rejects.toThrow(`line 1 is longer than ${longestRecord} bytes`);
  });

  test('a long line passes', async () => {
    const long = `{"pad":"${'x'.repeat(9_000_000)}","user":{"id":"bob"}}`;
    expect((await rewrite(`${long}\n${ann}\n`, [1 << 16])).text).toBe(`${long}\n${tombstone}\n`);
  });
});

describe('lines of the archive', () => {
  const place = { shardId: 'shardId-000000000000', partitionKey: 'ann', arrivedAt: '2026-11-21T09:00:00.123' };
  const line = (sequenceNumber: string, bytes: string, isText = false) =>
    archiveLine({ ...place, sequenceNumber }, Buffer.from(bytes), isText);
  const stone = (sequenceNumber: string) =>
    line(sequenceNumber, tombstone).replace('"partition_key":"ann"', '"partition_key":""');

  test('are found by their position and by their mark, and keep their position', async () => {
    const before = [
      line('1', bob),
      line('2', bob),
      line('3', ann),
      line('4', 'nonsense'),
      line('5', '{"user":{"id":"ann"},"user":{"id":"ann"}}'),
      line('6:1', 'nonsense'),
      stone('7'),
      'nonsense\n',
    ];
    const judge = archiveJudge(
      pipeline,
      marked,
      new Set([positionKey(place.shardId, '2'), positionKey(place.shardId, '6:1'), positionKey('another', '1')]),
    );
    const chunks: Buffer[] = [];
    for await (const chunk of rewritten(inPieces(gzipSync(before.join('')), 100), 'gzip', judge.judge))
      chunks.push(chunk);
    const after = [
      line('1', bob),
      stone('2'),
      stone('3'),
      before[3],
      stone('5'),
      stone('6:1'),
      stone('7'),
      'nonsense\n',
    ];
    expect(Buffer.concat(chunks).toString()).toBe(after.join(''));
    expect(judge).toMatchObject({ hits: 4, tombstones: 1 });
  });
});
