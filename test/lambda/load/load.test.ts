import type { LoadPlan } from '../../../lambda/load/contract';
import { globMatcher } from '../../../lambda/load/glob';
import { load } from '../../../lambda/load/load';
import { parseBatch, parseNotification } from '../../../lambda/load/notification';
import type { Submission } from '../../../lambda/shared/warehouse';
import { FakeObjects, FakeWarehouse, type Outcome, quiet, recordMetrics } from '../fakes';

const plan: LoadPlan = {
  pipeline: 'estore',
  glob: 'segment-logs/*/*/*.gz',
  load: [
    'copy estore.staged from {{manifest}} iam_role {{load_role}} manifest',
    'insert into estore.ledger select {{run_id}}, {{objects}}',
  ],
  loaded: 'select object_key, version from estore.ledger where {{objects}}',
};
const minute = () => 60_000;

interface Given {
  key: string;
  version?: string;
  eventName?: string;
}
const message = (messageId: string, ...objects: Given[]) => ({
  messageId,
  body: JSON.stringify({
    Records: objects.map(({ key, version = 'v1', eventName = 'ObjectCreated:Put' }) => ({
      eventName,
      s3: { bucket: { name: 'history' }, object: { key, versionId: version, size: 10 } },
    })),
  }),
});
const fileKey = (name: string) => `segment-logs/w/20261120/${name}.gz`;
const file = (name: string, version?: string): Given => ({ key: fileKey(name), version });

function setUp() {
  const warehouse = new FakeWarehouse();
  const objects = new FakeObjects();
  const { metrics, recorded } = recordMetrics();
  /** The ledger, by key. */
  const ledger = new Map<string, string>();
  const poison = new Set<string>();
  const objectsIn = ({ statements }: Submission): { key: string; version: string }[] =>
    JSON.parse(/\[\{.*\}\]/.exec(statements.at(-1)!)![0]);
  const attempt = (submission: Submission): Outcome => {
    const batch = objectsIn(submission);
    const bad = batch.find(({ key }) => poison.has(key));
    if (bad) return { status: 'FAILED', error: `ERROR: S3ServiceException: NoSuchKey ${bad.key}` };
    for (const { key, version } of batch) ledger.set(key, version);
    return {};
  };
  let transaction: (submission: Submission) => Outcome | undefined = attempt;
  warehouse.outcome = (submission) => {
    if (!submission.name.endsWith('/loaded/1')) return transaction(submission);
    const known = objectsIn(submission).filter(({ key, version }) => ledger.get(key) === version);
    return { rows: known.map(({ key, version }) => ({ object_key: key, version })) };
  };
  const handle = load({
    environment: 'dev',
    historyBucket: 'history',
    workBucket: 'work',
    loadRoleArn: 'arn:role',
    plan,
    warehouse,
    objects,
    log: quiet,
    metrics,
  });
  return {
    warehouse,
    objects,
    recorded,
    ledger,
    poison,
    instead: (other: (submission: Submission) => Outcome | undefined) => {
      transaction = other;
    },
    attempt,
    deliver: async (...messages: { messageId: string; body: string }[]) =>
      (await handle(messages, minute)).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    transactions: () =>
      warehouse.statements.filter(({ name }) => name.includes('/load/1') || /\/load\/\d+$/.test(name)),
  };
}

test('loads the objects of a batch in one transaction, by a manifest', async () => {
  const { deliver, transactions, objects, recorded } = setUp();
  expect(await deliver(message('m1', file('a')), message('m2', file('b'), file('a')))).toEqual([]);

  const [transaction, ...others] = transactions();
  expect(others).toEqual([]);
  const [key, manifest] = [...objects.held][0]!;
  expect(transaction!.submission).toMatchObject({
    mode: 'transaction',
    token: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(transaction!.submission.statements[0]).toBe(
    `copy estore.staged from 's3://${key}' iam_role 'arn:role' manifest`,
  );
  expect(key).toMatch(/^work\/manifests\/estore\/[0-9a-f]{32}\.manifest$/);
  expect(JSON.parse(manifest)).toEqual({
    entries: ['a', 'b'].map((name) => ({ url: `s3://history/${fileKey(name)}`, mandatory: true })),
  });
  expect(recorded.map(({ values }) => values)).toEqual([{ LoadedFiles: 2 }]);
});

test('the same objects have the same run, in whatever order they come', async () => {
  const one = setUp();
  const other = setUp();
  await one.deliver(message('m1', file('a')), message('m2', file('b')));
  await other.deliver(message('m3', file('b'), file('a')));
  expect(one.transactions()[0]!.submission.token).toBe(other.transactions()[0]!.submission.token);
});

test('an object that is in the ledger is not loaded again, its next version is', async () => {
  const { deliver, transactions } = setUp();
  await deliver(message('m1', file('a')));
  expect(await deliver(message('m2', file('a')))).toEqual([]);
  expect(transactions()).toHaveLength(1);
  expect(await deliver(message('m3', file('a', 'v2')))).toEqual([]);
  expect(transactions()).toHaveLength(2);
});

test('acknowledges test events, deletions and keys of no pipeline without loading', async () => {
  const { deliver, transactions } = setUp();
  const test = {
    messageId: 't',
    body: JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'history' }),
  };
  const deleted = message('d', { ...file('a'), eventName: 'ObjectRemoved:DeleteMarkerCreated' });
  expect(await deliver(test, deleted, message('k', { key: 'segment-logs/readme.txt' }))).toEqual([]);
  expect(transactions()).toEqual([]);
});

test('a message that is no notification fails alone', async () => {
  const { deliver, ledger } = setUp();
  expect(await deliver({ messageId: 'bad', body: 'hello' }, message('good', file('a')))).toEqual(['bad']);
  expect([...ledger.keys()]).toEqual([fileKey('a')]);
});

test('one poisonous object holds up no other', async () => {
  const { deliver, ledger, poison, recorded } = setUp();
  poison.add(fileKey('c'));
  const messages = ['a', 'b', 'c', 'd', 'e'].map((name) => message(`m-${name}`, file(name)));
  expect(await deliver(...messages)).toEqual(['m-c']);
  expect([...ledger.keys()].sort()).toEqual(['a', 'b', 'd', 'e'].map(fileKey));
  expect(recorded.filter(({ values }) => values.LoadFailed)).toHaveLength(1);
});

test('a message with a good and a bad object comes back for the bad one', async () => {
  const { deliver, poison, transactions } = setUp();
  poison.add(fileKey('b'));
  expect(await deliver(message('m', file('a'), file('b')))).toEqual(['m']);
  poison.clear();
  expect(await deliver(message('m', file('a'), file('b')))).toEqual([]);
  expect(transactions().at(-1)!.submission.statements[1]).not.toContain(fileKey('a'));
});

test('a redelivery after a failure is a new attempt, not the token of the failed one', async () => {
  const { deliver, poison, transactions } = setUp();
  poison.add(fileKey('a'));
  expect(await deliver(message('m', file('a')))).toEqual(['m']);
  poison.clear();
  expect(await deliver(message('m', file('a')))).toEqual([]);
  expect(transactions().map(({ name }) => name.split('/').at(-1))).toEqual(['1', '2']);
});

test('what still runs when time is up is found again by the next delivery', async () => {
  const { deliver, instead, warehouse, transactions, ledger } = setUp();
  instead(() => undefined);
  const remaining = [60_000, 60_000, 60_000, 60_000, 500];
  const handle = load({
    environment: 'dev',
    historyBucket: 'history',
    workBucket: 'work',
    loadRoleArn: 'arn:role',
    plan,
    warehouse,
    objects: new FakeObjects(),
    log: quiet,
    metrics: quiet,
  });
  const late = await handle([message('m', file('a'))], () => remaining.shift() ?? 500);
  expect(late.batchItemFailures).toEqual([{ itemIdentifier: 'm' }]);

  const describe = warehouse.describe.bind(warehouse);
  warehouse.describe = async (id) => {
    if (id === transactions()[0]!.id) {
      warehouse.end(transactions()[0]!.name);
      ledger.set(fileKey('a'), 'v1');
    }
    return describe(id);
  };
  expect(await deliver(message('m', file('a')))).toEqual([]);
  expect(transactions()).toHaveLength(1);
});

test('a conflict of transactions is tried again at once, three times in all', async () => {
  const { deliver, instead, transactions } = setUp();
  instead(() => ({ status: 'FAILED', error: 'ERROR: deadlock detected' }));
  expect(await deliver(message('m', file('a')))).toEqual(['m']);
  expect(transactions().map(({ name }) => name.split('/').at(-1))).toEqual(['1', '2', '3']);
});

test('an ABORTED transaction is a failure', async () => {
  const { deliver, instead } = setUp();
  instead(() => ({ status: 'ABORTED' }));
  expect(await deliver(message('m', file('a')))).toEqual(['m']);
});

test('a transaction that finished without the ledger rows acknowledges nothing', async () => {
  const { deliver, instead } = setUp();
  instead(() => ({}));
  expect(await deliver(message('m1', file('a')), message('m2', file('b')))).toEqual(['m1', 'm2']);
});

test('when the warehouse cannot be asked, every message comes back', async () => {
  const { deliver, warehouse } = setUp();
  warehouse.crashOn = () => true;
  expect(await deliver(message('m1', file('a')), message('m2', file('b')))).toEqual(['m1', 'm2']);
});

test('splits a batch whose list of objects would not fit a SQL literal', async () => {
  const { deliver, transactions, ledger } = setUp();
  const long = 'x'.repeat(700);
  const messages = Array.from({ length: 150 }, (_, i) => message(`m${i}`, file(`${long}${i}`)));
  expect(await deliver(...messages)).toEqual([]);
  expect(ledger.size).toBe(150);
  for (const { submission } of transactions())
    expect(Buffer.byteLength(submission.statements[1]!)).toBeLessThan(65_535);
});

describe('parseNotification', () => {
  test('decodes keys as S3 encodes them', () => {
    const { body } = message('m', { key: 'a+b%2Bc%C3%A9/%27quoted%27.gz' });
    expect(parseNotification(body)[0]!.key).toBe("a b+cé/'quoted'.gz");
  });

  test('takes the ETag for the version in a bucket without versions', () => {
    const object = { key: 'k', eTag: 'e', size: 1 };
    const body = JSON.stringify({
      Records: [{ eventName: 'ObjectCreated:Copy', s3: { bucket: { name: 'b' }, object } }],
    });
    expect(parseNotification(body)).toEqual([{ bucket: 'b', key: 'k', version: 'e', size: 1 }]);
  });

  test('names what is missing', () => {
    expect(() => parseNotification('{"Records":[{"eventName":"ObjectCreated:Put"}]}')).toThrow(
      'body.Records[0].s3 must be an object',
    );
    expect(() => parseBatch({})).toThrow('event.Records must be a list, got nothing');
  });
});

test.each([
  ['a/*/b.gz', 'a/x/b.gz', true],
  ['a/*/b.gz', 'a/x/y/b.gz', false],
  ['a/*/b.gz', 'a/x/bxgz', false],
  ['a/*.gz', 'a/.gz', true],
  ['a/**/b.gz', 'a/b.gz', true],
  ['a/**/b.gz', 'a/x/y/b.gz', true],
  ['a/**', 'a/x/y', true],
  ['a/**', 'b/a/x', false],
  ['a(1)/[x].gz', 'a(1)/[x].gz', true],
])('glob %s on %s: %s', (glob, key, matches) => {
  expect(globMatcher(glob)(key)).toBe(matches);
});
