import type { Step } from '../../../lambda/shared/plan';
import { pipelineTables, replacedSource, swapStatements } from '../../../sql';
import { landingName } from '../../../sql/tables/names';
import { rebuildStep, rebuildValues } from './deployments';
import { fillStep, fillValues, type PartyName, swapped } from './parties';
import { appendedKey, finer, pipeline, stepOf, streamed, type World } from './world';

/** What must be equal: a name, and SQL for what is expected and what is found. */
type Pair = readonly [what: string, expected: string, found: string];

const count = (table: string, what = '*', where = '') => `(select count(${what}) from ${table}${where})`;
const {
  events,
  duplicates,
  rejects,
  runs,
  ledger,
  exports: published,
  listing,
  checkpoints,
  skipped,
  forgotten: marked,
  rewrites,
} = pipelineTables(pipeline);
const newer = pipelineTables(finer);

const places = (tables: Readonly<Record<'events' | 'duplicates' | 'rejects', string>>) =>
  `(${[tables.events, tables.duplicates, tables.rejects, skipped].map((table) => count(table, '*', " where source <> 'history'")).join(' + ')})`;
/**
 * The sum over all runs, except the one that a reload has replaced. What an erasure has taken out of that run goes with
 * it, so what was erased is counted by the rows that are left of it.
 */
const sum = (column: string, { loadedRun }: World, erased: string) =>
  `(select coalesce(sum(${column}), 0) from ${runs} where source <> 'forgotten' and (run_id <> '${loadedRun}' or (select count(*) from ${ledger} where run_id = '${loadedRun}') > 0)) + ${erased}`;
const erased = (was: string) => count(skipped, '*', ` where name like 'forgotten ${was}'`);

const ofEnd = " where run_id = 'marked-swept'";
const isLoaded = ` where source <> '${replacedSource}'`;
const ofSwapped = ` where etag = '${swapped.newEtag}'`;
const identities = count(checkpoints, 'distinct identity_version');
const ofList = ` where object_key <> '${appendedKey}'`;

/** What holds at any moment. */
const always = (world: World): readonly Pair[] => [
  ['identities of events', count(events, 'distinct event_id'), count(events)],
  ['events that the runs count', sum('events', world, `-${erased('event')}`), count(events)],
  ['duplicates that the runs count', sum('duplicates', world, `-${erased('duplicate')}`), count(duplicates)],
  [
    'rejects that the runs count',
    sum('rejects', world, `-${erased('reject')}`),
    count(rejects, '*', ' where decode_after is null'),
  ],
  ['skipped records that the runs count', sum('skipped', world, erased('_%')), count(skipped)],
  ['positions of skipped records', count(skipped, 'distinct sequence_number'), count(skipped, 'sequence_number')],
  ['marks', count(marked, 'distinct mark'), count(marked)],
  ['ends of an erasure', count(runs, 'distinct run_id', ofEnd), count(runs, '*', ofEnd)],
  ['objects of the ledger', count(ledger, 'distinct object_key || etag'), count(ledger)],
  ['loaded objects of one key', count(ledger, 'distinct object_key', isLoaded), count(ledger, '*', isLoaded)],
  [
    'swapped objects that are claimed',
    '0',
    count(rewrites, '*', ` where (${count(ledger, '*', ofSwapped)}) > 0 and (${identities}) = 1`),
  ],
  ['publications', count(published, 'distinct location'), count(published)],
  // A further part that is copied twice is there twice. The query of missing objects takes each object once.
  ['objects of the listing', count(listing, 'distinct object_key', ofList), count(listing, '*', ofList)],
  ['recorded objects', count('millrace.objects', "distinct kind || ' ' || name"), count('millrace.objects')],
  [
    'pieces of recorded texts',
    count('millrace.object_texts', "distinct kind || ' ' || name || ' ' || what || piece"),
    count('millrace.object_texts'),
  ],
  [
    'records that the checkpoint wrongly vouches for',
    '0',
    `(
  select count(*)
  from ${landingName(pipeline)} l
  left join (
    select sequence_number from ${events} union select sequence_number from ${duplicates} union select sequence_number from ${rejects} union select sequence_number from ${skipped}
  ) as m on m.sequence_number = l.sequence_number
  where m.sequence_number is null and l.approximate_arrival_timestamp < (select max(merged_until) from ${checkpoints})
)`,
  ],
  [
    'events that the views lack although their run is complete',
    '0',
    `(
  select count(*)
  from ${events} e
  inner join ${runs} r on r.run_id = e.run_id and r.source = 'stream'
  left join shop.seen s on s.id = e.id
  where s.id is null and e.arrived_at < (select max(complete_until) from ${checkpoints})
)`,
  ],
];

/** What holds once everything is merged and filled. */
const finished = (world: World): readonly Pair[] => [
  ...always(world),
  ['records of the stream', `${streamed.length}`, places({ events, duplicates, rejects })],
  ['events without the filled column', '0', count(events, '*', ' where extra is null')],
];

/** What holds once the tables of the other identity are rebuilt and its functions have merged. */
const rebuilt: readonly Pair[] = [
  ['records of the stream under the other identity', `${streamed.length}`, places(newer)],
  ['identities under the other identity', count(newer.events, 'distinct event_id'), count(newer.events)],
  [
    'events that the other identity lacks',
    '0',
    `(select count(*) from ${events} e left join ${newer.events} n on n.id = e.id and n.kind = e.kind where n.id is null)`,
  ],
  ['objects of the ledger under the other identity', count(ledger), count(newer.ledger)],
];

async function unequal({ warehouse }: World, pairs: readonly Pair[]): Promise<string[]> {
  const [found] = await warehouse.query(`select ${pairs.flatMap(([, one, other]) => [one, other]).join(', ')}`);
  return pairs.flatMap(([what], index) => {
    const [expected, actual] = [Number(found![2 * index]), Number(found![2 * index + 1])];
    return expected === actual ? [] : [`${what}: expected ${expected}, found ${actual}`];
  });
}

/** Checks the tables, then merges and fills what is left, checks again, and returns what is wrong. */
export async function wrongRows(world: World, names: readonly PartyName[]): Promise<string[]> {
  const { warehouse } = world;
  const hasRebuild = names.some((name) => needsRebuild.includes(name));
  // A reject that is retried during a rebuild may be there twice: decision 22.
  const isTwice = names.includes('retry') || names.includes('reload');
  const problems = await unequal(world, always(world));
  // A merge completes rows of the last minutes. Later only a fill does.
  warehouse.pass(60);
  await warehouse.refresh();
  problems.push(...(await failure(world, fillStep, fillValues)), ...(await unequal(world, finished(world))));
  if (!hasRebuild) return problems;
  const [[started]] = (await warehouse.query('select getdate()')) as [[string]];
  return [
    ...problems,
    ...(await failure(world, rebuildStep, rebuildValues)),
    ...(await failure(world, stepOf('merge', finer), { run_id: world.nextRun(), started })),
    ...(names.includes('swap') ? await swapAgain(world) : []),
    ...(isTwice ? [] : await unequal(world, rebuilt)),
  ];
}

/** The load function of the other identity finds the claim and swaps the object in its own ledger. */
async function swapAgain(world: World): Promise<string[]> {
  const [[found]] = (await world.warehouse.query(`select ${count(ledger, '*', ofSwapped)}`)) as [[string]];
  if (Number(found) === 0) return [];
  const step: Step = { name: 'swap', mode: 'transaction', statements: swapStatements(finer) };
  return failure(world, step, { objects: JSON.stringify([{ ...world.loadedObject, ...swapped }]) });
}

/** Parties that need the tables of the other identity. */
export const needsRebuild: readonly PartyName[] = ['rebuild', 'reset'];

async function failure({ warehouse }: World, step: Step, values: Record<string, string>): Promise<string[]> {
  const { status, error } = await warehouse.attempt('', step, values);
  return status === 'FINISHED' ? [] : [`the ${step.name} failed: ${error}`];
}

/**
 * Whether a conflict between these parties is to be expected. Two refreshes of one view do not begin with a LOCK. A switch
 * of a view replaces a relation that others read.
 */
export const mayConflict = (names: readonly PartyName[]): boolean =>
  names.some((name) => name === 'deploy' || name === 'run' || name === 'trim');
