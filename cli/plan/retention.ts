import { isDeepStrictEqual } from 'node:util';
import type { Days, Retention } from '../../pipelines/definition';
import type { PipelineDeclaration } from '../../sql';
import { daysOf, publicTables, quoteIdentifier } from '../../sql/names';
import { type Context, queryRows } from '../commands/context';
import { plural } from '../terminal';
import type { CreateChange } from './differences';
import type { ExpiryFacts } from './facts';
import type { Change, Sides } from './plan';
import type { ObjectState } from './state';

/** Compares how long a pipeline keeps its data. */
export function retentionChanges(
  was: PipelineDeclaration,
  is: PipelineDeclaration,
  pipeline: string,
  { facts }: Sides,
  change: CreateChange,
): Change[] {
  const [before, after] = [was.retention ?? {}, is.retention ?? {}];
  const expiry = facts?.expiries.get(pipeline);
  const changes: Change[] = [];
  const say = (object: string, summary: string, ...notes: string[]) =>
    changes.push(change(`${object} ${pipeline}`, 'online', summary, ...notes));
  const timeOf = ({ eventTime = 'arrived_at' }: Retention) => eventTime;
  if (before.events !== after.events || (after.events && timeOf(before) !== timeOf(after)))
    say(
      'retention of events',
      keeps('Events are', before.events, after.events, ` by ${timeOf(after)}`),
      ...(after.events ? [amount('event', expiry?.events), deletion, frozen] : [stopped]),
    );
  if (before.rejects !== after.rejects)
    say(
      'retention of rejects',
      keeps('Rejects are', before.rejects, after.rejects, ' after their rejection'),
      ...(after.rejects ? [amount('reject', expiry?.rejects), deletion] : [stopped]),
    );
  if (before.archive !== after.archive)
    say(
      'retention of the archive',
      keeps('Objects of the archive are', before.archive, after.archive, ''),
      ...(after.archive
        ? [
            amount('object', expiry?.objects),
            'S3 deletes older objects within a day or two, and their old versions 30 days later.',
            lostGaps,
          ]
        : [stopped]),
    );
  return changes;
}

const keeps = (what: string, before: Days | undefined, after: Days | undefined, by: string) =>
  `${what} kept ${after === undefined ? 'for good' : `for ${after}${by}`} instead of ${before ?? 'for good'}.`;

const deletion =
  'Each run deletes a part of them, at most a day of events or rejects. They are counted in skipped from then on.';
const frozen = 'Views lose them with the same run. Exported windows that are older stay as they were published.';
const stopped = 'What was deleted before does not come back by itself.';
const lostGaps = 'A gap of the stream that is older can no longer be backfilled.';

function amount(what: string, rows: number | null | undefined): string {
  if (rows === undefined || rows === null) return `How many ${what}s are older than that is not known.`;
  if (rows === 0) return `No ${what} is older than that today.`;
  return `${plural(rows, what)} ${rows === 1 ? 'is' : 'are'} older than that today and will be deleted.`;
}

/** Counts what changed retentions would delete. @param now the warehouse's time, in epoch milliseconds */
export async function expiriesOf(
  context: Context,
  now: number,
  before: readonly ObjectState[],
  after: readonly ObjectState[],
): Promise<Map<string, ExpiryFacts>> {
  const facts = new Map<string, ExpiryFacts>();
  for (const { kind, name, declaration } of after) {
    const old = before.find((state) => state.kind === 'pipeline' && state.name === name);
    if (kind !== 'pipeline' || !old) continue;
    const [was, is] = [old.declaration, declaration] as [PipelineDeclaration, PipelineDeclaration];
    if (!is.retention || isDeepStrictEqual(was.retention, is.retention)) continue;
    facts.set(name, await expiryOf(context, now, name, was, is.retention));
  }
  return facts;
}

async function expiryOf(
  context: Context,
  now: number,
  name: string,
  { columns }: PipelineDeclaration,
  { events, eventTime = 'arrived_at', rejects, archive }: Retention,
): Promise<ExpiryFacts> {
  const tables = publicTables({ name });
  const isThere = eventTime === 'arrived_at' || columns.some((column) => column.name === eventTime);
  const older = (table: string, time: string, days: Days) =>
    `(select count(*) from ${table} where ${quoteIdentifier(time)} < dateadd(day, -${daysOf(days)}, getdate()))`;
  const counted = {
    ...(events && isThere ? { events: older(tables.events, eventTime, events) } : {}),
    ...(rejects ? { rejects: older(tables.rejects, 'merged_at', rejects) } : {}),
  };
  const items = Object.entries(counted).map(([as, query]) => `${query} as ${as}`);
  const [row] = items.length === 0 ? [] : await queryRows(context, 'plan-expiry', `select ${items.join(', ')}`);
  const number = (value: unknown) => (value === undefined || value === null ? null : Number(value));
  return {
    events: number(row?.events),
    rejects: number(row?.rejects),
    objects: archive === undefined ? null : await oldObjects(context, name, now - daysOf(archive) * dayMs),
  };
}

const dayMs = 86_400_000;

/** Counts the objects of the archive that are older than a time. */
async function oldObjects({ cloud: { buckets, names } }: Context, pipeline: string, before: number): Promise<number> {
  let objects = 0;
  for (const folder of ['archive', 'archive-errors'])
    for await (const page of buckets.pages(names.archiveBucket, `${folder}/${pipeline}/`))
      objects += page.filter(({ lastModified }) => lastModified < before).length;
  return objects;
}
