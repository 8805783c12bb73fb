import { notificationOf } from '../../../lambda/load/notification';
import { fileKey, message, World } from './host';

const files = (world: World, names: readonly string[]) => names.map((name) => world.write(fileKey(name)));
const step = (name: string) => name.split('/').slice(-2).join('/');

describe('a batch', () => {
  test('is loaded in one transaction, by a manifest', async () => {
    const world = new World();
    const [a, b] = files(world, ['a', 'b']);
    expect(await world.deliver([message(a!), message(b!, a!)])).toEqual([]);

    const [transaction, ...others] = world.transactions();
    expect(others).toEqual([]);
    const [[url, manifest]] = [...world.manifests] as [[string, object]];
    expect(transaction!.submission).toMatchObject({
      mode: 'transaction',
      token: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(transaction!.submission.statements[0]).toBe(`copy '${url}' iam_role 'arn:role'`);
    expect(transaction!.submission.statements[1]).toBe(
      `check '${JSON.stringify([a, b].map((object) => ({ url: `s3://history/${object!.key}`, etag: object!.etag })))}' '0'`,
    );
    expect(url).toMatch(/^s3:\/\/work\/manifests\/estore\/[0-9a-f]{32}\.manifest$/);
    expect(manifest).toEqual({
      entries: ['a', 'b'].map((name) => ({
        url: `s3://history/${fileKey(name)}`,
        mandatory: true,
        meta: { content_length: 10 },
      })),
    });
    expect(world.metrics).toEqual([{ LoadedFiles: 2 }]);
  });

  test('has the same run whatever the order of its objects', async () => {
    const tokens = await Promise.all(
      [
        ['a', 'b'],
        ['b', 'a'],
      ].map(async (names) => {
        const world = new World();
        await world.deliver(files(world, names).map((object) => message(object)));
        return world.transactions()[0]!.submission.token;
      }),
    );
    expect(tokens[0]).toBe(tokens[1]);
  });

  test('has a transaction for each source, the newest objects first, and no more than 250 objects or a gigabyte in one', async () => {
    const world = new World();
    const objects = Array.from({ length: 300 }, (_, i) => ({
      ...world.write(fileKey(`f${i}`)),
      eventTime: new Date(Date.UTC(2026, 10, 21, 0, i)).toISOString(),
    }));
    const archived = world.write('archive/estore/2026/11/21/05/x.gz', { bucket: 'archive' });
    const large = ['m1', 'm2', 'm3'].map((name) => world.write(`more/${name}`, { size: 200 * 1024 ** 2 }));
    const giant = world.write('more/giant', { size: 300 * 1024 ** 2 });
    const all = [...objects, archived, ...large, giant];
    expect(await world.deliver(all.map((object) => message(object)))).toEqual([]);
    expect(world.ledger).toHaveLength(305);
    const keysOf = ({ submission }: ReturnType<World['transactions']>[0]) =>
      [...submission.statements[1]!.matchAll(/"url":"s3:\/\/\w+\/([^"]+)"/g)].map(([, key]) => key!);
    const batches = world.transactions().map(keysOf);
    expect(batches.find((keys) => keys.includes('more/giant'))).toEqual(['more/giant']);
    expect(batches.find((keys) => keys.includes(archived.key))).toEqual([archived.key]);
    expect(Math.max(...batches.map((keys) => keys.length))).toBe(250);
    const of = (i: number) => batches.findIndex((keys) => keys.includes(fileKey(`f${i}`)));
    expect(of(299)).toBeLessThan(of(0));
  });

  test('is split where its list of objects would not fit a SQL literal', async () => {
    const world = new World();
    const long = 'x'.repeat(700);
    const objects = files(
      world,
      Array.from({ length: 120 }, (_, i) => `${long}${i}`),
    );
    expect(await world.deliver(objects.map((object) => message(object)))).toEqual([]);
    expect(world.ledger).toHaveLength(120);
    for (const { submission } of world.transactions())
      expect(Buffer.byteLength(submission.statements.slice(1).join())).toBeLessThan(100_000);
  });

  test('that is empty for this pipeline is acknowledged: test events, deletions, foreign keys and buckets, folders', async () => {
    const world = new World();
    const testEvent = { ...message(), body: JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent' }) };
    const object = { key: fileKey('a'), etag: 'e' };
    const batch = [
      testEvent,
      message({ ...object, eventName: 'ObjectRemoved:DeleteMarkerCreated' }),
      message({ ...object, key: 'segment-logs/readme.txt' }),
      message({ ...object, bucket: 'other' }),
      message({ ...object, key: 'more/folder/' }),
      message({ ...object, key: 'archive/estore/x' }),
    ];
    expect(await world.deliver(batch)).toEqual([]);
    expect(world.warehouse.names).toEqual([]);
  });
});

describe('the identity of an object', () => {
  test('is its bytes: the same uploaded twice is loaded once, others of the same key are loaded too', async () => {
    const world = new World();
    const first = world.write(fileKey('a'), { etag: 'one' });
    await world.deliver([message(first)]);
    const again = world.write(fileKey('a'), { etag: 'one' });
    expect(await world.deliver([message(again)])).toEqual([]);
    expect(world.transactions()).toHaveLength(1);
    expect(await world.deliver([message(world.write(fileKey('a'), { etag: 'two' }))])).toEqual([]);
    expect(world.ledger.map(({ etag }) => etag)).toEqual(['one', 'two']);
  });

  test('two versions in one batch are both loaded, each from its own bytes', async () => {
    const world = new World();
    const [one, two] = [world.write(fileKey('a'), { etag: 'one' }), world.write(fileKey('a'), { etag: 'two' })];
    expect(await world.deliver([message(one), message(two)])).toEqual([]);
    expect(world.ledger.map(({ etag }) => etag).sort()).toEqual(['one', 'two']);
    expect([...world.copies.values()].map(({ etag }) => etag)).toEqual(['one']);
  });

  test('an overwritten object of a source that forbids it is parked with an alarm', async () => {
    const world = new World();
    const one = world.write('orders/a.csv', { etag: 'one' });
    await world.deliver([message(one)]);
    const two = world.write('orders/a.csv', { etag: 'two' });
    expect(await world.deliver([message(two), message(one)])).toEqual([]);
    expect(world.ledger.map(({ etag }) => etag)).toEqual(['one']);
    expect([...world.parked]).toEqual([['history/orders/a.csv two', expect.stringMatching(/^overwritten: /)]]);
    expect(world.metrics).toContainEqual({ OverwrittenObjects: 1 });
    expect(world.deadLetters).toMatchObject([
      { object: { etag: 'two' }, reason: expect.stringMatching(/^overwritten: /) },
    ]);
  });

  test('of two versions in one batch, such a source loads the older', async () => {
    const world = new World();
    const older = { ...world.write('orders/a.csv', { etag: 'z' }), eventTime: '2026-11-21T05:00:00Z' };
    const newer = { ...world.write('orders/a.csv', { etag: 'a' }), eventTime: '2026-11-21T06:00:00Z' };
    expect(await world.deliver([message(newer), message(older)])).toEqual([]);
    expect(world.ledger.map(({ etag }) => etag)).toEqual(['z']);
    expect([...world.parked.keys()]).toEqual(['history/orders/a.csv a']);
  });
});

describe('exactly the bytes', () => {
  test('an object that was overwritten before its load is loaded from a copy of its version', async () => {
    const world = new World();
    const [a] = files(world, ['a']);
    const old = world.write(fileKey('b'), { etag: 'old' });
    world.write(fileKey('b'), { etag: 'new', poison: 'ERROR: gzip: not in gzip format' });
    expect(await world.deliver([message(a!), message(old)])).toEqual([]);
    expect(world.loadedKeys()).toEqual(['a', 'b'].map(fileKey));
    expect(world.ledger.find(({ key }) => key === fileKey('b'))!.etag).toBe('old');
    const [copy, ...others] = [...world.copies.keys()];
    expect([copy, others]).toEqual([expect.stringMatching(/^work\/versions\/estore\/[0-9a-f]{32}$/), []]);
    const exact = world.transactions().at(-1)!;
    expect(step(exact.name)).toBe('exact/1');
    const manifest = /'(s3:[^']*)'/.exec(exact.submission.statements[0]!)![1]!;
    expect(world.manifests.get(manifest)!.entries).toEqual([expect.objectContaining({ url: `s3://${copy}` })]);
    expect(exact.submission.statements[1]).toMatch(/-none-refused\.manifest' '-1'$/);
    expect(exact.submission.statements[2]).toContain(`"key":"${fileKey('b')}"`);
  });

  test('an object that was deleted before its load is still loaded', async () => {
    const world = new World();
    const gone = world.write(fileKey('a'));
    world.write(fileKey('a'), { etag: 'deleted' });
    expect(await world.deliver([message(gone)])).toEqual([]);
    expect(world.loadedKeys()).toEqual([fileKey('a')]);
  });

  test('the version is looked up where the message does not know it', async () => {
    const world = new World();
    const { versionId: _, ...old } = world.write(fileKey('a'), { etag: 'old' });
    world.write(fileKey('a'), { etag: 'new' });
    expect(await world.deliver([message(old)])).toEqual([]);
    expect(world.ledger.map(({ etag }) => etag)).toEqual(['old']);
  });

  test.each([
    ['whose version no longer exists', { etag: 'lost', versionId: 'v9', size: 10 }, 'no longer exists'],
    ['that no version has', { etag: 'lost', versionId: '', size: 10 }, 'no longer exists'],
    ['that S3 cannot copy in one piece', { etag: 'lost', versionId: 'v1', size: 6 * 1024 ** 3 }, 'larger than 5 GB'],
  ])('bytes %s are parked', async (_, version, reason) => {
    const world = new World();
    world.write(fileKey('a'), { etag: 'new' });
    expect(await world.deliver([message({ key: fileKey('a'), ...version })])).toEqual([]);
    expect([...world.parked]).toEqual([[`history/${fileKey('a')} lost`, expect.stringContaining(reason)]]);
  });
});

describe('a warehouse whose system views do not show a transaction its own COPY', () => {
  test('loads a whole batch from copies of its versions, and the views are not queried again', async () => {
    const world = new World();
    world.showsOwnCopy = false;
    const batch = files(world, ['a', 'b', 'c']);
    expect(await world.deliver(batch.map((object) => message(object)))).toEqual([]);
    expect(await world.deliver([message(world.write(fileKey('d')))])).toEqual([]);
    expect(world.transactions().map(({ name }) => step(name))).toEqual(['load/1', 'exact/1', 'exact/1']);
    expect(world.loadedKeys()).toEqual(['a', 'b', 'c', 'd'].map(fileKey));
    expect(world.parked.size).toBe(0);
  });

  test('loads the bytes that were notified, though the objects were overwritten', async () => {
    const world = new World();
    world.showsOwnCopy = false;
    const old = world.write(fileKey('a'), { etag: 'old' });
    const current = world.write(fileKey('a'), { etag: 'new' });
    expect(await world.deliver([message(old), message(current)])).toEqual([]);
    expect(world.ledger.map(({ etag }) => etag).sort()).toEqual(['new', 'old']);
    expect([...world.copies.values()].map(({ etag }) => etag).sort()).toEqual(['new', 'old']);
  });
});

describe('a failure', () => {
  test('of one object is isolated by halving and parked with its reason, and holds up no other', async () => {
    const world = new World();
    const objects = files(world, ['a', 'b', 'd', 'e']);
    const bad = world.write(fileKey('c'), { poison: 'ERROR: gzip: not in gzip format' });
    expect(await world.deliver([...objects, bad].map((object) => message(object)))).toEqual([]);
    expect(world.loadedKeys()).toEqual(['a', 'b', 'd', 'e'].map(fileKey));
    expect([...world.parked.keys()]).toEqual([`history/${fileKey('c')} ${bad.etag}`]);
    expect(world.deadLetters).toEqual([
      {
        reason: 'ERROR: gzip: not in gzip format',
        object: bad,
        attempts: 1,
        at: expect.stringMatching(/^2026-11-21T05:/),
        original: notificationOf(bad),
      },
    ]);
    expect(world.metrics.filter(({ ParkedObjects }) => ParkedObjects)).toHaveLength(1);
  });

  test("that is not recognized counts as the object's at the third delivery", async () => {
    const world = new World();
    const object = world.write(fileKey('a'), { poison: 'ERROR: something new' });
    const batch = [message(object)];
    expect(await world.deliver(batch, 2)).toHaveLength(1);
    expect(world.parked.size).toBe(0);
    expect(await world.deliver(world.queue, 1)).toEqual([]);
    expect([...world.parked.values()]).toEqual(['ERROR: something new']);
    expect(world.deadLetters[0]!.attempts).toBe(3);
  });

  test.each([
    ['a conflict of transactions', 'ERROR: 1023 DETAIL: Serializable isolation violation on table'],
    ['a warehouse that ended its connections', 'FATAL: terminating connection due to administrator command'],
    ['a throttled S3', 'ERROR: S3ServiceException: Please reduce your request rate., Status 503, Error SlowDown'],
  ])('that passes is tried three times at once, and later as often as it comes: %s', async (_, error) => {
    const world = new World();
    const batch = files(world, ['a', 'b']).map((object) => message(object));
    world.instead = () => ({ status: 'FAILED', error });
    expect(await world.deliver(batch, 4)).toHaveLength(2);
    expect(world.transactions().map(({ name }) => Number(name.split('/').at(-1)))).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    world.instead = undefined;
    expect(await world.deliver(world.queue)).toEqual([]);
    expect([world.ledger.length, world.parked.size]).toEqual([2, 0]);
  });

  test('that was ABORTED is not an object’s fault', async () => {
    const world = new World();
    world.instead = () => ({ status: 'ABORTED' });
    expect(await world.deliver([message(world.write(fileKey('a')))], 9)).toHaveLength(1);
    expect(world.parked.size).toBe(0);
  });

  test('without the ledger row though the transaction finished parks nothing that can still be loaded', async () => {
    const world = new World();
    const changed = { known: 0, unseen: 0, changed: 1, staged: 1, refused: 0, expected: 1 };
    world.instead = ({ name }) => (name.includes('/exact/') ? undefined : world.answering(changed));
    world.remainingMs = 60_000;
    const describe = world.warehouse.describe.bind(world.warehouse);
    world.warehouse.describe = async (id) => {
      const state = await describe(id);
      if (state.status === 'STARTED') world.remainingMs = 500;
      return state;
    };
    expect(await world.deliver([message(world.write(fileKey('a')))])).toHaveLength(1);
    expect(world.parked.size).toBe(0);
  });

  test('to ask the warehouse brings every message back', async () => {
    const world = new World();
    world.warehouse.crashOn = () => true;
    expect(await world.deliver(files(world, ['a', 'b']).map((object) => message(object)))).toHaveLength(2);
    expect(world.metrics).toEqual([{ LoadFailed: 1 }]);
  });
});

test('a message that is no notification is parked alone', async () => {
  const world = new World();
  const [a] = files(world, ['a']);
  const bad = { ...message(), body: 'hello' };
  expect(await world.deliver([bad, message(a!)])).toEqual([]);
  expect(world.deadLetters).toMatchObject([
    { reason: expect.stringMatching(/^body must be JSON text/), original: 'hello' },
  ]);
  expect(world.loadedKeys()).toEqual([fileKey('a')]);
});

test('an object that is parked already gets no second dead letter, unless the first one was moved back', async () => {
  const world = new World();
  const bad = world.write(fileKey('a'), { poison: 'ERROR: gzip: not in gzip format' });
  await world.deliver([message(bad)]);
  expect(await world.deliver([message(bad)])).toEqual([]);
  expect(world.deadLetters).toHaveLength(1);
  expect(await world.deliver([{ ...message(), body: JSON.stringify(world.deadLetters[0]) }])).toEqual([]);
  expect(world.deadLetters).toHaveLength(2);
});

test('a dead letter that SQS moved back is retried, and no longer parked once it is loaded', async () => {
  const world = new World();
  const bad = world.write(fileKey('a'), { poison: 'ERROR: gzip: not in gzip format' });
  await world.deliver([message(bad)]);
  expect(world.parked.size).toBe(1);
  world.versions.set(`history/${bad.key}`, [{ ...bad }]);
  expect(await world.deliver([{ ...message(), body: JSON.stringify(world.deadLetters[0]) }])).toEqual([]);
  expect([world.loadedKeys(), world.parked.size]).toEqual([[bad.key], 0]);
});

test('objects that another delivery loaded meanwhile are not loaded again, the rest of the batch is', async () => {
  const world = new World();
  const [a, b] = files(world, ['a', 'b']);
  let first = true;
  world.instead = (submission) => {
    if (first) world.ledger.push(a!);
    first = false;
    return world.transact(submission);
  };
  expect(await world.deliver([message(a!), message(b!)])).toEqual([]);
  expect(world.loadedKeys()).toEqual(['a', 'b'].map(fileKey));
});

test('a transaction that still runs when time is up is found by the next delivery', async () => {
  const world = new World();
  const batch = [message(world.write(fileKey('a')))];
  world.instead = () => undefined;
  const submit = world.warehouse.submit.bind(world.warehouse);
  world.warehouse.submit = async (submission) => {
    const id = await submit(submission);
    if (step(submission.name) === 'load/1') world.remainingMs = 500;
    return id;
  };
  expect(await world.deliver(batch)).toHaveLength(1);

  world.remainingMs = 60_000;
  world.warehouse.submit = submit;
  const [running] = world.transactions();
  const describe = world.warehouse.describe.bind(world.warehouse);
  world.warehouse.describe = async (id) => {
    if (id === running!.id) world.warehouse.end(running!.name, world.transact(running!.submission));
    return describe(id);
  };
  expect(await world.deliver(batch)).toEqual([]);
  expect(world.transactions()).toHaveLength(1);
  expect(world.loadedKeys()).toEqual([fileKey('a')]);
});

describe('killed at any call, the next deliveries load each object once', () => {
  const fill = (world: World) => {
    const good = files(world, ['a', 'b', 'd', 'e']);
    const bad = world.write(fileKey('c'), { poison: 'ERROR: gzip: not in gzip format' });
    const old = world.write(fileKey('o'), { etag: 'old' });
    const current = world.write(fileKey('o'), { etag: 'new' });
    const forbidden = [world.write('orders/a.csv', { etag: '1' }), world.write('orders/a.csv', { etag: '2' })];
    const archived = world.write('archive/estore/x.gz', { bucket: 'archive' });
    return [...good, bad, old, current, ...forbidden, archived].map((object) => message(object));
  };
  const expected = (world: World) => ({
    ledger: world.ledger.map(({ key, etag }) => `${key} ${etag}`).sort(),
    parked: [...world.parked.keys()].sort(),
    dead: new Set(world.deadLetters.map(({ object }) => object!.key)),
  });

  test('before or after', async () => {
    const whole = new World();
    expect(await whole.deliver(fill(whole))).toEqual([]);
    const truth = expected(whole);
    expect(truth.ledger).toHaveLength(8);
    expect(new Set(truth.ledger).size).toBe(8);
    expect(truth.parked).toHaveLength(2);
    expect(whole.calls).toBeGreaterThan(50);
    for (let call = 1; call <= whole.calls; call += 1)
      for (const moment of ['before', 'after'] as const) {
        const world = new World();
        world.killAt = { call, moment };
        const left = await world.deliver(fill(world), 4);
        expect({ call, moment, left, ...expected(world) }).toEqual({ call, moment, left: [], ...truth });
      }
  });
});
