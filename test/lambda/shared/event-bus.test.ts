import { eventBridge } from '../../../lambda/shared/event-bus';

const event = (n: number) => ({ source: 'millrace', detailType: 'Told', detail: { n } });

/** A bus that answers each entry by what the test says; undefined takes it. */
function busOf(refuse: (detail: string, attempt: number) => string | undefined) {
  const calls: string[][] = [];
  const attempts = new Map<string, number>();
  const client = {
    async send({ input }: { input: { Entries: { Detail: string }[] } }) {
      calls.push(input.Entries.map(({ Detail }) => Detail));
      const Entries = input.Entries.map(({ Detail }) => {
        const attempt = (attempts.get(Detail) ?? 0) + 1;
        attempts.set(Detail, attempt);
        const ErrorCode = refuse(Detail, attempt);
        return ErrorCode ? { ErrorCode, ErrorMessage: 'no' } : { EventId: 'e' };
      });
      return { Entries };
    },
  };
  const pauses: number[] = [];
  const bus = eventBridge(client as never, async (ms) => void pauses.push(ms));
  return { bus, calls, pauses };
}

test('ten events a call', async () => {
  const { bus, calls } = busOf(() => undefined);
  await bus.send(Array.from({ length: 21 }, (_, n) => event(n)));
  expect(calls.map(({ length }) => length)).toEqual([10, 10, 1]);
});

test('only what a call did not take is sent again', async () => {
  const { bus, calls, pauses } = busOf((detail, attempt) =>
    detail === '{"n":1}' && attempt < 3 ? 'InternalFailure' : undefined,
  );
  await bus.send([event(0), event(1), event(2)]);
  expect(calls).toEqual([['{"n":0}', '{"n":1}', '{"n":2}'], ['{"n":1}'], ['{"n":1}']]);
  expect(pauses).toEqual([200, 400]);
});

test('what is refused again and again ends in an error with the reason', async () => {
  const { bus, calls } = busOf(() => 'ThrottlingException');
  await expect(bus.send([event(0)])).rejects.toThrow('the event bus refused 1 events: ThrottlingException no');
  expect(calls).toHaveLength(5);
});
