import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { type ReadOptions, readStream } from 'kinesis-reader';
import { type Services, startServices } from '../services';

/** The examples of the reader's README, as they are written there. */
const examples = [
  ...readFileSync(join(__dirname, '../../../kinesis-reader/README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g),
].map(([, code]) => code!.replace(/^import .*$/gm, ''));

let services: Services;
let kinesis: KinesisClient;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reader-readme-'));
  services = await startServices();
  kinesis = new KinesisClient(services.client());
  await kinesis.send(new CreateStreamCommand({ StreamName: 'clicks', ShardCount: 2 }));
});
afterEach(async () => {
  await services.stop();
  rmSync(folder, { recursive: true });
});

const put = (...payloads: string[]) =>
  kinesis.send(
    new PutRecordsCommand({
      StreamName: 'clicks',
      Records: payloads.map((text) => ({ PartitionKey: text, Data: Buffer.from(text) })),
    }),
  );

/** Runs an example over the local Kinesis and its clock; a read without an end ends when everything is read. */
async function run(
  code: string,
  fetch?: (address: string, request: { body: string }) => unknown,
): Promise<unknown[][]> {
  const printed: unknown[][] = [];
  const { now } = services.clock;
  class LocalDate extends Date {
    static override now = () => now();
  }
  const read = (options: ReadOptions) =>
    readStream({
      until: 'now',
      ...options,
      ...(typeof options.state === 'string' && { state: join(folder, options.state) }),
      client: kinesis,
      now,
    });
  const AsyncFunction = (async () => undefined).constructor as new (
    ...names: string[]
  ) => (...values: unknown[]) => Promise<void>;
  const example = new AsyncFunction('readStream', 'Date', 'console', 'fetch', code);
  await example(read, LocalDate, { log: (...line: unknown[]) => printed.push(line) }, fetch);
  return printed;
}

test('the past hour, then what came since', async () => {
  await put('{"n":1}');
  services.clock.advanceTo(services.clock.now() + 2 * 3_600_000);
  await put('{"n":2}', '{"n":3}');
  const values = (printed: unknown[][]) => printed.map(([, value]) => (value as { n: number }).n).sort();
  expect(values(await run(examples[0]!))).toEqual([2, 3]);
  await put('{"n":4}');
  expect(values(await run(examples[0]!))).toEqual([4]);
});

test('a decoder of your own', async () => {
  await put('ann,/home');
  expect(await run(examples[1]!)).toEqual([['ann', '/home']]);
});

test('to an HTTP API: what the API refused is posted again', async () => {
  await put('{"n":1}');
  const posted: string[] = [];
  const api =
    (ok: boolean) =>
    async (_: string, { body }: { body: string }) => {
      posted.push(body);
      return { ok, status: ok ? 200 : 500 };
    };
  await expect(run(examples[2]!, api(false))).rejects.toThrow('status 500');
  await run(examples[2]!, api(true));
  await run(examples[2]!, api(true));
  expect(posted).toEqual(['[{"n":1}]', '[{"n":1}]']);
});

test('there is no other example', () => expect(examples).toHaveLength(3));
