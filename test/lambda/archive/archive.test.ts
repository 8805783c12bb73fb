import {
  archiveFunction,
  archiveLine,
  archiveRecords,
  type FirehoseRecord,
  maxResponseBytes,
  parseTransformation,
} from '../../../lambda/archive/archive';
import { quiet } from '../fakes';

const record = (data: string | Buffer, recordId = 'r'): FirehoseRecord => ({
  recordId,
  subsequenceNumber: 0,
  data: Buffer.from(data).toString('base64'),
  shardId: 'shardId-000000000001',
  sequenceNumber: '49590338271490256608559692538361571095921575989136588898',
  partitionKey: 'customer "7"',
  arrivedAt: Date.parse('2026-11-21T05:00:00.123Z'),
});

const position =
  '{"shard_id":"shardId-000000000001","sequence_number":"49590338271490256608559692538361571095921575989136588898",' +
  '"partition_key":"customer \\"7\\"","approximate_arrival_timestamp":"2026-11-21T05:00:00.123"';

test('wraps the payload in its position on the stream, byte for byte', () => {
  const payload =
    '{"id":9007199254740993,"price":1.10,"big":1e300,"text":"\\u00e9é\\n😀\\ud83d\\ude00","deep":[{"a":[]},{"a":":"}]}';
  expect(archiveLine(record(payload))).toBe(`${position},"payload":${payload},"unparsed":null}\n`);
});

test('the position of a later user record of an aggregate ends with its subsequence number', () => {
  const lines = [0, 1, 2].map((subsequenceNumber) => archiveLine({ ...record('{}'), subsequenceNumber }));
  const { sequenceNumber } = record('{}');
  expect(lines.map((line) => JSON.parse(line).sequence_number)).toEqual([
    sequenceNumber,
    `${sequenceNumber}:1`,
    `${sequenceNumber}:2`,
  ]);
});

test.each([
  [undefined, 0],
  [3, 3],
  ['3', 3],
])('takes the subsequence number %j', (subsequenceNumber, expected) => {
  const metadata = { ...kinesisRecordMetadata, subsequenceNumber };
  const [parsed] = parseTransformation({ records: [{ recordId: 'r', data: '', kinesisRecordMetadata: metadata }] });
  expect(parsed).toMatchObject({ subsequenceNumber: expected });
});

test('refuses a subsequence number that is none, since it would confuse records', () => {
  const metadata = { ...kinesisRecordMetadata, subsequenceNumber: 'x' };
  expect(() =>
    parseTransformation({ records: [{ recordId: 'r', data: '', kinesisRecordMetadata: metadata }] }),
  ).toThrow('event.records[0].kinesisRecordMetadata.subsequenceNumber must be a whole number of 0 or more, got "x"');
});

test('keeps a pretty-printed payload on one line', () => {
  expect(archiveLine(record('{\r\n  "a": 1\n}\n'))).toBe(`${position},"payload":{    "a": 1 } ,"unparsed":null}\n`);
});

test.each([
  ['text that is not JSON', Buffer.from('{"a":')],
  ['nothing', Buffer.from('')],
  ['a JSON text in broken UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ['a byte order mark before JSON', Buffer.from('\ufeff{}')],
  ['two JSON values', Buffer.from('{"a":1}{"a":2}')],
  ['a repeated attribute', Buffer.from('[{"a":1,"b":{},"a":2}]')],
  ['an attribute in two spellings', Buffer.from('{"a":1,"\\u0061":2}')],
  ['a name with an escape', Buffer.from('{"it\\u0027s":1}')],
  ['half a surrogate pair', Buffer.from('{"a":["x\\ud83d"]}')],
  ['U+0000', Buffer.from('{"a":"x\\u0000"}')],
  ['a number beyond a double', Buffer.from('{"a":1e400}')],
  ['many levels', Buffer.from('['.repeat(100_000) + ']'.repeat(100_000))],
])('keeps the bytes of %s as base64', (_, bytes) => {
  const { payload, unparsed } = JSON.parse(archiveLine(record(bytes)));
  expect(payload).toBeNull();
  expect([unparsed].flat().join('')).toBe(bytes.toString('base64'));
});

test('bytes too many for one text are a list of texts', () => {
  const { unparsed } = JSON.parse(archiveLine(record(Buffer.alloc(100_000, '['))));
  expect(unparsed.length).toBeGreaterThan(1);
  for (const text of unparsed) expect(text.length).toBeLessThanOrEqual(65_535);
});

test('a payload cannot add lines or attributes of its own', () => {
  const line = archiveLine(record('"\\",\\"unparsed\\":\\"x\\"}\\n{"'));
  expect(line.match(/\n/g)).toHaveLength(1);
  expect(JSON.parse(line)).toMatchObject({ payload: '","unparsed":"x"}\n{', unparsed: null });
});

test('answers every record, and leaves out the data of those that do not fit', () => {
  const large = JSON.stringify('x'.repeat(1_000_000));
  const records = Array.from({ length: 6 }, (_, i) => record(large, `r${i}`));
  const answer = archiveRecords({ log: quiet }, [...records, record('{}', 'small')]);
  expect(answer.records.map(({ recordId, result }) => `${recordId} ${result}`)).toEqual([
    'r0 Ok',
    'r1 Ok',
    'r2 Ok',
    'r3 Ok',
    'r4 ProcessingFailed',
    'r5 ProcessingFailed',
    'small Ok',
  ]);
  expect(JSON.stringify(answer).length).toBeLessThan(maxResponseBytes);
  expect(answer.records[4]).not.toHaveProperty('data');
});

const kinesisRecordMetadata = {
  shardId: 's',
  partitionKey: 'p',
  sequenceNumber: '1',
  subsequenceNumber: 0,
  approximateArrivalTimestamp: 1_795_237_200_123,
};

test('the function answers an event of Firehose with archive lines', async () => {
  const event = { invocationId: 'i', records: [{ recordId: 'r', data: 'e30=', kinesisRecordMetadata }] };
  const { records } = await archiveFunction({ log: quiet, plan: { textStreams: [] } })(event);
  expect(records).toEqual([{ recordId: 'r', result: 'Ok', data: expect.any(String) }]);
  expect(JSON.parse(Buffer.from(records[0]!.data!, 'base64').toString())).toMatchObject({ shard_id: 's', payload: {} });
});

test('a stream of texts keeps the bytes of each record, even of JSON', async () => {
  const event = { invocationId: 'i', records: [{ recordId: 'r', data: 'e30=', kinesisRecordMetadata }] };
  const run = archiveFunction({ log: quiet, plan: { textStreams: ['millrace-dev-logs'] } });
  const arn = (stream: string) => `arn:aws:kinesis:eu-central-1:123456789012:stream/${stream}`;
  const lineFrom = async (sourceKinesisStreamArn: string) =>
    JSON.parse(Buffer.from((await run({ ...event, sourceKinesisStreamArn })).records[0]!.data!, 'base64').toString());
  expect(await lineFrom(arn('millrace-dev-logs'))).toMatchObject({ payload: null, unparsed: 'e30=' });
  expect(await lineFrom(arn('millrace-dev-logs-2'))).toMatchObject({ payload: {}, unparsed: null });
  await expect(run(event)).rejects.toThrow('event.sourceKinesisStreamArn');
});

test('parses what Firehose sends and names what is missing', () => {
  expect(
    parseTransformation({ invocationId: 'i', records: [{ recordId: 'r', data: 'e30=', kinesisRecordMetadata }] }),
  ).toEqual([
    {
      recordId: 'r',
      data: 'e30=',
      shardId: 's',
      partitionKey: 'p',
      sequenceNumber: '1',
      subsequenceNumber: 0,
      arrivedAt: 1_795_237_200_123,
    },
  ]);
  expect(() => parseTransformation({ records: [{ recordId: 'r', data: 'e30=' }] })).toThrow(
    'event.records[0].kinesisRecordMetadata must be an object, got nothing',
  );
});
