import { latestKey, parseUnloadName } from '../../../lambda/export/layout';
import { statementNamePrefix } from '../../../lambda/shared/plan';
import { anExport, openTemplate, shop, World } from '../../exports/world';
import { environment, roleOf } from '../../support/cloud';
import type { ExportPorts } from '../../support/functions';

/** A condition of the write that publishes a run. */
export interface PutMutant {
  readonly guard: string;
  /** Publications before the two that compete. */
  readonly before: number;
  readonly isWeak: (etag: string | undefined) => boolean;
}

export const putMutants: readonly PutMutant[] = [
  { guard: 'If-None-Match of the first publication', before: 0, isWeak: (etag) => etag === undefined },
  { guard: 'If-Match of a further publication', before: 1, isWeak: (etag) => etag !== undefined },
];

const name = 'sold';
const hour = (n: number) => String(n).padStart(2, '0');

/**
 * Two functions have unloaded the same window, each a run of its own, and publish at the same time: one is about to write the
 * pointer while the other one publishes. Returns what is wrong with what readers see.
 */
export async function playTwoPublishers(before: number, isWeak: PutMutant['isWeak'] = () => false): Promise<string[]> {
  const template = await openTemplate(shop(anExport(name)));
  const weaken = (objects: ExportPorts['objects']): ExportPorts['objects'] => ({
    ...objects,
    async putIf(bucket, key, body, etag, type) {
      if (!isWeak(etag)) return objects.putIf(bucket, key, body, etag, type);
      await objects.put(bucket, key, body, type);
      return true;
    },
  });
  // No event reports the end of an unload: the scenario decides when each function hears of it.
  const world = await World.open(template, { weaken, faults: { delivery: () => [] } });
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
  let hold = true;
  let release: () => void = () => undefined;
  let atPut: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => {
    atPut = resolve;
  });
  world.around = async (operation, { path }, run) => {
    if (hold && operation === 's3:PutObject' && path.endsWith(latestKey('shop', name))) {
      hold = false;
      atPut();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
    return run();
  };
  const slow = world.besides(ended(both, first));
  await arrived;
  await world.besides(ended(both, first + 1));
  const seen = world.read(name).map(({ prefix }) => prefix);
  release();
  await slow;
  await world.cloud.settle();
  return problemsOf(world, seen);
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
export const breaksPut = async ({ before, isWeak }: PutMutant): Promise<string | undefined> =>
  (await playTwoPublishers(before, isWeak))[0];
