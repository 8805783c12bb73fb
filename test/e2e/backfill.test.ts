import { setTimeout as wait } from 'node:timers/promises';
import { secondTierTest as test } from '../support/tier';
import { type Dev, event, gzipped, HOUR_MS, startDev } from './dev';

jest.setTimeout(400_000);

const start = Date.UTC(2026, 10, 21, 9);
const MINUTE_MS = 60_000;
const OBJECTS = 240;
let dev: Dev;
const keyOf = (n: number) => `estore/years/2026-11-${String(1 + (n % 28)).padStart(2, '0')}/${n}.gz`;

beforeAll(async () => {
  dev = await startDev(start);
  dev.trouble.delivery = (point) => (point === 'notification' ? [] : undefined);
  for (let n = 0; n < OBJECTS; n += 30)
    await Promise.all(
      Array.from({ length: Math.min(30, OBJECTS - n) }, (_, i) =>
        dev.put(keyOf(n + i), gzipped([event(`b-${n + i}`)])),
      ),
    );
}, 300_000);
afterAll(() => dev?.dispose());

const waiting = () => dev.runtime.sqs.queueAt(dev.output(/^EstoreHistoryBacklogUrl/)).depth();
const loaded = async () => Number((await dev.query('select count(*) from estore.ledger'))[0]![0]);
const aws = async (...args: string[]) => {
  const { code, stdout, stderr } = await dev.aws(...args, '--json').ended;
  if (stdout === '') throw new Error(stderr);
  return { code, ...JSON.parse(stdout) };
};

test('a dry run tells objects, bytes and a rough cost, narrowed by time and glob, and queues nothing', async () => {
  const dry = (...args: string[]) => dev.json('backfill', '--pipeline', 'estore', '--from', 'history', ...args);
  const all = await dry();
  expect(all).toMatchObject({ applied: false, objects: OBJECTS, loadedBefore: 0, parkedBefore: 0, frozen: 0 });
  expect(all.bytes).toBeGreaterThan(OBJECTS * 50);
  expect(all.cost.reduce((sum: number, line: { dollars: number }) => sum + line.dollars, 0)).toBeGreaterThan(0);
  const day = Array.from({ length: OBJECTS }, (_, n) => keyOf(n)).filter((key) => key.includes('/2026-11-07/'));
  expect((await dry('--glob', 'estore/years/2026-11-07/*')).objects).toBe(day.length);
  expect((await dry('--glob', '**/7.gz')).objects).toBe(1);
  for (const glob of ['attic/**', 'estore/years/2026-11-0[7]/*', 'estore/*', '?'])
    expect((await dry('--glob', glob)).objects).toBe(0);
  expect((await dry('--since', new Date(start + 24 * HOUR_MS).toISOString())).objects).toBe(0);
  expect((await dry('--until', new Date(start - 24 * HOUR_MS).toISOString())).objects).toBe(0);
  expect((await dry('--since', '1970-01-01', '--until', '2100-01-01')).objects).toBe(OBJECTS);
  expect(waiting()).toBe(0);
});

test('killed while it queues, and once more while it waits, it is run again and everything is loaded once', async () => {
  const first = dev.aws('backfill', '--pipeline', 'estore', '--from', 'history', '--apply');
  for (const deadline = Date.now() + 60_000; waiting() < 40; await wait(0))
    if (Date.now() > deadline) throw new Error('nothing was queued');
  first.kill('SIGKILL');
  expect((await first.ended).code).toBeNull();
  const queued = waiting() + (await loaded());
  expect(queued).toBeGreaterThanOrEqual(40);
  expect(queued).toBeLessThan(OBJECTS);

  const second = dev.aws('backfill', '--pipeline', 'estore', '--from', 'history', '--apply');
  for (const deadline = Date.now() + 60_000; (await loaded()) + waiting() < OBJECTS; await wait(5))
    if (Date.now() > deadline) throw new Error('not everything was queued');
  second.kill('SIGKILL');
  await second.ended;

  const last = await dev.live(() =>
    aws('backfill', '--pipeline', 'estore', '--from', 'history', '--apply', '--timeout', '120'),
  );
  expect(last).toMatchObject({ code: 0, applied: true, parked: [], waiting: 0 });
  expect(last.loaded + last.loadedBefore).toBe(OBJECTS);
  expect(await dev.query('select count(*), count(distinct object_key) from estore.ledger')).toEqual([
    [`${OBJECTS}`, `${OBJECTS}`],
  ]);
  expect(
    await dev.query('select count(*), count(distinct customer_id), count(distinct event_id) from estore.events'),
  ).toEqual([[`${OBJECTS}`, `${OBJECTS}`, `${OBJECTS}`]]);
  expect(await dev.query('select count(*) from estore.duplicates')).toEqual([['0']]);
  expect(await aws('backfill', '--pipeline', 'estore', '--from', 'history')).toMatchObject({
    code: 0,
    objects: 0,
    loadedBefore: OBJECTS,
  });
});

describe('through the adapters that talk to AWS', () => {
  test('files and rejects answer as they do locally', async () => {
    await dev.send([{ customer_id: 'a-reject' }, event('a-stream')]);
    await dev.pass(3 * MINUTE_MS);
    const files = await aws('files');
    expect(files).toMatchObject({
      code: 0,
      counts: { estore: { loaded: { objects: OBJECTS }, pending: { objects: 0 } } },
    });
    const { code, ...rejects } = await aws('rejects', '--pipeline', 'estore');
    expect(code).toBe(1);
    expect(rejects).toEqual(await dev.json('rejects', '--pipeline', 'estore'));
    expect(await aws('rejects', '--pipeline', 'estore', '--retry', '--apply')).toMatchObject({
      retried: [{ chosen: 1, events: 0, after: 1 }],
    });
  });

  test('why looks into the queues of the function only when it may deliver, and leaves the messages there', async () => {
    expect(await aws('why', 'customer_id=a-stream')).toMatchObject({ code: 0, inEvents: true });
    const key = 'estore/shop/2026-11-20/queued.gz';
    await dev.put(key, gzipped([event('a-queued')]));
    dev.trouble.statement = (name) => (name.startsWith('millrace/dev/estore/load/') ? { kind: 'fail' } : undefined);
    expect(await aws('reprocess', key, '--timeout', '8')).toMatchObject({ code: 1, outcome: 'waiting' });
    const queue = dev.runtime.sqs.queueAt(dev.output(/^EstoreHistoryQueueUrl/));
    // S3's notification, and the message of `reprocess`
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 2, delayed: 0 });
    const hidden = await aws('why', 'customer_id=a-queued');
    expect(hidden.verdict).toMatch(/queued\.gz is not loaded yet, and 2 messages may be about it/);
    const looked = await aws('why', 'customer_id=a-queued', '--look');
    // a message that the function has in hand is shown to nobody
    expect(looked.sightings.find(({ place }: { place: string }) => place === 'queue')).toMatchObject({
      found: 'unknown',
    });
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 2, delayed: 0 });
    dev.trouble.statement = () => undefined;
    // the message from before may be first
    expect(await dev.live(() => aws('reprocess', key))).toMatchObject({
      code: 0,
      outcome: expect.stringMatching(/^loaded/),
    });
    expect(await aws('why', 'customer_id=a-queued')).toMatchObject({ inEvents: true });
  });

  test('redrive sends a dead letter back and leaves none behind', async () => {
    const key = 'estore/shop/2026-11-20/cut.gz';
    await dev.put(key, Buffer.from('no gzip'));
    expect(await dev.live(() => aws('reprocess', key, '--timeout', '60'))).toMatchObject({
      code: 1,
      outcome: 'parked',
    });
    expect(await aws('files')).toMatchObject({ code: 1, counts: { estore: { failed: { objects: 1 } } } });
    expect(await aws('redrive', '--pipeline', 'estore')).toMatchObject({
      code: 1,
      messages: [{ objects: [{ key, since: 'same' }] }],
    });
    await dev.put(key, gzipped([event('a-cut')]));
    expect(await aws('redrive', '--pipeline', 'estore', '--apply', '--present')).toMatchObject({
      code: 0,
      messages: [{ objects: [{ since: 'replaced' }] }],
    });
    await dev.pass(2 * MINUTE_MS);
    expect(await aws('files')).toMatchObject({ code: 0, counts: { estore: { loaded: { objects: OBJECTS + 2 } } } });
    expect(await aws('redrive', '--pipeline', 'estore')).toMatchObject({ code: 0, messages: [], withoutMessage: [] });
  });

  test('a pipeline that there is not ends with 2', async () => {
    const { code, stderr } = await dev.aws('files', '--pipeline', 'x').ended;
    expect(stderr).toBe("error: --pipeline must be one of estore, pageviews, got 'x'\n");
    expect(code).toBe(2);
  });
});
