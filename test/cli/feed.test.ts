import type { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { batches, feedStream } from '../../cli/commands/feed';
import type { GeneratedRecord } from '../../pipelines/generator/generator';

const records = (amount: number): GeneratedRecord[] =>
  Array.from({ length: amount }, (_, n) => ({ data: `{"n":${n}}`, partitionKey: 'k' }));
const noSleep = async () => {};

/** Keeps what it accepts; `fails` decides by record and attempt. */
function fakeKinesis(fails: (data: string, attempt: number) => boolean = () => false) {
  const stored: string[] = [];
  const attempts = new Map<string, number>();
  const send = async (command: PutRecordsCommand) => {
    const given = command.input.Records!.map((record) => Buffer.from(record.Data!).toString());
    if (given.some((data) => data.length > 1_048_576))
      throw Object.assign(new Error('too large'), { name: 'ValidationException' });
    return {
      Records: given.map((data) => {
        const attempt = (attempts.get(data) ?? 0) + 1;
        attempts.set(data, attempt);
        if (fails(data, attempt)) return { ErrorCode: 'ProvisionedThroughputExceededException' };
        stored.push(data);
        return { SequenceNumber: '1' };
      }),
    };
  };
  return { send: send as never, stored };
}

test('only the entries that failed are sent again', async () => {
  const kinesis = fakeKinesis((data, attempt) => data.endsWith('7}') && attempt < 3);
  const result = await feedStream(kinesis, 's', records(1200), { sleep: noSleep });
  expect(kinesis.stored.length).toBe(1200);
  expect(new Set(kinesis.stored).size).toBe(1200);
  expect(result).toEqual({ accepted: 1200, refused: 0, resent: 240 });
});

test('waits grow, and a stream that keeps refusing is an error that names it', async () => {
  const waits: number[] = [];
  const kinesis = fakeKinesis(() => true);
  const fed = feedStream(kinesis, 'clicks', records(2), { sleep: async (ms) => waits.push(ms) });
  await expect(fed).rejects.toThrow(
    'clicks refused 2 records 9 times, the last time with ProvisionedThroughputExceededException',
  );
  expect(waits).toEqual([50, 100, 200, 400, 800, 1600, 3200, 6400]);
});

test('calls stay within 500 records and 5 MiB', () => {
  expect([...batches(records(1001))].map((batch) => batch.length)).toEqual([500, 500, 1]);
  const large = Array.from({ length: 7 }, () => ({ data: 'x'.repeat(1_000_000), partitionKey: 'k' }));
  expect([...batches(large)].map((batch) => batch.length)).toEqual([5, 2]);
});

test('a record to be refused goes alone, and must be refused', async () => {
  const refused: GeneratedRecord = { data: 'x'.repeat(1_048_577), partitionKey: 'k', refused: true };
  const kinesis = fakeKinesis();
  expect(await feedStream(kinesis, 's', [...records(3), refused, ...records(2)], { sleep: noSleep })).toEqual({
    accepted: 5,
    refused: 1,
    resent: 0,
  });
  const lenient = { send: (async () => ({ Records: [{}] })) as never };
  await expect(feedStream(lenient, 's', [refused])).rejects.toThrow('s accepted a record of 1048577 bytes');
});

test('an abort stops the feeding', async () => {
  await expect(feedStream(fakeKinesis(), 's', records(10), { signal: AbortSignal.abort() })).rejects.toThrow('abort');
});
