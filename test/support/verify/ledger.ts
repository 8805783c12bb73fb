import { replacedSource } from '../../../sql';
import { mustNotBeOverwritten } from '../actions';
import { buckets, type Cloud } from '../cloud';
import type { Simulated } from '../simulation';
import type { Uploaded } from '../world';
import { rows } from './query';

const idOf = (key: string, etag: string) => `${key} ${etag}`;

/** The ledger's problems, and the object versions that it names. */
export interface Ledger {
  readonly problems: string[];
  readonly loaded: readonly Uploaded[];
}

/**
 * Checks the ledger. Each version that exists or had a notification is in the ledger once, or is set aside with a dead
 * letter. An unreadable version is never in the ledger. A key that must not be overwritten has one version in it.
 */
export async function verifyLedger({ truth, cloud }: Simulated, schema: string): Promise<Ledger> {
  const problems: string[] = [];
  const uploads = new Map(truth.uploads.map((upload) => [idOf(upload.key, upload.etag), upload]));
  const history = await historyOf(cloud, schema, uploads);
  const entered = history.map(([, key, etag]) => idOf(key, etag));
  const aside = new Set(
    (await rows<[string, string]>(cloud, `select object_key, etag from ${schema}.parked`)).map(([key, etag]) =>
      idOf(key, etag),
    ),
  );
  for (const id of entered.filter((item, index) => entered.indexOf(item) !== index))
    problems.push(`${id} is in the ledger more than once`);
  for (const id of aside) if (entered.includes(id)) problems.push(`${id} is in the ledger and set aside`);

  const told = new Set(truth.uploads.filter(({ notified }) => notified).map(({ key, etag }) => idOf(key, etag)));
  for (const [key, { etag }] of truth.current) told.add(idOf(key, etag));
  for (const id of told)
    if (!entered.includes(id) && !aside.has(id)) problems.push(`${id} is neither in the ledger nor set aside`);
  for (const id of entered) {
    if (!uploads.has(id)) problems.push(`${id} is in the ledger, but was never uploaded`);
    if (uploads.get(id)?.poison) problems.push(`${id} cannot be read, but is in the ledger`);
  }
  for (const [key, { etag, poison }] of truth.current)
    if (!poison && !mustNotBeOverwritten(key) && !entered.includes(idOf(key, etag)))
      problems.push(`${idOf(key, etag)} is there, but not in the ledger`);
  for (const key of new Set(truth.uploads.map((upload) => upload.key).filter(mustNotBeOverwritten))) {
    const count = history.filter(([, loaded]) => loaded === key).length;
    const some = truth.uploads.some(
      (upload) => upload.key === key && !upload.poison && told.has(idOf(key, upload.etag)),
    );
    if (count > 1 || (some && count < 1))
      problems.push(`${key} must be loaded once, ${count} versions are in the ledger`);
  }
  for (const [, key, etag, source, lines] of history) {
    const expected = uploads.get(idOf(key, etag))?.lines.length;
    // If one run loaded several objects, only COPY knows the lines of each. The count is null if COPY reports none.
    if (lines !== null && Number(lines) !== expected)
      problems.push(`${key} has ${expected} lines, the ledger says ${lines}`);
    if (source !== sourceOf(key)) problems.push(`${key} is of ${sourceOf(key)}, the ledger says ${source}`);
  }
  problems.push(...letterProblems(cloud, aside));
  const loaded = [...new Set(entered)].flatMap((id) => uploads.get(id) ?? []);
  return { problems, loaded };
}

type LedgerRow = [bucket: string, key: string, etag: string, source: string, lines: number, run: string];

/** The rows for objects of history. A rewritten object stands for the upload whose lines it has. */
async function historyOf(cloud: Cloud, schema: string, uploads: ReadonlyMap<string, Uploaded>): Promise<LedgerRow[]> {
  const all = await rows<LedgerRow>(
    cloud,
    `select bucket, object_key, etag, source, row_count, run_id from ${schema}.ledger where bucket = '${buckets.history}'`,
  );
  return all.flatMap(([bucket, key, etag, source, lines, run]): LedgerRow[] => {
    if (source === replacedSource) return [];
    const before = all.find(
      ([, of, replaced, as, , by]) =>
        as === replacedSource && of === key && by === `${run}-${replacedSource}` && uploads.has(idOf(key, replaced)),
    );
    return [[bucket, key, before?.[2] ?? etag, source, lines, run]];
  });
}

const sourceOf = (key: string) => (key.startsWith('once/') ? 'once' : key.startsWith('in/') ? 'files' : 'envelopes');

/** Checks that each version set aside has a dead letter, since an operator sees only the dead-letter queue. */
function letterProblems({ sqs }: Cloud, aside: ReadonlySet<string>): string[] {
  const letters = new Set<string>();
  for (const { body } of sqs.port.queueAt('letters').receive(1000, 0, () => undefined)) {
    const { object } = JSON.parse(body) as { object?: { key: string; etag: string } };
    if (object) letters.add(idOf(object.key, object.etag));
  }
  return [...aside].flatMap((id) => (letters.has(id) ? [] : [`${id} is set aside, but has no dead letter`]));
}
