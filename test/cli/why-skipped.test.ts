import { gzipSync } from 'node:zlib';
import { aggregate } from 'kinesis-reader/testing';
import { Investigation } from '../../cli/commands/why/investigation';
import { parseQuestion } from '../../cli/commands/why/question';
import { archiveLine } from '../../lambda/archive/archive';
import { pipeline } from '../../pipelines/estore/pipeline';
import { FakeCloud, fakeContext } from './cloud';

const shard = 'shardId-000000000000';
const sequenceNumber = '49590338271490256608559692538361571095921575989136588898';
const arrivedAt = Date.UTC(2026, 10, 21, 9);
const payload = {
  customer_id: 'c-1',
  product: { product_id: 'p-1' },
  action: 'view',
  timestamp: '2026-11-21T09:00:00Z',
};
const data = Buffer.from(JSON.stringify(payload));
const reason = 'skipped by Redshift (8013): the record of 2097152 bytes is larger than 1048576 bytes';
const reject = {
  source: 'stream',
  shard_id: shard,
  sequence_number: sequenceNumber,
  arrived_at: '2026-11-21 09:00:00',
  run_id: 'r',
  merged_at: '2026-11-21 09:05:00',
  object_key: null,
  line: null,
  reason,
  payload: null,
};

/** An environment whose rejects have the record's position, and nothing else of it. */
function skipping(): FakeCloud {
  const cloud = new FakeCloud();
  cloud.answers = [
    ['staged', [{ amount: 0 }]],
    ['estore.rejects where shard_id', [reject]],
    ['getdate', [{ now: '2026-11-21 10:00:00' }]],
  ];
  return cloud;
}

async function ask(cloud: FakeCloud, asked = pipeline) {
  const question = parseQuestion(asked, ['customer_id=c-1']);
  const investigation = new Investigation(fakeContext(cloud), question, { records: 100, bytes: 1_000_000 });
  const sightings = await investigation.run();
  return { verdict: investigation.verdict(), sightings };
}

test('a record that streaming ingestion skipped is found on the stream, and the reject says why it is no event', async () => {
  const cloud = skipping();
  cloud.streams.shards = async () => [shard];
  cloud.streams.records = () =>
    (async function* () {
      yield [{ data, sequenceNumber, arrivedAt, partitionKey: 'k' }];
    })();
  const { verdict, sightings } = await ask(cloud);
  expect(verdict).toBe(`It is not in events: it was rejected: ${reason}.`);
  expect(sightings).toContainEqual(
    expect.objectContaining({ place: 'landing', found: 'no', what: expect.stringContaining('which has its outcome') }),
  );
});

test('when the stream has forgotten it, the archive has it, and a backfill is what makes an event of it', async () => {
  const cloud = skipping();
  const line = archiveLine({
    recordId: '',
    subsequenceNumber: 0,
    data: data.toString('base64'),
    shardId: shard,
    sequenceNumber,
    partitionKey: 'k',
    arrivedAt,
  });
  cloud.put('archive', 'archive/estore/2026/11/21/09/part.gz', { body: gzipSync(line), lastModified: arrivedAt });
  const { verdict, sightings } = await ask(cloud);
  expect(verdict).toBe(`It is not in events: it was rejected: ${reason}.`);
  expect(sightings).toContainEqual(expect.objectContaining({ place: 'rejects', found: 'yes' }));
  expect(sightings).toContainEqual(
    expect.objectContaining({ place: 'queue', what: expect.stringContaining('no message is about it') }),
  );
});

describe('a record in an aggregate of the Kinesis Producer Library', () => {
  const other = (customer: string) => ({ key: 'k', data: JSON.stringify({ ...payload, customer_id: customer }) });
  const data = aggregate([other('c-0'), other('c-1')]);
  const aggregateReason = 'payload: an aggregate of the Kinesis Producer Library';

  /** Makes an environment whose stream has the aggregate, and whose tables have the given rows. */
  function aggregating(...answers: FakeCloud['answers']): FakeCloud {
    const cloud = skipping();
    cloud.answers = [...answers, ...cloud.answers];
    cloud.streams.shards = async () => [shard];
    cloud.streams.records = () =>
      (async function* () {
        yield [{ data, sequenceNumber, arrivedAt, partitionKey: 'k' }];
      })();
    cloud.streams.record = async (_stream, _shard, sequence) =>
      sequence === sequenceNumber ? { data, sequenceNumber, arrivedAt, partitionKey: 'k' } : undefined;
    return cloud;
  }
  const file = (cloud: FakeCloud) => {
    const lines = [other('c-0'), other('c-1')].map(({ data: text }, subsequenceNumber) =>
      archiveLine({
        recordId: '',
        data: Buffer.from(text).toString('base64'),
        shardId: shard,
        sequenceNumber,
        subsequenceNumber,
        partitionKey: 'k',
        arrivedAt,
      }),
    );
    cloud.put('archive', 'archive/estore/2026/11/21/09/part.gz', {
      body: gzipSync(lines.join('')),
      lastModified: arrivedAt,
    });
  };

  test('is found on the stream; the reject of the aggregate and the archive say what to do', async () => {
    const cloud = aggregating([
      'estore.rejects where shard_id',
      [{ ...reject, reason: aggregateReason, aggregate: true }],
    ]);
    file(cloud);
    const { verdict, sightings } = await ask(cloud);
    expect(verdict).toBe(`It is not in events: it was rejected: ${aggregateReason}.`);
    expect(sightings).toContainEqual(
      expect.objectContaining({
        place: 'stream',
        found: 'yes',
        facts: expect.objectContaining({ sequenceNumber: `${sequenceNumber}:1` }),
      }),
    );
    expect(sightings).toContainEqual(
      expect.objectContaining({ place: 'archive', found: 'yes', facts: expect.objectContaining({ line: 2 }) }),
    );
    expect(sightings).toContainEqual(
      expect.objectContaining({ place: 'queue', what: expect.stringContaining('no message is about it') }),
    );
  });

  test('is found by its position once the archive brought it', async () => {
    const event = { ...reject, event_id: 'e', source: 'archive', sequence_number: `${sequenceNumber}:1` };
    const cloud = aggregating(['from estore.events', [event]]);
    file(cloud);
    const { verdict, sightings } = await ask(cloud);
    expect(verdict).toBe('It is in events.');
    for (const place of ['stream', 'archive'])
      expect(sightings).toContainEqual(expect.objectContaining({ place, found: 'yes' }));
  });
});

test('a record that is meant for another pipeline is found by its position, with its name', async () => {
  const cloud = new FakeCloud();
  cloud.answers = [
    ['staged', [{ amount: 0 }]],
    ['estore.skipped where shard_id', [{ ...reject, name: 'action=view' }]],
    ['getdate', [{ now: '2026-11-21 10:00:00' }]],
  ];
  cloud.streams.shards = async () => [shard];
  cloud.streams.records = () =>
    (async function* () {
      yield [{ data, sequenceNumber, arrivedAt, partitionKey: 'k' }];
    })();
  const purchases = { ...pipeline, where: [{ path: ['action'], oneOf: ['purchase'] }] };
  const { verdict, sightings } = await ask(cloud, purchases);
  expect(verdict).toBe('It is not in events: it was skipped, because it is meant for another pipeline: action=view.');
  expect(sightings).toContainEqual(
    expect.objectContaining({
      place: 'skipped',
      found: 'yes',
      facts: expect.objectContaining({ name: 'action=view' }),
    }),
  );
});
