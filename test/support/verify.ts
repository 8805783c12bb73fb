import { buckets, type Cloud } from './cloud';
import { mustNotBeOverwritten, type Simulated, type Uploaded } from './simulation';

/**
 * Compares the tables with what the world did. Returns what is wrong, nothing when all is well:
 * every object version that is still there, and every one that a notification told of, is in the ledger once, or set aside if it cannot or
 * must not be loaded; events hold each identity of the stream and of the ledger's objects once; what else there was is in duplicates and rejects.
 */
export async function verify({ truth, cloud }: Simulated, schema: string): Promise<string[]> {
  const wrong: string[] = [];
  const ledger = await rows<[string, string]>(cloud, `select object_key, etag from ${schema}.ledger order by 1, 2`);
  const parked = await rows<[string, string]>(cloud, `select object_key, etag from ${schema}.parked`);
  const idOf = (key: string, etag: string) => `${key} ${etag}`;
  const entered = ledger.map(([key, etag]) => idOf(key, etag));
  const aside = new Set(parked.map(([key, etag]) => idOf(key, etag)));
  for (const id of repeated(entered)) wrong.push(`${id} is in the ledger more than once`);

  const uploads = new Map<string, Uploaded>();
  for (const upload of truth.uploads) uploads.set(idOf(upload.key, upload.etag), upload);
  const told = new Set(truth.uploads.filter(({ notified }) => notified).map(({ key, etag }) => idOf(key, etag)));
  for (const [key, { etag }] of truth.current) told.add(idOf(key, etag));
  for (const id of told)
    if (!entered.includes(id) && !aside.has(id)) wrong.push(`${id} is neither in the ledger nor set aside`);
  for (const id of entered) {
    const upload = uploads.get(id);
    if (!upload) wrong.push(`${id} is in the ledger, but was never uploaded`);
    if (upload?.poison) wrong.push(`${id} cannot be loaded, but is in the ledger`);
  }
  const loadable = (key: string) => truth.uploads.filter((upload) => upload.key === key && !upload.poison);
  for (const [key, { etag, poison }] of truth.current)
    if (!poison && !mustNotBeOverwritten(key) && !entered.includes(idOf(key, etag)))
      wrong.push(`${idOf(key, etag)} is there, but not in the ledger`);
  for (const key of new Set(truth.uploads.map((upload) => upload.key)))
    if (mustNotBeOverwritten(key)) {
      const count = entered.filter((id) => id.startsWith(`${key} `)).length;
      const wanted = loadable(key).some((upload) => told.has(idOf(key, upload.etag))) ? 1 : 0;
      if (count > 1 || count < wanted) wrong.push(`${key} must be loaded once, ${count} versions are in the ledger`);
    }

  wrong.push(...(await verifyOrigins(cloud, schema, truth.uploads)));
  const lines = [...truth.stream, ...[...new Set(entered)].flatMap((id) => uploads.get(id)?.lines ?? [])];
  wrong.push(...(await verifyRows(cloud, schema, lines)));
  return wrong;
}

/** Whatever a reject says of its object and line is so, and no other reject of its run says the same. */
async function verifyOrigins(cloud: Cloud, schema: string, uploads: readonly Uploaded[]): Promise<string[]> {
  const wrong: string[] = [];
  const found = await rows<[string, string, number | string]>(
    cloud,
    `select run_id, object_key, line from ${schema}.rejects where source = 'history' and line is not null`,
  );
  for (const place of repeated(found.map((row) => row.join(' ')))) wrong.push(`two rejects are of ${place}`);
  for (const [, url, line] of found) {
    const versions = uploads.filter(({ key }) => url === `s3://${buckets.history}/${key}`);
    const isBad = ({ lines }: Uploaded) => {
      const text = lines[Number(line) - 1];
      return text !== undefined && eventOf(text) === undefined;
    };
    if (!versions.some(isBad)) wrong.push(`line ${line} of ${url} is said to be a reject`);
  }
  return wrong;
}

async function verifyRows(cloud: Cloud, schema: string, lines: readonly string[]): Promise<string[]> {
  const wrong: string[] = [];
  const copies = new Map<string, number>();
  let rejected = 0;
  for (const line of lines) {
    const event = eventOf(line);
    if (!event) rejected += 1;
    else copies.set(`${event.id} ${event.amount}`, (copies.get(`${event.id} ${event.amount}`) ?? 0) + 1);
  }
  const events = await rows<[string, string, string]>(cloud, `select event_id, id, amount from ${schema}.events`);
  const duplicates = await rows<[string]>(cloud, `select event_id from ${schema}.duplicates`);
  const [[rejects, staged] = [0, 0]] = await rows<[number, number]>(
    cloud,
    `select (select count(*) from ${schema}.rejects), (select count(*) from ${schema}.staged)`,
  );
  const found = new Map<string, number>();
  const names = new Map(events.map(([eventId, id, amount]) => [eventId, `${id} ${amount}`]));
  for (const [, id, amount] of events) {
    if (found.has(`${id} ${amount}`)) wrong.push(`${id} is in events more than once`);
    found.set(`${id} ${amount}`, 1);
  }
  for (const [eventId] of duplicates) {
    const name = names.get(eventId) ?? `a duplicate of no event: ${eventId}`;
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  for (const name of new Set([...copies.keys(), ...found.keys()]))
    if (copies.get(name) !== found.get(name))
      wrong.push(`event ${name}: ${copies.get(name) ?? 0} arrived, ${found.get(name) ?? 0} in events and duplicates`);
  if (Number(rejects) !== rejected) wrong.push(`${rejected} lines are no events, ${rejects} in rejects`);
  if (Number(staged) !== 0) wrong.push(`${staged} rows left in staged`);
  const [[read, placed] = [0, 0]] = await rows<[number, number]>(
    cloud,
    `select coalesce(sum(rows_read), 0), coalesce(sum(events + duplicates + rejects), 0) from ${schema}.runs`,
  );
  if (Number(placed) !== lines.length)
    wrong.push(`${lines.length} lines arrived, runs count ${placed} of ${read} read`);
  return wrong;
}

function eventOf(line: string): { id: string; amount: number } | undefined {
  try {
    const event = JSON.parse(line);
    return typeof event.amount === 'number' ? event : undefined;
  } catch {
    return undefined;
  }
}

async function rows<Row extends unknown[]>(cloud: Cloud, sql: string): Promise<Row[]> {
  return (await cloud.warehouse.port.query(sql)).rows as Row[];
}

function repeated(list: readonly string[]): string[] {
  return [...new Set(list.filter((item, index) => list.indexOf(item) !== index))];
}
