import { asArray, asOneOf, asRecord, asText, asTime } from '../shared/parse';
import { exportsReportKey, type PauseState, parseExportsReport, parsePauseState, pauseKey } from '../shared/pause';
import { leastCapacityRpus, longestRetentionHours, marginHours, type PauseAnswer } from './contract';
import type { PauseHost } from './host';

const hourMs = 3_600_000;
/** PauseCluster takes effect within minutes. A cluster that is available later was resumed by a person. */
const pauseTakesMs = 30 * 60_000;
/** From this age on each tick writes the state again: objects of the work bucket expire after seven days. */
const rewriteMs = 24 * hourMs;

interface Wanted {
  readonly kind: 'pause';
  /** Epoch milliseconds, as all times here. */
  readonly time: number;
  readonly by: PauseState['by'];
  readonly until?: number;
  readonly extendRetention: boolean;
  readonly now: boolean;
}
type Event = Wanted | { readonly kind: 'resume' | 'look'; readonly time: number };

/** A request that would lose records, or that nothing would end. */
class RefusedError extends Error {}

/**
 * Pauses and resumes an environment. A person asks for it, or a budget; a schedule does what has become due since: it pauses the cluster when
 * exports in progress have ended, and resumes it in time. The state is an object of the work bucket. Each step can be repeated, so a call that
 * was killed is made good by the next one.
 */
export const pauseFunction =
  (host: PauseHost) =>
  async (input: unknown): Promise<PauseAnswer> => {
    const event = parseEvent(input);
    try {
      const held = await read(host);
      if (event.kind === 'pause') return await proceed(host, await begin(host, event, held), event.time);
      if (held === undefined) {
        if (event.kind === 'resume') await resumeCluster(host);
        return { phase: 'running' };
      }
      if (event.kind === 'resume' && held.state.phase !== 'resumed')
        return await resume(host, await write(host, held, { ...held.state, until: event.time }), event.time);
      return await proceed(host, held, event.time);
    } catch (error) {
      if (error instanceof RefusedError) {
        host.log('refused', { reason: error.message });
        const held = await read(host);
        return { ...(held ? answer(held.state) : { phase: 'running' }), refused: error.message };
      }
      if (!(error instanceof OutrunError)) throw error;
      host.log('another call was faster', {});
      const held = await read(host);
      return held ? answer(held.state) : { phase: 'running' };
    }
  };

/** Parses a request of a person or of the schedule, or the notification of a budget. Throws on anything else. */
function parseEvent(input: unknown): Event {
  const fields = asRecord(input, 'event');
  if (fields['Records'] !== undefined) return parseNotification(fields['Records']);
  const kind = asOneOf(fields['kind'], ['pause', 'resume', 'look'], 'event.kind');
  const time = asTime(fields['time'], 'event.time');
  if (kind !== 'pause') return { kind, time };
  return {
    kind,
    time,
    by: 'person',
    ...(fields['until'] === undefined ? {} : { until: asTime(fields['until'], 'event.until') }),
    extendRetention: fields['extendRetention'] === true,
    now: fields['now'] === true,
  };
}

/** A budget counts months of UTC, so the pause lasts until the next one. Streams keep the records meanwhile. */
function parseNotification(records: unknown): Wanted {
  const [record] = asArray(records, 'event.Records');
  const sns = asRecord(asRecord(record, 'event.Records[0]')['Sns'], 'event.Records[0].Sns');
  asText(sns['TopicArn'], 'event.Records[0].Sns.TopicArn');
  const time = asTime(sns['Timestamp'], 'event.Records[0].Sns.Timestamp');
  const date = new Date(time);
  const until = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  return { kind: 'pause', time, by: 'budget', until, extendRetention: true, now: false };
}

interface Held {
  readonly state: PauseState;
  readonly etag: string | undefined;
}

/** Another call has changed the state. */
class OutrunError extends Error {}

async function read({ objects, bucket }: PauseHost): Promise<Held | undefined> {
  const found = await objects.getWithEtag(bucket, pauseKey);
  return found && { state: parsePauseState(found.text), etag: found.etag };
}

async function write(host: PauseHost, held: Held | undefined, state: PauseState): Promise<Held> {
  const { objects, bucket } = host;
  const body = `${JSON.stringify(state)}\n`;
  if (!(await objects.putIf(bucket, pauseKey, body, held?.etag, 'application/json'))) throw new OutrunError();
  return { state, etag: (await objects.getWithEtag(bucket, pauseKey))?.etag };
}

/** Writes what is wanted. The steps follow from it. */
async function begin(host: PauseHost, wanted: Wanted, held: Held | undefined): Promise<Held> {
  if (!host.plan.schedulesEnabled)
    throw new RefusedError('schedulesEnabled of the environment is false, so nothing would end the pause');
  const before = held?.state;
  // A budget notifies again and again. A person's pause goes first.
  if (wanted.by === 'budget' && before && before.phase !== 'resumed') return held!;
  const { until, extended } = await window(host, wanted, before);
  const isRunning = before === undefined || before.phase === 'resumed';
  return write(host, held, {
    phase: isRunning ? 'pausing' : before.phase,
    by: wanted.by,
    since: isRunning ? wanted.time : before.since,
    until,
    retention: { ...extended.hours, ...before?.retention },
    ...(extended.to === undefined ? {} : { extendedHours: Math.max(extended.to, before?.extendedHours ?? 0) }),
    ...(isRunning || before.pausedAt === undefined ? {} : { pausedAt: before.pausedAt }),
    ...(before?.baseCapacity === undefined ? {} : { baseCapacity: before.baseCapacity }),
    now: wanted.now,
  });
}

/** How long the pause lasts, and the retention that it needs. @throws RefusedError if records could expire */
async function window(host: PauseHost, { time, until, extendRetention, by }: Wanted, before: PauseState | undefined) {
  if (until !== undefined && until <= time)
    throw new RefusedError(`the end of the pause must be in the future, got ${iso(until)}`);
  const keeps = await Promise.all(
    host.plan.streams.map(async (stream) => ({
      ...stream,
      hours: stream.own ? await host.streams.retentionHours(stream.name) : stream.retentionHours,
    })),
  );
  const began = before && before.phase !== 'resumed' ? before.since : time;
  const safeOf = (hours: number) => began + (hours - marginHours) * hourMs;
  const safe = safeOf(Math.min(...keeps.map(({ hours }) => hours)));
  const none = { hours: before?.retention ?? {}, to: before?.extendedHours };
  if (until === undefined || until <= safe) return { until: until ?? safe, extended: none };
  const short = keeps.filter(({ hours }) => until > safeOf(hours));
  const [first] = short;
  if (!extendRetention)
    throw new RefusedError(
      `a pause until ${iso(until)} could outlast the stream ${first!.name}, which keeps its records for ${first!.hours} hours: ` +
        `pause until ${iso(safe)} at most, or extend the retention`,
    );
  const to = Math.ceil((until - began) / hourMs) + marginHours;
  const fixed = short.find(({ own }) => !own);
  const problem = fixed
    ? `the stream ${fixed.name} is not Millrace's, so its retention of ${fixed.hours} hours stays: pause until ${iso(safe)} at most`
    : to > longestRetentionHours
      ? `a stream keeps its records for ${longestRetentionHours} hours at most: pause until ${iso(safeOf(longestRetentionHours))} at most`
      : undefined;
  // A budget pauses for as long as it is safe.
  if (problem !== undefined && by === 'budget') return { until: safe, extended: none };
  if (problem !== undefined) throw new RefusedError(problem);
  return { until, extended: { hours: Object.fromEntries(short.map(({ name, hours }) => [name, hours])), to } };
}

/** Does what is due. */
async function proceed(host: PauseHost, held: Held, time: number): Promise<PauseAnswer> {
  const { state } = held;
  switch (state.phase) {
    case 'pausing':
      return time >= state.until ? resume(host, held, time) : pause(host, held, time);
    case 'paused': {
      if (time >= state.until) return resume(host, held, time);
      await extendRetention(host, state);
      if (time - (state.pausedAt ?? state.since) > pauseTakesMs && (await wasResumed(host))) {
        host.log('a person has resumed the cluster', {});
        return resume(host, held, time);
      }
      return answer(time - state.since > rewriteMs ? (await write(host, held, state)).state : state);
    }
    case 'resumed':
      return restoreRetention(host, state, time);
  }
}

async function pause(host: PauseHost, held: Held, time: number): Promise<PauseAnswer> {
  const { plan, warehouse, log } = host;
  const { state } = held;
  await extendRetention(host, state);
  await enableActions(host, false);
  const waitsFor = state.now ? [] : await busyExports(host, state);
  if (waitsFor.length > 0 && time - state.since < plan.exportsWaitMinutes * 60_000)
    return { ...answer(state), waitsFor };
  if (warehouse.kind === 'serverless') {
    const baseCapacity = state.baseCapacity ?? (await warehouse.capacity());
    const { state: paused } = await write(host, held, { ...state, phase: 'paused', pausedAt: time, baseCapacity });
    if (baseCapacity > leastCapacityRpus) await warehouse.setCapacity(leastCapacityRpus);
    return answer(paused);
  }
  const { kind, status } = await warehouse.status();
  if (kind === 'returning' || kind === 'broken') {
    log('the cluster cannot be paused now, left to the next tick', { status });
    return answer(state);
  }
  if (kind === 'available') await warehouse.pause();
  return answer((await write(host, held, { ...state, phase: 'paused', pausedAt: time })).state);
}

/** Pipelines whose exports have not reported that none is in progress. */
async function busyExports({ plan, objects, bucket }: PauseHost, { since }: PauseState): Promise<string[]> {
  const busy: string[] = [];
  for (const pipeline of plan.exporting) {
    const text = await objects.get(bucket, exportsReportKey(pipeline));
    const report = text === undefined ? undefined : parseExportsReport(text);
    if (report === undefined || report.since !== since || report.busy) busy.push(pipeline);
  }
  return busy;
}

async function resume(host: PauseHost, held: Held, time: number): Promise<PauseAnswer> {
  const { warehouse, log, objects, bucket, plan } = host;
  const { state } = held;
  if (warehouse.kind === 'provisioned') {
    if (!(await resumeCluster(host))) {
      log('the cluster is still pausing, left to the next tick', {});
      return answer(state);
    }
  } else if (state.baseCapacity !== undefined) await warehouse.setCapacity(state.baseCapacity);
  await enableActions(host, true);
  for (const pipeline of plan.exporting) await objects.delete(bucket, exportsReportKey(pipeline));
  if (Object.keys(state.retention).length > 0) {
    const { baseCapacity: _, pausedAt: __, ...rest } = state;
    return answer((await write(host, held, { ...rest, phase: 'resumed', since: time })).state);
  }
  await objects.delete(bucket, pauseKey);
  return { phase: 'running' };
}

/** Resumes a cluster, whoever paused it. Returns false if it is still pausing: it can then be neither paused nor resumed. */
async function resumeCluster({ warehouse }: PauseHost): Promise<boolean> {
  if (warehouse.kind !== 'provisioned') return true;
  const { kind, status } = await warehouse.status();
  if (status === 'pausing') return false;
  if (kind === 'paused') await warehouse.resume();
  return true;
}

/**
 * Restores the retention of the streams when as many hours have passed since the end of the pause: the refresh then had as much time as ever to
 * read the records that waited.
 */
async function restoreRetention(host: PauseHost, state: PauseState, time: number): Promise<PauseAnswer> {
  const hours = Object.values(state.retention);
  if (time - state.since < Math.max(...hours) * hourMs) return answer(state);
  for (const [stream, before] of Object.entries(state.retention)) {
    const now = await host.streams.retentionHours(stream);
    if (now > before) await host.streams.setRetention(stream, now, before);
  }
  await host.objects.delete(host.bucket, pauseKey);
  return { phase: 'running' };
}

async function extendRetention({ streams }: PauseHost, { retention, extendedHours }: PauseState): Promise<void> {
  if (extendedHours === undefined) return;
  for (const stream of Object.keys(retention)) {
    const now = await streams.retentionHours(stream);
    if (now < extendedHours) await streams.setRetention(stream, now, extendedHours);
  }
}

/** The daily pause and resumption of a cluster rest during a pause. */
async function enableActions({ warehouse, plan }: PauseHost, enabled: boolean): Promise<void> {
  if (warehouse.kind !== 'provisioned') return;
  for (const action of plan.scheduledActions) await warehouse.enable(action, enabled);
}

const wasResumed = async ({ warehouse }: PauseHost) =>
  warehouse.kind === 'provisioned' && (await warehouse.status()).kind === 'available';

const iso = (time: number) => new Date(time).toISOString();

function answer({ phase, by, since, until, retention, extendedHours }: PauseState): PauseAnswer {
  const extended = Object.entries(retention).map(([stream, from]) => ({ stream, from, to: extendedHours ?? from }));
  return { phase, by, since: iso(since), until: iso(until), ...(extended.length === 0 ? {} : { extended }) };
}
