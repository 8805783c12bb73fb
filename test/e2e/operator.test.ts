import { gzipSync } from 'node:zlib';
import type { StatementFault } from '../../local/faults';
import { pipeline } from '../../pipelines/estore/pipeline';
import { pipelineTables } from '../../sql';
import { secondTierTest as test } from '../support/tier';
import { type Dev, event, gzipped, startDev } from './dev';

jest.setTimeout(300_000);

const start = Date.UTC(2026, 10, 21, 9);
const MINUTE_MS = 60_000;
let dev: Dev;
const lose = () => {
  dev.trouble.delivery = (point) => (point === 'notification' ? [] : undefined);
};
const heal = () => {
  dev.trouble.delivery = () => undefined;
  dev.trouble.statement = () => undefined;
  dev.trouble.call = () => undefined;
};
/** Statements of this beginning meet the fault, one after the other. */
const meet = (prefix: string, ...faults: StatementFault[]) => {
  dev.trouble.statement = (name) => (name.startsWith(prefix) ? faults.shift() : undefined);
};

beforeAll(async () => {
  dev = await startDev(start);
}, 300_000);
afterAll(() => dev?.dispose());
afterEach(() => heal());

describe('rejects', () => {
  const count = async (condition = 'true') =>
    Number((await dev.query(`select count(*) from estore.rejects where ${condition}`))[0]![0]);
  const retry = (...args: string[]) => dev.json('rejects', '--pipeline', 'estore', '--retry', ...args);
  const insert = (customer: string, reason: string, source: string, place: string) =>
    dev.cli(
      'sql',
      `insert into ${pipelineTables(pipeline).rejects} (source, reason, payload, run_id, merged_at, ${place.split('=')[0]!.split(';').join(', ')})
select '${source}', '${reason}', json_parse('${JSON.stringify(event(customer))}'), 'r', getdate(), ${place.split('=')[1]!.split(';').join(', ')}`,
    );

  beforeAll(async () => {
    await insert('r-1', 'price of before', 'stream', "shard_id;sequence_number='shardId-000000000009';'17'");
    await insert('r-2', 'price of before', 'stream', "shard_id;sequence_number='shardId-000000000009';'18'");
    await insert('r-3', 'action of before', 'history', "object_key;line='s3://b/k, 1.gz';3");
    await insert('r-4', 'action of before', 'history', "object_key;line='s3://b/k, 1.gz';4");
    await insert('r-5', 'price of before', 'archive', "shard_id;sequence_number='shardId-000000000009';'19'");
    await dev.send([{ customer_id: 'r-6' }]);
    await dev.pass(3 * MINUTE_MS);
    expect(await count()).toBe(6);
  });

  test('a dry run tells what would become of those that are chosen, and changes nothing', async () => {
    const tables = () => dev.query('select (select count(*) from estore.events), (select count(*) from estore.runs)');
    const before = await tables();
    const shown = await retry();
    expect(shown).toMatchObject({
      applied: false,
      retried: [{ pipeline: 'estore', chosen: 6, judged: 6, events: 5, duplicates: 0, before: 6, after: 1 }],
    });
    expect(await retry('--reason', 'price')).toMatchObject({ retried: [{ chosen: 3, events: 3, after: 3 }] });
    expect(await retry('--since', '2030-01-01')).toMatchObject({ retried: [{ chosen: 0, events: 0 }], reasons: [] });
    expect(await retry('--until', '2030-01-01', '--source', 'archive')).toMatchObject({ retried: [{ chosen: 1 }] });
    expect(await tables()).toEqual(before);
  });

  test('the one that is named becomes an event, the others stay as they are', async () => {
    const others = () =>
      dev.query(
        'select reason, source, shard_id, sequence_number, object_key, line, merged_at from estore.rejects order by 2, 4, 6',
      );
    const before = (await others()).filter(([, , , sequence]) => sequence !== '18');
    expect(await retry('--apply', '--id', 'shardId-000000000009,18')).toMatchObject({
      applied: true,
      retried: [{ chosen: 1, events: 1, before: 6, after: 5 }],
      reasons: [],
    });
    expect(await others()).toEqual(before);
    expect(await retry('--apply', '--id', 's3://b/k, 1.gz,3')).toMatchObject({
      retried: [{ chosen: 1, events: 1, after: 4 }],
    });
    expect(await dev.query("select customer_id from estore.events where customer_id like 'r-%' order by 1")).toEqual([
      ['r-2'],
      ['r-3'],
    ]);
  });

  test('a retry that is aborted at any statement loses nothing', async () => {
    for (const at of [0, 4, 7, 9, 11]) {
      meet('millrace-cli/retry/estore/retry-', { kind: 'abort', at });
      const { code, stderr } = await dev.cli(
        'rejects',
        '--pipeline',
        'estore',
        '--retry',
        '--apply',
        '--source',
        'history',
      );
      expect(stderr).toMatch(/the rejects of estore were left as they were: the warehouse aborted the transaction/);
      expect(code).toBe(1);
      expect(await count("source = 'history'")).toBe(1);
    }
  });

  test('one that meets a conflict is repeated, and one whose end is lost on the way counts as done', async () => {
    meet('millrace-cli/retry/estore/retry-', { kind: 'fail' }, { kind: 'answer-lost' });
    expect(await retry('--apply', '--source', 'history')).toMatchObject({
      retried: [{ chosen: 1, events: 1, after: 3 }],
    });
    expect(await dev.query("select count(*) from estore.events where customer_id = 'r-4'")).toEqual([['1']]);
    expect(await dev.query("select count(*) from estore.runs where source = 'retry'")).toEqual([['3']]);
  });

  test('a payload that no row of a result can hold is shown by its size, and why finds the record', async () => {
    const { rejects: table } = pipelineTables(pipeline);
    await dev.cli(
      'sql',
      `insert into ${table} (source, reason, payload, run_id, merged_at, shard_id, sequence_number)
select 'stream', 'a long payload', object('customer_id', 'r-long', 'a', repeat('x', 60000), 'b', repeat('y', 60000)), 'r', getdate(), 'shardId-000000000009', '20'`,
    );
    const chosen = ['--pipeline', 'estore', '--reason', 'a long payload'];
    const { reasons } = await dev.json('rejects', ...chosen);
    expect(reasons).toMatchObject([{ records: 1, samples: [{ payload: null, payloadBytes: expect.any(Number) }] }]);
    expect(reasons[0].samples[0].payloadBytes).toBeGreaterThan(120_000);
    expect((await dev.cli('rejects', ...chosen)).stdout).toMatch(/120,\d{3} bytes, too long to be shown/);
    const { verdict } = await dev.json('why', 'customer_id=r-long');
    expect(verdict).toContain('it was rejected: a long payload');
    await dev.cli('sql', `delete from ${table} where reason = 'a long payload'`);
  });
});

describe('why, for an event that is', () => {
  const why = (customer: string, ...more: string[]) => dev.json('why', `customer_id=${customer}`, ...more);
  const placesOf = (answer: { sightings: { place: string; found: string }[] }) =>
    answer.sightings.filter(({ found }) => found === 'yes').map(({ place }) => place);
  const queueOf = (answer: { sightings: { place: string }[] }) =>
    answer.sightings.filter(({ place }) => place === 'queue');

  test('still on the stream alone', async () => {
    await dev.send([event('w-stream')]);
    const answer = await why('w-stream');
    expect(answer.verdict).toBe(
      'It is not in events: it is on the stream and waits for the next refresh of the landing view.',
    );
    expect(placesOf(answer)).toEqual(['stream']);
    await dev.pass(3 * MINUTE_MS);
    expect(await why('w-stream')).toMatchObject({ inEvents: true });
  });

  test('rejected', async () => {
    await dev.send([event('w-reject', { action: 'stroll' })]);
    await dev.pass(3 * MINUTE_MS);
    const answer = await why('w-reject');
    expect(answer.verdict).toMatch(/^It is not in events: it was rejected: action: not one of/);
    expect(placesOf(answer)).toEqual(['stream', 'landing', 'rejects']);
  });

  test('in an object whose message is hidden, delivered before: with a look, and without a delivery', async () => {
    meet('millrace/dev/estore/load/', ...Array.from({ length: 9 }, () => ({ kind: 'fail' }) as const));
    const key = 'estore/shop/2026-11-20/w-queue.gz';
    await dev.put(key, gzipped([event('w-queue')]));
    await dev.pass(2 * MINUTE_MS);
    for (let look = 0; look < 2; look++) {
      const answer = await why('w-queue');
      expect(answer.verdict).toMatch(
        /its object estore\/shop\/2026-11-20\/w-queue\.gz is not loaded yet, its message is in flight in the history queue since .* until .* at most, delivered 1 time\.$/,
      );
      expect(queueOf(answer)).toMatchObject([
        {
          found: 'yes',
          facts: {
            key,
            queue: 'history',
            state: 'in flight',
            deliveries: 1,
            sentAt: expect.stringMatching(/^2026-11-21T09/),
          },
        },
      ]);
    }
    heal();
    // the function waits for more messages by the clock
    expect(await dev.live(() => dev.json('reprocess', key))).toMatchObject({ outcome: 'loaded', key });
    expect(await dev.json('reprocess', key)).toMatchObject({ outcome: 'loaded before', runId: expect.any(String) });
    expect(await why('w-queue')).toMatchObject({ inEvents: true });
  });

  test('in an object that SQS gave up: it is a dead letter, failed, and loaded once it is redriven', async () => {
    lose();
    const key = 'estore/shop/2026-11-20/w-given-up.gz';
    const etag = await dev.put(key, gzipped([event('w-given-up')]));
    heal();
    const queue = dev.runtime.sqs.queueAt(dev.output(/^EstoreHistoryQueueUrl/));
    const { name } = { name: dev.output(/^HistoryBucketName/) };
    const body = JSON.stringify({
      Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name }, object: { key, eTag: etag, size: 1 } } }],
    });
    const now = dev.runtime.clock.now();
    queue.accept({ id: 'often', body, senderId: 's3', sentAt: now, visibleAt: now, receiveCount: 100 });
    await dev.pass(MINUTE_MS);
    const reason = 'delivered too often without a result: see the logs of the load function';
    const files = await dev.cli('files');
    expect({ code: files.code, said: files.stdout }).toEqual({ code: 1, said: expect.stringContaining(reason) });
    const answer = await why('w-given-up');
    expect(answer.verdict).toBe(`It is not in events: its object ${key} is a dead letter (${reason}): redrive.`);
    expect(queueOf(answer)).toMatchObject([{ found: 'yes', facts: { queue: 'dead letters', state: 'dead letter' } }]);
    expect(await dev.json('redrive', '--pipeline', 'estore')).toMatchObject({
      applied: false,
      messages: [{ reason, objects: [{ key, since: 'same' }] }],
    });
    expect(await dev.json('redrive', '--pipeline', 'estore', '--apply')).toMatchObject({
      applied: true,
      messages: [{ reason }],
    });
    await dev.pass(2 * MINUTE_MS);
    expect(await why('w-given-up')).toMatchObject({ inEvents: true });
    expect((await dev.cli('files')).code).toBe(0);
    expect(await dev.json('redrive', '--pipeline', 'estore')).toMatchObject({ messages: [], withoutMessage: [] });
  });

  test('in one object among many that cannot be read: halved out, parked with its reason, and the rest is loaded', async () => {
    const keyOf = (n: number) => `estore/poison/2026-11-20/${n}.gz`;
    const whole = gzipped([event('p-3')]);
    for (let n = 0; n < 7; n++)
      await dev.put(
        keyOf(n),
        n === 3 ? Buffer.concat([whole.subarray(0, 20), Buffer.from('no gzip')]) : gzipped([event(`p-${n}`)]),
      );
    await dev.pass(5 * MINUTE_MS);
    const listed = await dev.json('files', '--status', 'failed');
    expect(listed.files).toMatchObject([
      { key: keyOf(3), status: 'failed', reason: expect.stringMatching(/cannot be read: gzip/) },
    ]);
    expect(listed.counts.estore.pending.objects).toBe(0);
    expect(await dev.query("select customer_id from estore.events where customer_id like 'p-%' order by 1")).toEqual(
      [0, 1, 2, 4, 5, 6].map((n) => [`p-${n}`]),
    );
    // the old bytes would fail again: the repaired ones are told of by their own notification, or by redrive --present
    lose();
    await dev.put(keyOf(3), whole);
    heal();
    expect((await dev.json('redrive', '--pipeline', 'estore')).messages).toMatchObject([
      { objects: [{ key: keyOf(3), since: 'replaced' }] },
    ]);
    expect(await why('p-3')).toMatchObject({ inEvents: false });
    await dev.json('redrive', '--pipeline', 'estore', '--apply', '--present');
    await dev.pass(3 * MINUTE_MS);
    expect(await why('p-3')).toMatchObject({ inEvents: true });
    expect((await dev.cli('files')).code).toBe(0);
    expect((await dev.cli('redrive')).stdout).toBe(
      'estore: there are no dead letters\npageviews: there are no dead letters\n',
    );
  });

  test('in a parked object, and redrive loads it when the cause is gone', async () => {
    const key = 'estore/shop/2026-11-20/w-parked.gz';
    const error = "Load into table 'staged' failed. Check 'sys_load_error_detail' system table for details";
    // every attempt fails; the function may still query its tables and park the object
    dev.trouble.statement = (name) =>
      /\/load\/.*\/(load|load-without|exact[\w-]*)\/\d+$/.test(name) ? { kind: 'fail', error } : undefined;
    await dev.put(key, gzipSync(`${JSON.stringify(event('w-parked'))}\n`));
    await dev.pass(5 * MINUTE_MS);
    heal();
    const answer = await why('w-parked');
    expect(answer.verdict).toBe(`It is not in events: its object ${key} is parked: ${error}: redrive.`);
    expect(placesOf(answer)).toEqual(['history', 'queue']);
    expect((await dev.json('files', '--status', 'failed')).files).toMatchObject([{ key, reason: error }]);
    await dev.json('redrive', '--pipeline', 'estore', '--apply');
    await dev.pass(3 * MINUTE_MS);
    expect(await why('w-parked')).toMatchObject({ inEvents: true });
    expect(await dev.query(`select reason from estore.parked where object_key = '${key}'`)).toEqual([]);
  });
});
