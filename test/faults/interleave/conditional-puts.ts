import { unloadRecordPrefix } from '../../../lambda/export/contract';
import { latestKey, parseUnloadName } from '../../../lambda/export/layout';
import { statementNamePrefix } from '../../../lambda/shared/plan';
import { copied, openMaterializeWorld } from '../../exports/materialize-world';
import { anExport, openTemplate, shop, World, type WorldOptions } from '../../exports/world';
import { environment, roleOf } from '../../support/cloud';
import type { Around } from '../../support/functions';

/** A write of the export function, by what it is written over. */
interface Put {
  readonly key: string;
  /** Missing if no object may be there. */
  readonly etag: string | undefined;
}

type IsWeak = (put: Put) => boolean;

/** A condition of a write. */
export interface PutMutant {
  readonly guard: string;
  /** Plays two functions that write at the same time. Returns what is wrong with what readers see. */
  readonly play: (isWeak: IsWeak) => Promise<string[]>;
  readonly isWeak: IsWeak;
}

const isRecord = ({ key }: Put) => key.startsWith(unloadRecordPrefix('shop'));

export const putMutants: readonly PutMutant[] = [
  {
    guard: 'If-None-Match of the first publication',
    play: (isWeak) => playTwoPublishers(0, isWeak),
    isWeak: ({ etag }) => etag === undefined,
  },
  {
    guard: 'If-Match of a further publication',
    play: (isWeak) => playTwoPublishers(1, isWeak),
    isWeak: ({ etag }) => etag !== undefined,
  },
  { guard: 'If-None-Match of the record of a COPY', play: (isWeak) => playTwoCopies(isWeak), isWeak: isRecord },
];

/** Leaves the condition out of some writes. */
const weakening =
  (isWeak: IsWeak): NonNullable<WorldOptions['weaken']> =>
  (objects) => ({
    ...objects,
    async putIf(bucket, key, body, etag, type) {
      if (!isWeak({ key, etag })) return objects.putIf(bucket, key, body, etag, type);
      await objects.put(bucket, key, body, type);
      return true;
    },
  });

const name = 'sold';
const hour = (n: number) => String(n).padStart(2, '0');

/**
 * Two functions have unloaded the same window, each a run of its own, and publish at the same time: one is about to write the
 * pointer while the other one publishes.
 *
 * @param before publications before the two that compete
 */
async function playTwoPublishers(before: number, isWeak: IsWeak): Promise<string[]> {
  const template = await openTemplate(shop(anExport(name)));
  // No event reports the end of an unload: the scenario decides when each function hears of it.
  const world = await World.open(template, { weaken: weakening(isWeak), faults: { delivery: () => [] } });
  try {
    const { day } = world;
    const tick = (time: string) => world.tick(`${day}T${time}Z`);
    for (let n = 0; n <= before; n += 1) await world.sell(`${day} ${hour(3 + n)}:10:00`, [1 + n]);
    for (let n = 0; n < before; n += 1) {
      await world.completeUntil(`${day} ${hour(4 + n)}:30:00`);
      await tick(`${hour(5 + n)}:40:00`);
      await world.send(ended(await unloads(world), -1));
    }
    await world.completeUntil(`${day} ${hour(4 + before)}:30:00`);
    const known = (await unloads(world)).length;
    await Promise.all(
      [0, 1].map((minute) =>
        world.besides({ kind: 'start', scheduledTime: `${day}T${hour(6 + before)}:0${minute}:00.000Z` }),
      ),
    );
    await world.cloud.settle();
    const both = await unloads(world);
    if (both.length !== known + 2) throw new Error(`two functions must have unloaded, got ${both.length - known}`);
    return await publishBoth(world, both, known);
  } finally {
    await world.dispose();
    template.remove();
  }
}

async function publishBoth(world: World, both: readonly Unload[], first: number): Promise<string[]> {
  const pointer = holdPut(latestKey('shop', name));
  world.around = pointer.around;
  const slow = world.besides(ended(both, first));
  await pointer.arrived;
  await world.besides(ended(both, first + 1));
  const seen = world.read(name).map(({ prefix }) => prefix);
  pointer.release();
  await slow;
  await world.cloud.settle();
  return problemsOf(world, seen);
}

/**
 * A tick comes twice, and both functions are about to begin the same COPY. One begins it and is about to publish its files
 * when the other one goes on.
 */
async function playTwoCopies(isWeak: IsWeak): Promise<string[]> {
  const { world, sell, dispose } = await openMaterializeWorld(copied(name), {}, { weaken: weakening(isWeak) });
  try {
    await sell('2026-11-21 03:10:00', 1, 2);
    await world.cloud.pass(Date.parse('2026-11-21T04:30:00Z') - world.cloud.clock.now());
    const tick = { kind: 'start', scheduledTime: '2026-11-21T04:30:00.000Z' };
    const record = holdPut(unloadRecordPrefix('shop'));
    const pointer = holdPut(latestKey('shop', name));
    world.around = (operation, request, run) =>
      record.around(operation, request, () => pointer.around(operation, request, run));
    const late = world.besides(tick);
    await record.arrived;
    const early = world.besides(tick);
    await pointer.arrived;
    record.release();
    await late;
    pointer.release();
    await early;
    await world.cloud.settle();
    return await problemsOf(world, []);
  } finally {
    await dispose();
  }
}

/** Holds the first write of a key, or below a prefix, until it is released. */
function holdPut(key: string) {
  let isHeld = true;
  let release: () => void = () => undefined;
  let arrive: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const around: Around = async (operation, { path }, run) => {
    if (isHeld && operation === 's3:PutObject' && path.includes(`/${key}`)) {
      isHeld = false;
      arrive();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
    return run();
  };
  return { around, arrived, release: () => release() };
}

/** @param seen runs that a reader has followed */
async function problemsOf(world: World, seen: readonly string[]): Promise<string[]> {
  let published: ReturnType<World['read']>;
  try {
    published = world.read(name);
  } catch (error) {
    return [`a reader that follows the pointer finds: ${(error as Error).message}`];
  }
  const gone = seen.filter((prefix) => !published.some((success) => success.prefix === prefix));
  const recorded = await world.sql(`select location from shop.exports where export = '${name}'`);
  const unknown = recorded.flat().filter((url) => !published.some(({ prefix }) => String(url).endsWith(prefix)));
  return [
    ...gone.map((prefix) => `a reader saw the run ${prefix}, and it is published no more`),
    ...unknown.map((url) => `${url} is recorded as published, and no reader finds it`),
  ];
}

interface Unload {
  readonly id: string;
  readonly name: string;
}

/** The unloads of the export, the oldest first. */
async function unloads(world: World): Promise<Unload[]> {
  const prefix = statementNamePrefix(environment, 'shop', 'export');
  const { Statements } = (await world.cloud.warehouse.operations['ListStatements']!(
    { StatementName: prefix, Status: 'ALL', MaxResults: 100 } as never,
    roleOf('export'),
  )) as { Statements: readonly { readonly Id: string; readonly StatementName: string }[] };
  return Statements.filter((statement) => parseUnloadName(environment, 'shop', statement.StatementName) !== undefined)
    .sort((one, other) => (one.StatementName < other.StatementName ? -1 : 1))
    .map(({ Id, StatementName }) => ({ id: Id, name: StatementName }));
}

/** The event that reports the end of an unload. */
function ended(list: readonly Unload[], index: number): unknown {
  const { id, name: statementName } = list.at(index)!;
  return { source: 'aws.redshift-data', detail: { statementName, statementId: id, state: 'FINISHED' } };
}

/** Returns what the mutant does to readers. Undefined if it survives. */
export const breaksPut = async ({ play, isWeak }: PutMutant): Promise<string | undefined> => (await play(isWeak))[0];
