import { archiveHour, backfill } from '../../cli/commands/backfill';
import { files } from '../../cli/commands/files';
import { costOf } from '../../cli/commands/history/cost';
import { redrive } from '../../cli/commands/redrive';
import { reprocess } from '../../cli/commands/reprocess';
import { notificationOf, parseNotification } from '../../lambda/load/notification';
import { pipeline } from '../../pipelines/estore/pipeline';
import { FakeCloud, fakeContext } from './cloud';

const key = (name: string) => `estore/shop/2026-11-21/${name}.gz`;
const row = (name: string, more: Record<string, string> = {}) => ({
  object_key: key(name),
  etag: `etag of ${key(name)}`,
  ...more,
});
const now: [string, { now: string }[]] = ['getdate()', [{ now: '2026-11-21 09:00:00' }]];
const toldOf = (cloud: FakeCloud, queue: string) =>
  cloud.bodies(queue).flatMap((body) => parseNotification(body).map((object) => object.key));

describe('backfill', () => {
  test('without --apply tells what it would load, and sends nothing', async () => {
    const cloud = new FakeCloud();
    for (const name of ['a', 'b', 'c']) cloud.put('history', key(name));
    cloud.put('history', 'estore/not-the-glob.txt');
    cloud.put('history', key('frozen'), { storageClass: 'DEEP_ARCHIVE' });
    cloud.answers = [
      ['estore.ledger', [row('a')]],
      ['estore.parked', [row('b', { reason: 'not gzip', parked_at: '2026-11-21 08:00:00' })]],
    ];
    const context = fakeContext(cloud, { json: true });
    await backfill(context, pipeline, { from: 'history' });
    expect(context.result()).toMatchObject({
      objects: 1,
      bytes: 1000,
      loadedBefore: 1,
      parkedBefore: 1,
      frozen: 1,
      applied: false,
    });
    expect(cloud.queued.size).toBe(0);
  });

  test('an object whose bytes changed since it was loaded is loaded again', async () => {
    const cloud = new FakeCloud();
    cloud.put('history', key('a'), { etag: 'new' });
    cloud.answers = [['estore.ledger', [row('a')]]];
    const context = fakeContext(cloud, { json: true });
    await backfill(context, pipeline, { from: 'history' });
    expect(context.result()).toMatchObject({ objects: 1, loadedBefore: 0 });
  });

  test('with --apply queues what is missing in the backlog, whatever its key, and follows it to its end', async () => {
    const cloud = new FakeCloud();
    const odd = 'estore/shöp & co/a+b/50%.gz';
    cloud.put('history', key('a'));
    cloud.put('history', odd);
    let looks = 0;
    cloud.answers = [
      now,
      // the first two looks find nothing new
      ['loaded_at >=', () => (++looks < 3 ? [] : [{ ...row('a'), loaded_at: '2026-11-21 09:00:05' }])],
      [
        'reason from estore.parked',
        () => (looks < 3 ? [] : [{ object_key: odd, etag: `etag of ${odd}`, reason: 'not gzip' }]),
      ],
    ];
    const context = fakeContext(cloud, { json: true });
    expect(await backfill(context, pipeline, { from: 'history', apply: true })).toBe(false);
    expect(toldOf(cloud, 'backlog-queue').sort()).toEqual([key('a'), odd].sort());
    expect(context.result()).toMatchObject({ loaded: 1, waiting: 0, parked: [{ key: odd, reason: 'not gzip' }] });
  });

  test('counts what others had queued before: a load that commits late has its own earlier time in the ledger', async () => {
    const cloud = new FakeCloud();
    cloud.put('history', key('a'));
    cloud.answers = [now, ['loaded_at >=', [{ ...row('a'), loaded_at: '2026-11-21 08:52:00' }]]];
    await backfill(fakeContext(cloud), pipeline, { from: 'history', apply: true });
    expect(cloud.asked('loaded_at >=')[0]).toContain("'2026-11-21 08:45:00.000'::timestamp");
  });

  test('with --apply and nothing to load says so in the same shape', async () => {
    const context = fakeContext(new FakeCloud(), { json: true });
    expect(await backfill(context, pipeline, { from: 'history', apply: true })).toBe(true);
    expect(context.result()).toMatchObject({ applied: true, objects: 0, loaded: 0, parked: [], waiting: 0, gaps: [] });
  });

  test('gives up at its deadline and tells what still waits', async () => {
    const cloud = new FakeCloud();
    cloud.put('history', key('a'));
    cloud.answers = [now];
    const context = fakeContext(cloud, { json: true, timeoutMs: 20_000 });
    expect(await backfill(context, pipeline, { from: 'history', apply: true })).toBe(false);
    expect(context.result()).toMatchObject({ loaded: 0, waiting: 1 });
  });

  test('takes the hours of the archive that can hold the time asked for, with what Firehose kept back', async () => {
    const cloud = new FakeCloud();
    for (const hour of ['06', '07', '08', '09', '10']) cloud.put('archive', `archive/estore/2026/11/21/${hour}/x.gz`);
    cloud.put('archive', 'archive/pageviews/2026/11/21/08/x.gz');
    const context = fakeContext(cloud, { json: true });
    const at = (time: string) => Date.parse(`2026-11-21T${time}Z`);
    await backfill(context, pipeline, { from: 'archive', since: at('08:10:00'), until: at('09:30:00') });
    // an object of 07 may hold what arrived until 08:15
    expect(context.result()).toMatchObject({ objects: 3 });
    expect(archiveHour('archive/estore/2026/11/21/08/x.gz')).toBe(at('08:00:00'));
    expect(archiveHour('archive/estore/odd')).toBeUndefined();
  });

  describe('gaps', () => {
    const gap = (from: string) => ({
      shard_id: 's-1',
      from_time: `2026-11-21 ${from}`,
      to_time: '2026-11-21 09:00:00',
    });
    const closing = (cloud: FakeCloud) => cloud.asked('delete from estore.gaps_');
    const load = [
      'loaded_at >=',
      [{ object_key: 'archive/estore/2026/11/21/08/x.gz', etag: 'e', loaded_at: '2026-11-21 09:00:05' }],
    ] as FakeCloud['answers'][0];
    const cloudWith = (from: string, etag = 'e') => {
      const cloud = new FakeCloud();
      cloud.put('archive', 'archive/estore/2026/11/21/08/x.gz', { etag });
      cloud.answers = [now, load, ['select shard_id', [gap(from)]]];
      return cloud;
    };

    test('are closed when all of the archive is loaded', async () => {
      const cloud = cloudWith('08:10:00');
      const context = fakeContext(cloud, { json: true });
      expect(await backfill(context, pipeline, { from: 'archive', apply: true })).toBe(true);
      expect(closing(cloud)).toHaveLength(1);
      expect(context.result()).toMatchObject({ gaps: [{ shard: 's-1', closed: true }] });
    });

    test('stay open when the archive begins later', async () => {
      const cloud = cloudWith('05:00:00');
      const context = fakeContext(cloud, { json: true });
      await backfill(context, pipeline, { from: 'archive', apply: true });
      expect(context.result()).toMatchObject({ gaps: [{ closed: false }] });
    });

    test.each([
      ['in a dry run', cloudWith('08:10:00'), {}],
      ['when only some objects were asked for', cloudWith('08:10:00'), { apply: true, glob: '**' }],
      ['when an object is not loaded', cloudWith('08:10:00', 'another'), { apply: true }],
    ])('stay open %s', async (_, cloud, options) => {
      await backfill(fakeContext(cloud), pipeline, { from: 'archive', ...options });
      expect(closing(cloud)).toEqual([]);
    });
  });

  test('costs are the sum of requests, with those of cold storage apart', () => {
    const lines = costOf({ lists: 2000, objects: 1_000_000, coldObjects: 400_000, coldBytes: 5e11 });
    expect(lines.map(({ dollars }) => Number(dollars.toFixed(4)))).toEqual([0.01, 0.24, 0.12, 4, 15]);
    expect(lines[1]!.how).toBe('600,000 GET × $0.0004 / 1,000');
  });
});

describe('files', () => {
  const cloud = new FakeCloud();
  for (const name of ['loaded', 'pending', 'failed', 'overwritten']) cloud.put('history', key(name));
  cloud.put('history', 'elsewhere/x.csv');
  // what a console shows as a folder
  cloud.put('history', 'estore/', { size: 0 });
  cloud.answers = [
    ['estore.ledger', [row('loaded'), row('gone'), { object_key: key('overwritten'), etag: 'old' }]],
    ['estore.parked', [row('failed', { reason: 'not gzip', parked_at: '2026-11-21 08:00:00' })]],
  ];
  const shape = (rows: unknown) => (rows as { key: string; status: string }[]).map((file) => [file.key, file.status]);

  test('compares the bucket with ledger and parked', async () => {
    const context = fakeContext(cloud, { json: true });
    expect(await files(context, [pipeline], { limit: 1 })).toBe(false);
    const { counts, files: rows } = context.result() as { counts: object; files: unknown };
    expect(shape(rows).sort()).toEqual(
      [
        ['elsewhere/x.csv', 'unknown'],
        [key('failed'), 'failed'],
        [key('gone'), 'unknown'],
        [key('overwritten'), 'pending'],
        [key('pending'), 'pending'],
      ].sort(),
    );
    expect(counts).toMatchObject({ estore: { loaded: { objects: 1 } }, '(none)': { unknown: { objects: 1 } } });
  });

  test('an object whose message SQS gave up has failed, unless it is loaded', async () => {
    const given = new FakeCloud();
    const told = (name: string) =>
      notificationOf({
        bucket: 'history-bucket',
        key: key(name),
        etag: `etag of ${key(name)}`,
        versionId: '',
        size: 1,
      });
    for (const name of ['moved', 'loaded']) given.put('history', key(name));
    await given.queues.send('dead-letters', [told('moved'), told('loaded'), 'rubbish']);
    given.answers = [['estore.ledger', [row('loaded')]]];
    const context = fakeContext(given, { json: true });
    expect(await files(context, [pipeline], { limit: 1 })).toBe(false);
    expect((context.result() as { files: object[] }).files).toMatchObject([
      { key: key('moved'), status: 'failed', reason: expect.stringMatching(/delivered too often/) },
    ]);
  });

  test('lists one status, with its reason, up to the limit', async () => {
    const context = fakeContext(cloud);
    await files(context, [pipeline], { status: 'pending', limit: 1 });
    expect(context.text()).toContain('and 1 more: raise --limit');
    const failed = fakeContext(cloud);
    await files(failed, [pipeline], { status: 'failed', limit: 9 });
    expect(failed.text()).toMatch(/failed\.gz .*not gzip/);
  });

  test('of one pipeline lists its own prefixes alone', async () => {
    const context = fakeContext(cloud, { json: true });
    await files(context, [pipeline], { pipeline: 'estore', limit: 1 });
    expect(shape((context.result() as { files: unknown }).files).map(([name]) => name)).not.toContain(
      'elsewhere/x.csv',
    );
  });
});

describe('redrive', () => {
  const notification = (name: string) =>
    JSON.stringify({
      Records: [
        {
          eventName: 'ObjectCreated:Put',
          s3: { bucket: { name: 'history-bucket' }, object: { key: key(name), eTag: `etag of ${key(name)}`, size: 1 } },
        },
      ],
    });
  const cloudWithLetters = async () => {
    const cloud = new FakeCloud();
    const parked = { reason: 'not gzip', attempts: 3, at: 0, original: notification('parked') };
    await cloud.queues.send('dead-letters', [JSON.stringify(parked), notification('moved'), 'rubbish']);
    for (const name of ['parked', 'moved', 'stranded']) cloud.put('history', key(name));
    cloud.answers = [
      ['estore.parked', () => [row('parked', { reason: 'not gzip' }), row('stranded', { reason: 'too old' })]],
    ];
    return cloud;
  };

  test('without --apply lists the reasons and leaves everything where it is', async () => {
    const cloud = await cloudWithLetters();
    const context = fakeContext(cloud);
    expect(await redrive(context, pipeline, {})).toBe(false);
    for (const text of [
      /parked\.gz +not gzip/,
      /moved\.gz +delivered too often/,
      /rubbish +not a notification/,
      /stranded\.gz +too old/,
    ])
      expect(context.text()).toMatch(text);
    expect(cloud.bodies('dead-letters')).toHaveLength(3);
    expect(cloud.released).toHaveLength(3);
    expect(cloud.asked('delete from estore.parked')).toEqual([]);
  });

  test('with --apply sends the originals, and those whose message is gone, and unparks them first', async () => {
    const cloud = await cloudWithLetters();
    let parkedWhenSent: number | undefined;
    const { send } = cloud.queues;
    cloud.queues.send = async (url, bodies) => {
      parkedWhenSent ??= cloud.asked('delete from estore.parked').length;
      await send(url, bodies);
    };
    expect(await redrive(fakeContext(cloud), pipeline, { apply: true })).toBe(true);
    expect(parkedWhenSent).toBe(1);
    expect(cloud.asked('delete from estore.parked')[0]).toContain(key('stranded'));
    expect(cloud.bodies('dead-letters')).toEqual([]);
    expect(cloud.bodies('backlog-queue')).toContain('rubbish');
    expect(
      cloud
        .bodies('backlog-queue')
        .filter((body) => body !== 'rubbish')
        .flatMap((body) => parseNotification(body).map((object) => object.key))
        .sort(),
    ).toEqual([key('moved'), key('parked'), key('stranded')]);
  });
});

describe('redrive of objects that were replaced or deleted meanwhile', () => {
  const apply = async (options: object) => {
    const cloud = await cloudOf();
    await redrive(fakeContext(cloud), pipeline, { apply: true, ...options });
    expect(cloud.bodies('dead-letters')).toEqual([]);
    return cloud
      .bodies('backlog-queue')
      .flatMap((body) => parseNotification(body).map((object) => [object.key, object.etag]));
  };
  const cloudOf = async () => {
    const cloud = new FakeCloud();
    const told = (name: string) =>
      notificationOf({
        bucket: 'history-bucket',
        key: key(name),
        etag: `etag of ${key(name)}`,
        versionId: '',
        size: 1,
      });
    await cloud.queues.send('dead-letters', ['same', 'replaced', 'gone'].map(told));
    cloud.put('history', key('same'));
    cloud.put('history', key('replaced'), { etag: 'new' });
    return cloud;
  };

  test('is told of, and tries the old version', async () => {
    const context = fakeContext(await cloudOf());
    await redrive(context, pipeline, {});
    for (const text of [/replaced\.gz \(replaced since\)/, /gone\.gz \(gone since\)/, /same\.gz +deliv/, /--present/])
      expect(context.text()).toMatch(text);
    expect((await apply({})).sort()).toEqual(
      ['gone', 'replaced', 'same'].map((name) => [key(name), `etag of ${key(name)}`]),
    );
  });

  test('tries what is there now, if that is asked for', async () => {
    expect((await apply({ present: true })).sort()).toEqual([
      [key('replaced'), 'new'],
      [key('same'), `etag of ${key('same')}`],
    ]);
  });
});

describe('reprocess', () => {
  test('leaves an object alone whose bytes are in the ledger', async () => {
    const cloud = new FakeCloud();
    cloud.put('history', key('a'));
    cloud.answers = [['estore.ledger', [{ run_id: 'run-7' }]]];
    const context = fakeContext(cloud);
    expect(await reprocess(context, [pipeline], key('a'))).toBe(true);
    expect(context.text()).toContain('was loaded by run run-7');
    expect(cloud.queued.size).toBe(0);
  });

  test('unparks, queues ahead of the backlog and waits', async () => {
    const cloud = new FakeCloud();
    cloud.put('history', key('a'));
    cloud.answers = [now, ['loaded_at >=', [{ ...row('a'), loaded_at: '2026-11-21 09:00:01' }]]];
    const context = fakeContext(cloud);
    expect(await reprocess(context, [pipeline], key('a'))).toBe(true);
    expect(cloud.asked('delete from estore.parked')).toHaveLength(1);
    expect(toldOf(cloud, 'history-queue')).toEqual([key('a')]);
  });

  test('names what a key must match, and a key that is not there', async () => {
    const context = fakeContext(new FakeCloud());
    await expect(reprocess(context, [pipeline], 'other/x')).rejects.toThrow(
      "<key> must match one of estore/*/*/*.gz, archive/estore/**, got 'other/x'",
    );
    await expect(reprocess(context, [pipeline], key('none'))).rejects.toThrow(
      `there is no object ${key('none')} in history-bucket`,
    );
  });
});
