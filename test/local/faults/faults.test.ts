import { base, turns } from 'aws-local/testing';
import type { RunResult } from 'redshift-local/front-end';
import {
  createFaults,
  type FaultScript,
  lostConnection,
  notReached,
  scriptedFaults,
  serializableConflict,
} from '../../../local/faults';

const finished: RunResult = { status: 'FINISHED' };
const load = 'millrace/dev/shop/load/run/load/1';
const refresh = 'millrace/dev/shop/refresh/run/merge/1';

function faultsOf(script: FaultScript) {
  const { clock } = base();
  const faults = createFaults({ clock, source: scriptedFaults(script) });
  const sent: number[] = [];
  return {
    clock,
    faults,
    sent,
    send: () => faults.deliver('notification')(async () => void sent.push(clock.now())),
    async pass(ms: number) {
      clock.advanceTo(clock.now() + ms);
      await turns();
    },
    execute: (
      name: string,
      run: (onStart?: (index: number) => void) => Promise<RunResult>,
      abort = () => {},
      { signal } = new AbortController(),
    ) => faults.statements.execute({ name, count: 3, abort, signal }, run),
  };
}

test('a delivery is made as often and as late as the script says, and as it should be when the script is over', async () => {
  const { send, sent, pass, clock } = faultsOf({ notifications: [[], [0, 0], [5000, 1000]] });
  const start = clock.now();
  await send();
  expect(sent).toEqual([]);
  await send();
  expect(sent).toEqual([start, start]);
  await send();
  await pass(10_000);
  expect(sent.slice(2)).toEqual([start + 1000, start + 5000]);
  await send();
  expect(sent).toHaveLength(5);
});

test('each purpose of statements has its own turn', async () => {
  const { execute } = faultsOf({ statements: { load: [undefined, { kind: 'fail' }] } });
  const run = async () => finished;
  expect(await execute(load, run)).toEqual(finished);
  expect(await execute(refresh, run)).toEqual(finished);
  expect(await execute(refresh, run)).toEqual(finished);
  expect(await execute(load, run)).toEqual({ status: 'FAILED', error: serializableConflict });
});

test('a failed statement never ran, one whose answer is lost did', async () => {
  const { execute } = faultsOf({ statements: { load: [{ kind: 'fail', error: 'why' }, { kind: 'answer-lost' }] } });
  let runs = 0;
  const run = async () => {
    runs += 1;
    return finished;
  };
  expect(await execute(load, run)).toEqual({ status: 'FAILED', error: 'why' });
  expect(runs).toBe(0);
  expect(await execute(load, run)).toEqual({ status: 'FAILED', error: lostConnection });
  expect(runs).toBe(1);
});

test('a slow statement runs after its time, or at once when it is cancelled', async () => {
  const { execute, pass, faults } = faultsOf({ statements: { load: Array(2).fill({ kind: 'slow', ms: 5000 }) } });
  let runs = 0;
  const run = async () => {
    runs += 1;
    return finished;
  };
  const usual = execute(load, run);
  await pass(4999);
  expect([runs, faults.waiting()]).toEqual([0, 1]);
  await pass(1);
  expect(await usual).toEqual(finished);
  const cancel = new AbortController();
  const cancelled = execute(load, run, undefined, cancel);
  cancel.abort();
  expect(await cancelled).toEqual(finished);
  expect([runs, faults.waiting()]).toEqual([2, 0]);
});

test('a statement is aborted when the one of the index begins, or the last if there are fewer', async () => {
  for (const [at, begun] of [
    [1, 1],
    [9, 2],
  ] as const) {
    const { execute } = faultsOf({ statements: { load: [{ kind: 'abort', at }] } });
    const started: number[] = [];
    let abortedAt: number | undefined;
    await execute(
      load,
      async (onStart) => {
        for (const index of [0, 1, 2]) {
          started.push(index);
          onStart?.(index);
        }
        return finished;
      },
      () => {
        abortedAt = started.at(-1);
      },
    );
    expect(abortedAt).toBe(begun);
  }
});

test('a slow statement waits for the clock, and is told apart from one that runs', async () => {
  const { execute, faults, pass } = faultsOf({ statements: { load: [{ kind: 'slow', ms: 60_000 }] } });
  let ran = false;
  const done = execute(load, async () => {
    ran = true;
    return finished;
  });
  await turns();
  expect([ran, faults.waiting()]).toEqual([false, 1]);
  await pass(60_000);
  expect([ran, faults.waiting()]).toEqual([true, 0]);
  expect(await done).toEqual(finished);
});

test('a call is refused before it takes effect, or its answer is lost after', async () => {
  const { faults } = faultsOf({ calls: ['throttle', 'answer-lost'] });
  let calls = 0;
  const call = () => faults.statements.call('ExecuteStatement', async () => ++calls);
  await expect(call()).rejects.toMatchObject({ code: 'ThrottlingException' });
  expect(calls).toBe(0);
  await expect(call()).rejects.toMatchObject({ code: 'InternalServerException' });
  expect(calls).toBe(1);
  expect(await call()).toBe(2);
});

test('a paused cluster takes no statements, but tells of those that it had', async () => {
  const { faults } = faultsOf({});
  faults.pause();
  await expect(faults.statements.call('BatchExecuteStatement', async () => 1)).rejects.toThrow(notReached);
  expect(await faults.statements.call('DescribeStatement', async () => 1)).toBe(1);
  expect(faults.statements.state!()).toEqual({ status: 'paused', availability: 'Unavailable' });
  faults.resume();
  expect(await faults.statements.call('BatchExecuteStatement', async () => 1)).toBe(1);
});

test('a cluster that is resized, but available, takes statements', async () => {
  const { faults } = faultsOf({});
  faults.enter({ status: 'resizing', availability: 'Modifying' });
  await expect(faults.statements.call('ExecuteStatement', async () => 1)).rejects.toThrow(notReached);
  faults.enter({ status: 'available, resize-cleanup', availability: 'Available' });
  expect(await faults.statements.call('ExecuteStatement', async () => 1)).toBe(1);
});

test('after the stop nothing goes wrong, but what is late still comes', async () => {
  const { faults, send, sent, pass, execute } = faultsOf({
    notifications: [[1000], []],
    statements: { load: [{ kind: 'fail' }] },
  });
  await send();
  faults.stop();
  await send();
  expect(await execute(load, async () => finished)).toEqual(finished);
  await pass(1000);
  expect(sent).toHaveLength(2);
});

test('Kinesis refuses a call as too many, PutRecords record by record, or loses an answer', async () => {
  const { faults } = faultsOf({ kinesisCalls: ['throttle', 'throttle', 'answer-lost'] });
  let calls = 0;
  const run = () => ++calls;
  await expect(faults.kinesis('PutRecord', {}, run)).rejects.toMatchObject({
    code: 'ProvisionedThroughputExceededException',
  });
  const refused = { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate exceeded' };
  expect(await faults.kinesis('PutRecords', { Records: [1, 2] }, run)).toEqual({
    FailedRecordCount: 2,
    Records: [refused, refused],
  });
  expect(calls).toBe(0);
  await expect(faults.kinesis('PutRecord', {}, run)).rejects.toMatchObject({ code: 'InternalFailureException' });
  expect(calls).toBe(1);
  expect(await faults.kinesis('PutRecord', {}, run)).toBe(2);
});

test('each function has its own turn to die, found by a part of its name, until the stop', () => {
  const kill = { call: 3, after: false };
  const { faults } = faultsOf({ kills: { Load: [undefined, kill, kill] } });
  expect(['ALoad1', 'ARefresh1', 'ALoad1'].map((name) => faults.kill(name))).toEqual([undefined, undefined, kill]);
  faults.stop();
  expect(faults.kill('ALoad1')).toBeUndefined();
});

test('the end of what is late is known', async () => {
  const { faults, send, pass, clock } = faultsOf({ notifications: [[5000, 1000]] });
  expect(faults.lateUntil()).toBeUndefined();
  const start = clock.now();
  await send();
  expect(faults.lateUntil()).toBe(start + 5000);
  await pass(5000);
  expect(faults.lateUntil()).toBeUndefined();
});
