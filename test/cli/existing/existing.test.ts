import { page } from '../../../cli/commands/handover/page';
import { makePlan } from '../../../cli/plan/make-plan';
import { treeStates } from '../../../cli/plan/state';
import type { Account, BucketFacts, StreamFacts } from '../../../cli/preflight/account';
import { existingFindings } from '../../../cli/preflight/existing';
import type { ExistingStream } from '../../../environments/environment';
import { ownerGrants } from '../../../lib/existing/owner-grants';
import { shopPipeline, testEnvironment } from '../../lib/fixtures';
import { documented, same } from '../documented';
import { millrace } from '../io';

const [account, other] = ['555566667777', '888899990000'];
const existing = (owner: string) => `arn:aws:kinesis:eu-west-1:${owner}:stream/clicks`;
const role = `arn:aws:iam::${other}:role/reads`;
const key = `arn:aws:kms:eu-west-1:${account}:key/1234`;
const pipelines = [shopPipeline()];
const environmentOf = (stream?: ExistingStream) =>
  testEnvironment({ account, region: 'eu-west-1', ...(stream && { pipelines: { shop: { stream } } }) });

describe('plan', () => {
  const changes = (was: ExistingStream | undefined, is: ExistingStream | undefined) => {
    const [before, after] = [was, is].map((stream) => treeStates(environmentOf(stream), pipelines));
    const plan = makePlan('test', 'before', { before: was || is ? before! : [], after: after! });
    return plan.changes.filter(({ object }) => object === 'stream of shop');
  };

  test('lists an existing stream with what is done to it, also in a first deployment', () => {
    const [change] = changes(undefined, { existing: existing(account) });
    expect(change).toMatchObject({
      action: 'added',
      summary: `${existing(account)} is used. Millrace did not make it.`,
      notes: [
        'It is read, and neither changed nor deleted.',
        'It gets two readers that poll every shard: the landing view and the archive.',
      ],
    });
    const first = makePlan('test', 'nothing', {
      before: [],
      after: treeStates(environmentOf({ existing: existing(other), role }), pipelines),
    });
    expect(first.changes.find(({ object }) => object === 'stream of shop')!.notes[1]).toBe(
      'It gets a reader that polls every shard: the landing view. There is no archive of it.',
    );
  });

  test('refuses another stream for a landing view that is deployed', () => {
    const [before, after] = [undefined, { existing: existing(account) }].map((stream) =>
      treeStates(environmentOf(stream), pipelines),
    );
    const plan = makePlan('test', 'before', { before: before!, after: after! });
    expect(plan.changes.filter(({ action }) => action === 'refused')).toMatchObject([
      {
        object: 'landing view shop.landing',
        summary:
          'It reads the stream millrace-test-shop, and the environment has clicks now. A landing view keeps its stream.',
      },
    ]);
  });

  test('says that it stays when it is no longer used', () => {
    expect(changes({ existing: existing(account) }, undefined)).toMatchObject([
      { action: 'removed', notes: ['Millrace did not make it and leaves it as it is.'] },
    ]);
  });
});

describe('preflight', () => {
  const facts: StreamFacts = { status: 'ACTIVE', retentionHours: 48 };
  const found = async (stream: ExistingStream, answer: StreamFacts | undefined) => {
    const plan = {
      environment: environmentOf(stream),
      pipelines,
      account: { stream: async () => answer } as unknown as Account,
      accountId: account,
    };
    const [finding] = await Promise.all(existingFindings(plan));
    return [finding!.result, finding!.mend ?? finding!.detail];
  };

  test.each<[string, ExistingStream, StreamFacts | undefined, unknown[]]>([
    ['is there', { existing: existing(account) }, facts, ['ok', expect.stringContaining('keeps records for 48 hours')]],
    [
      'is missing',
      { existing: existing(account) },
      undefined,
      ['will fail', 'correct `pipelines.shop.stream.existing` in environments/test.ts'],
    ],
    [
      'is being deleted',
      { existing: existing(account) },
      { ...facts, status: 'DELETING' },
      ['will fail', expect.stringContaining('describe-stream-summary')],
    ],
    [
      'keeps less',
      { existing: existing(account) },
      { ...facts, retentionHours: 24 },
      ['will fail', 'set `stream.retentionHours` of pipelines/shop/pipeline.ts to 24'],
    ],
    [
      'has a key that is not named',
      { existing: existing(account) },
      { ...facts, keyId: key },
      ['will fail', 'correct `pipelines.shop.stream.key` in environments/test.ts'],
    ],
    [
      'has the key that is named',
      { existing: existing(account), key },
      { ...facts, keyId: '1234' },
      ['ok', expect.anything()],
    ],
    [
      'has the key of Kinesis',
      { existing: existing(account) },
      { ...facts, keyId: 'alias/aws/kinesis' },
      ['ok', expect.anything()],
    ],
    ['has no key', { existing: existing(account), key }, facts, ['will fail', expect.anything()]],
    [
      'is of another account',
      { existing: existing(other), role },
      facts,
      ["can't tell", expect.stringContaining('npx millrace handover test')],
    ],
  ])('a stream that %s', async (_, stream, answer, expected) => {
    expect(await found(stream, answer)).toEqual(expected);
  });
});

describe('preflight of a bucket', () => {
  const facts: BucketFacts = { region: 'eu-west-1', versioned: true, eventBridge: true };
  const found = async (answer: BucketFacts | undefined, bucketKey?: string) => {
    const plan = {
      environment: testEnvironment({ history: { bucket: { existing: 'logs', ...(bucketKey && { key: bucketKey }) } } }),
      pipelines,
      account: { region: 'eu-west-1', bucket: async () => answer } as unknown as Account,
      accountId: account,
    };
    const [finding] = await Promise.all(existingFindings(plan));
    return [finding!.result, finding!.mend ?? finding!.detail];
  };

  test.each<[string, BucketFacts | undefined, string | undefined, unknown[]]>([
    ['is ready', facts, undefined, ['ok', 'logs sends its events to EventBridge']],
    [
      'has no versions',
      { ...facts, versioned: false },
      undefined,
      ['ok', expect.stringContaining('It has no versions')],
    ],
    ['is missing', undefined, undefined, ['will fail', 'correct `history.bucket.existing` in environments/test.ts']],
    ['is elsewhere', { ...facts, region: 'us-east-1' }, undefined, ['will fail', expect.stringContaining('region')]],
    [
      'is silent',
      { ...facts, eventBridge: false },
      undefined,
      ['will fail', 'npx millrace handover test has what its owner adds'],
    ],
    [
      'has another key',
      { ...facts, keyId: `${key}5` },
      key,
      ['will fail', expect.stringContaining('history.bucket.key')],
    ],
    ['has the key of S3', { ...facts, keyId: 'alias/aws/s3' }, undefined, ['ok', expect.anything()]],
  ])('that %s', async (_, answer, bucketKey, expected) => {
    expect(await found(answer, bucketKey)).toEqual(expected);
  });
});

describe('handover', () => {
  test('is a page with every policy', () => {
    const environment = environmentOf({ existing: existing(other), role });
    const text = page(environment, pipelines, account, ownerGrants(environment, pipelines, account));
    expect(text).toMatch(/^# Millrace test in the account 555566667777: what its owners have to add\n/);
    expect(text).toContain(`- stream of shop: ${existing(other)} is used.`);
    const policies = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, policy]) => JSON.parse(policy!));
    expect(policies.map(({ Statement }) => Statement[0].Action[0])).toEqual([
      'sts:AssumeRole',
      'kinesis:DescribeStream',
    ]);
    same(
      { environment: 'test', account, grants: ownerGrants(environment, pipelines, account) },
      documented.get('handover'),
      'handover',
    );
  });

  test('says so where everything is made by Millrace', async () => {
    const { code, stdout } = await millrace('handover', 'dev', '--account', account);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/\n\nNothing: the environment uses only what Millrace makes\.\n$/),
    ]);
  });

  test.each([
    [['dev', '--account', '12'], "error: --account must be 12 digits, got '12'\n"],
    [['dev'], "error: environments/dev.ts names no account: give the environment's with --account\n"],
    [['deev', '--account', account], "error: the environment must be one of dev, staging, prod, got 'deev'\n"],
  ])('%j is invalid', async (args, message) => {
    expect(await millrace('handover', ...args)).toMatchObject({ code: 2, stdout: '', stderr: message });
  });
});
