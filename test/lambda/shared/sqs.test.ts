import { sqsQueues } from '../../../lambda/shared/sqs';

type Entry = { Id: string; MessageBody: string };

/** Answers the batches in turn; without a word, all were taken. */
function adapter(answers: { Failed?: object[] }[] = []) {
  const batches: string[][] = [];
  const pauses: number[] = [];
  const send = async ({ input }: { input: { Entries: Entry[] } }) => {
    batches.push(input.Entries.map(({ MessageBody }) => MessageBody));
    return answers.shift() ?? {};
  };
  const queues = sqsQueues({ send } as never, async (ms) => {
    pauses.push(ms);
  });
  return { queues, batches, pauses };
}

test('sends ten messages or 256 kB at a time', async () => {
  const { queues, batches } = adapter();
  const large = 'x'.repeat(100_000);
  await queues.send('url', [...Array.from({ length: 12 }, (_, i) => `m${i}`), large, large, large]);
  expect(batches.map((batch) => batch.length)).toEqual([10, 4, 1]);
});

test('sends nothing for no messages', async () => {
  const { queues, batches } = adapter();
  await queues.send('url', []);
  expect(batches).toEqual([]);
});

test('sends again only what a batch did not take', async () => {
  const { queues, batches, pauses } = adapter([{ Failed: [{ Id: '1', Code: 'Throttled' }] }]);
  await queues.send('url', ['a', 'b', 'c']);
  expect(batches).toEqual([['a', 'b', 'c'], ['b']]);
  expect(pauses).toEqual([200]);
});

test('a message that is refused for good holds up none of the others, and fails the call', async () => {
  const refused = { Id: '0', Code: 'InvalidMessageContents', Message: 'no', SenderFault: true };
  const { queues, batches, pauses } = adapter([{ Failed: [refused, { Id: '2', Code: 'InternalError' }] }]);
  const bodies = Array.from({ length: 12 }, (_, i) => `m${i}`);
  await expect(queues.send('url', bodies)).rejects.toThrow('url did not take a message: InvalidMessageContents no');
  expect(batches).toEqual([bodies.slice(0, 10), ['m2'], bodies.slice(10)]);
  expect(pauses).toEqual([200]);
});

test('gives a queue that does not recover up, after five pauses, and sends it nothing more', async () => {
  const down = { Failed: Array.from({ length: 10 }, (_, i) => ({ Id: String(i), Code: 'InternalError' })) };
  const { queues, batches, pauses } = adapter(Array.from({ length: 9 }, () => down));
  await expect(
    queues.send(
      'url',
      Array.from({ length: 25 }, (_, i) => `m${i}`),
    ),
  ).rejects.toThrow('url did not take 10 messages: InternalError');
  expect(batches).toHaveLength(6);
  expect(pauses).toEqual([200, 400, 800, 1600, 3200]);
});

test('counts messages that wait, are delayed or have a reader', async () => {
  const Attributes = {
    ApproximateNumberOfMessages: '5',
    ApproximateNumberOfMessagesNotVisible: '3',
    ApproximateNumberOfMessagesDelayed: '1',
  };
  expect(await sqsQueues({ send: async () => ({ Attributes }) } as never).depth('url')).toBe(9);
});
