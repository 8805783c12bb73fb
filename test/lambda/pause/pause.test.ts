import type { PauseAnswer, PausePlan } from '../../../lambda/pause/contract';
import type { PausableCluster, PauseHost, ScalableWorkgroup } from '../../../lambda/pause/host';
import { pauseFunction } from '../../../lambda/pause/pause';
import { exportsReportKey, pauseKey } from '../../../lambda/shared/pause';
import { quiet } from '../fakes';

const hourMs = 3_600_000;
const start = Date.parse('2026-11-21T09:00:00Z');
const iso = (time: number) => new Date(time).toISOString();

/** The pause function over fakes: a bucket, a warehouse and two streams that keep seven days. */
class World {
  now = start;
  readonly calls: string[] = [];
  readonly objects = new Map<string, string>();
  readonly retention = new Map([
    ['clicks', 168],
    ['orders', 168],
  ]);
  cluster = 'available';
  capacity = 64;
  private readonly run: ReturnType<typeof pauseFunction>;
  private writes = 0;
  /** Called before each conditional write. */
  beforeWrite = () => {};

  constructor(plan: Partial<PausePlan> = {}, kind: 'provisioned' | 'serverless' = 'provisioned') {
    const host: PauseHost = {
      plan: {
        streams: [...this.retention.keys()].map((name) => ({ name, retentionHours: 168, own: true })),
        exporting: [],
        scheduledActions: ['millrace-dev-pause', 'millrace-dev-resume'],
        exportsWaitMinutes: 30,
        schedulesEnabled: true,
        ...plan,
      },
      warehouse: kind === 'provisioned' ? this.provisioned() : this.serverless(),
      streams: {
        retentionHours: async (name) => this.retention.get(name)!,
        setRetention: async (name, from, to) => {
          this.calls.push(`retention ${name} ${from} ${to}`);
          this.retention.set(name, to);
        },
      },
      bucket: 'work',
      objects: this.store(),
      log: quiet,
    };
    this.run = pauseFunction(host);
  }

  private provisioned(): PausableCluster {
    const to = async (call: string, status: string) => {
      this.calls.push(call);
      this.cluster = status;
    };
    return {
      kind: 'provisioned',
      status: async () => ({
        kind: /^paus/.test(this.cluster) ? 'paused' : this.cluster === 'available' ? 'available' : 'returning',
        status: this.cluster,
      }),
      pause: () => to('pause', 'paused'),
      resume: () => to('resume', 'resuming'),
      enable: async (name, enabled) => void this.calls.push(`${enabled ? 'enable' : 'disable'} ${name}`),
    };
  }

  private serverless(): ScalableWorkgroup {
    return {
      kind: 'serverless',
      capacity: async () => this.capacity,
      setCapacity: async (units) => {
        this.calls.push(`capacity ${units}`);
        this.capacity = units;
      },
    };
  }

  private store(): PauseHost['objects'] {
    const etags = new Map<string, string>();
    return {
      get: async (_, key) => this.objects.get(key),
      delete: async (_, key) => void this.objects.delete(key),
      getWithEtag: async (_, key) => {
        const text = this.objects.get(key);
        return text === undefined ? undefined : { text, etag: etags.get(key) ?? '' };
      },
      putIf: async (_, key, body, etag) => {
        this.beforeWrite();
        const held = this.objects.has(key) ? (etags.get(key) ?? '') : undefined;
        if (held !== etag) return false;
        this.objects.set(key, body);
        etags.set(key, String(++this.writes));
        return true;
      },
    };
  }

  pause(options: object = {}): Promise<PauseAnswer> {
    return this.run({ kind: 'pause', time: iso(this.now), ...options });
  }

  resume = () => this.run({ kind: 'resume', time: iso(this.now) });
  tick = () => this.run({ kind: 'look', time: iso(this.now) });
  send = (event: unknown) => this.run(event);

  report(pipeline: string, busy: boolean, since = this.now): void {
    this.objects.set(exportsReportKey(pipeline), JSON.stringify({ busy, since }));
  }
}

test('a pause switches the daily schedule off and pauses the cluster; a resumption takes both back', async () => {
  const world = new World();
  expect(await world.tick()).toEqual({ phase: 'running' });
  expect(await world.pause()).toMatchObject({ phase: 'paused', by: 'person', since: iso(start) });
  expect(world.calls).toEqual(['disable millrace-dev-pause', 'disable millrace-dev-resume', 'pause']);
  world.calls.length = 0;
  expect(await world.resume()).toEqual({ phase: 'running' });
  expect(world.calls).toEqual(['resume', 'enable millrace-dev-pause', 'enable millrace-dev-resume']);
  expect(world.objects.size).toBe(0);
});

test('a pause without an end ends two hours before a stream would forget a record', async () => {
  const world = new World();
  world.retention.set('orders', 24);
  expect(await world.pause()).toMatchObject({ phase: 'paused', until: iso(start + 22 * hourMs) });
  world.now = start + 22 * hourMs - 1;
  expect(await world.tick()).toMatchObject({ phase: 'paused' });
  expect(world.cluster).toBe('paused');
  world.now = start + 22 * hourMs;
  expect(await world.tick()).toEqual({ phase: 'running' });
  expect(world.cluster).toBe('resuming');
});

test('a pause that could outlast a stream is refused and changes nothing', async () => {
  const world = new World();
  world.retention.set('orders', 24);
  const { phase, refused } = await world.pause({ until: iso(start + 23 * hourMs) });
  expect(phase).toBe('running');
  expect(refused).toBe(
    'a pause until 2026-11-22T08:00:00.000Z could outlast the stream orders, which keeps its records for 24 hours: ' +
      'pause until 2026-11-22T07:00:00.000Z at most, or extend the retention',
  );
  expect(world.calls).toEqual([]);
  expect(world.objects.size).toBe(0);
});

test.each([
  [{ until: iso(start) }, 'the end of the pause must be in the future, got 2026-11-21T09:00:00.000Z'],
  [
    { until: iso(start + 9000 * hourMs), extendRetention: true },
    'a stream keeps its records for 8760 hours at most: pause until 2027-11-21T07:00:00.000Z at most',
  ],
])('%j is refused', async (options, message) => {
  expect(await new World().pause(options)).toEqual({ phase: 'running', refused: message });
});

test("the retention of another's stream is not changed, and limits the pause", async () => {
  const world = new World({ streams: [{ name: 'theirs', retentionHours: 48, own: false }] });
  expect((await world.pause({ until: iso(start + 60 * hourMs), extendRetention: true })).refused).toBe(
    "the stream theirs is not Millrace's, so its retention of 48 hours stays: pause until 2026-11-23T07:00:00.000Z at most",
  );
  expect(await world.pause()).toMatchObject({ phase: 'paused', until: iso(start + 46 * hourMs) });
});

test('nothing is paused where all schedules are disabled', async () => {
  const world = new World({ schedulesEnabled: false });
  expect((await world.pause()).refused).toContain('schedulesEnabled of the environment is false');
  expect(world.cluster).toBe('available');
});

test('an extended retention is restored when the refresh has had as much time as ever', async () => {
  const world = new World();
  world.retention.set('orders', 24);
  const until = start + 100 * hourMs;
  expect(await world.pause({ until: iso(until), extendRetention: true })).toMatchObject({
    phase: 'paused',
    extended: [{ stream: 'orders', from: 24, to: 102 }],
  });
  expect(Object.fromEntries(world.retention)).toEqual({ clicks: 168, orders: 102 });
  world.now = until;
  expect(await world.tick()).toMatchObject({ phase: 'resumed', since: iso(until) });
  expect(world.cluster).toBe('resuming');
  world.now = until + 24 * hourMs - 1;
  await world.tick();
  expect(world.retention.get('orders')).toBe(102);
  world.now = until + 24 * hourMs;
  expect(await world.tick()).toEqual({ phase: 'running' });
  expect(Object.fromEntries(world.retention)).toEqual({ clicks: 168, orders: 24 });
});

test('a second pause soon after the first one remembers the first retention', async () => {
  const world = new World();
  world.retention.set('orders', 24);
  await world.pause({ until: iso(start + 100 * hourMs), extendRetention: true });
  world.now = start + 10 * hourMs;
  await world.resume();
  expect(await world.pause({ until: iso(world.now + 200 * hourMs), extendRetention: true })).toMatchObject({
    extended: [
      { stream: 'clicks', from: 168, to: 202 },
      { stream: 'orders', from: 24, to: 202 },
    ],
  });
});

describe('exports in progress', () => {
  test('are waited for, then the cluster is paused', async () => {
    const world = new World({ exporting: ['shop', 'pages'] });
    expect(await world.pause()).toMatchObject({ phase: 'pausing', waitsFor: ['shop', 'pages'] });
    world.report('shop', true);
    world.report('pages', false);
    expect(await world.tick()).toMatchObject({ phase: 'pausing', waitsFor: ['shop'] });
    expect(world.cluster).toBe('available');
    world.report('shop', false);
    expect(await world.tick()).toMatchObject({ phase: 'paused' });
    expect(world.cluster).toBe('paused');
  });

  test('a report of an earlier pause does not count', async () => {
    const world = new World({ exporting: ['shop'] });
    world.report('shop', false, start - hourMs);
    expect(await world.pause()).toMatchObject({ waitsFor: ['shop'] });
  });

  test('are not waited for for ever, nor on request', async () => {
    const world = new World({ exporting: ['shop'] });
    await world.pause();
    world.now = start + 30 * 60_000;
    expect(await world.tick()).toMatchObject({ phase: 'paused' });
    expect(await new World({ exporting: ['shop'] }).pause({ now: true })).toMatchObject({ phase: 'paused' });
  });
});

test('a cluster that is being resized is paused by a later tick', async () => {
  const world = new World();
  world.cluster = 'resizing';
  expect(await world.pause()).toMatchObject({ phase: 'pausing' });
  world.cluster = 'available';
  expect(await world.tick()).toMatchObject({ phase: 'paused' });
});

test('a cluster that is still pausing is resumed by a later tick', async () => {
  const world = new World();
  await world.pause();
  world.cluster = 'pausing';
  expect(await world.resume()).toMatchObject({ phase: 'paused' });
  world.cluster = 'paused';
  world.now += 5 * 60_000;
  expect(await world.tick()).toEqual({ phase: 'running' });
  expect(world.cluster).toBe('resuming');
});

test('a cluster that a person resumed stays resumed, and the daily schedule returns', async () => {
  const world = new World();
  await world.pause();
  world.cluster = 'available';
  world.now += 10 * 60_000;
  // PauseCluster may still be on its way.
  expect(await world.tick()).toMatchObject({ phase: 'paused' });
  world.now += 30 * 60_000;
  world.calls.length = 0;
  expect(await world.tick()).toEqual({ phase: 'running' });
  expect(world.calls).toEqual(['enable millrace-dev-pause', 'enable millrace-dev-resume']);
});

test('a cluster that its daily schedule has paused is resumed on request', async () => {
  const world = new World();
  world.cluster = 'paused';
  expect(await world.tick()).toEqual({ phase: 'running' });
  expect(world.calls).toEqual([]);
  expect(await world.resume()).toEqual({ phase: 'running' });
  expect(world.calls).toEqual(['resume']);
});

test('a workgroup goes to eight RPUs, and back', async () => {
  const world = new World({}, 'serverless');
  expect(await world.pause()).toMatchObject({ phase: 'paused' });
  expect(await world.pause()).toMatchObject({ phase: 'paused' });
  expect(world.capacity).toBe(8);
  expect(await world.resume()).toEqual({ phase: 'running' });
  expect(world.capacity).toBe(64);
});

describe('a budget', () => {
  const notification = (time: number) => ({
    Records: [{ Sns: { TopicArn: 'arn:aws:sns:eu-west-1:1:t', Timestamp: iso(time), Message: 'spent' } }],
  });

  test('pauses until the next month and extends the retention', async () => {
    const world = new World();
    expect(await world.send(notification(start))).toMatchObject({
      phase: 'paused',
      by: 'budget',
      until: '2026-12-01T00:00:00.000Z',
      extended: [
        { stream: 'clicks', from: 168, to: 233 },
        { stream: 'orders', from: 168, to: 233 },
      ],
    });
  });

  test("pauses for as long as it is safe beside another's stream", async () => {
    const world = new World({ streams: [{ name: 'theirs', retentionHours: 48, own: false }] });
    expect(await world.send(notification(start))).toMatchObject({ until: iso(start + 46 * hourMs) });
  });

  test("leaves a person's pause as it is", async () => {
    const world = new World();
    const { until } = await world.pause();
    expect(await world.send(notification(start))).toMatchObject({ by: 'person', until });
  });
});

test('a call that another one outran answers what that one wrote', async () => {
  const world = new World();
  let outrun = true;
  world.beforeWrite = () => {
    if (!outrun) return;
    outrun = false;
    const state = { phase: 'paused', by: 'person', since: start, until: start + hourMs, retention: {}, now: false };
    world.objects.set(pauseKey, JSON.stringify(state));
  };
  expect(await world.pause()).toMatchObject({ phase: 'paused', until: iso(start + hourMs) });
  expect(world.calls).toEqual([]);
});

test('the state outlives the seven days after which objects of the bucket expire', async () => {
  const world = new World();
  await world.pause();
  const put = jest.fn();
  world.beforeWrite = put;
  world.now = start + 25 * hourMs;
  await world.tick();
  expect(put).toHaveBeenCalledTimes(1);
});

test.each([
  [{}, 'event.kind must be one of pause, resume, look, got nothing'],
  [{ kind: 'pause', time: 'now' }, 'event.time must be an ISO 8601 time, got "now"'],
  [{ kind: 'pause', time: iso(start), until: 7 }, 'event.until must be an ISO 8601 time, got 7'],
  [{ Records: [{}] }, 'event.Records[0].Sns must be an object, got nothing'],
  ['pause', 'event must be an object, got "pause"'],
])('%j is no event', async (event, message) => {
  await expect(new World().send(event)).rejects.toThrow(message);
});

test('a damaged state is an error that names it, and no reason to pause again', async () => {
  const world = new World();
  world.objects.set(pauseKey, '{"phase":"asleep"}');
  await expect(world.tick()).rejects.toThrow('pause/state.json: retention must be an object, got nothing');
});
