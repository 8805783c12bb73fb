import { createHash } from 'node:crypto';
import type { ExportItem } from '../../../lambda/export/contract';
import { exportFunction } from '../../../lambda/export/export';
import type { ExportHost } from '../../../lambda/export/host';
import type { LedgerEntry } from '../../../lambda/export/ledger';
import type { RemainingMs } from '../../../lambda/shared/deadline';
import type { BusEvent } from '../../../lambda/shared/event-bus';
import type { ObjectBytes, ObjectListing } from '../../../lambda/shared/objects';
import type { Row, Submission } from '../../../lambda/shared/warehouse';
import { FakeObjects, FakeWarehouse, type Outcome, quiet, recordMetrics } from '../fakes';

export const day = '2026-11-21';
const bucket = 'exports';

/** An hourly export whose statements say no more than what they are. */
export const anExport = (name: string): ExportItem => ({
  name,
  engine: 'redshift',
  content: {
    kind: 'incremental',
    window: 'hour',
    latenessMinutes: 0,
    since: Date.parse(`${day}T03:00Z`),
    corrections: true,
  },
  format: { kind: 'parquet', compression: 'snappy', partitionBy: [] },
  columns: [{ name: 'id', type: 'varchar(16)' }],
  windowsPerTick: 48,
  state: `state ${name}`,
  survey: `survey ${name}`,
  revisions: `revisions ${name} {{window_start}}`,
  locations: `locations ${name}`,
  count: 'count {{window_start}} {{window_end}}',
  unload: 'unload {{window_start:nested}} {{window_end:nested}} to {{target}} {{unload_role}}',
  record: ['lock', `record ${name} {{publications}}`],
});

class ExportObjects extends FakeObjects {
  async getWithEtag(from: string, key: string) {
    const text = await this.get(from, key);
    return text === undefined ? undefined : { text, etag: etagOf(text) };
  }

  async putIf(to: string, key: string, body: string, etag: string | undefined): Promise<boolean> {
    const held = await this.getWithEtag(to, key);
    if (held?.etag !== etag) return false;
    await this.put(to, key, body);
    return true;
  }

  async digest(from: string, key: string) {
    const text = (await this.get(from, key))!;
    return { bytes: text.length, sha256: etagOf(text) };
  }

  pages: ObjectListing['pages'] = () => notNeeded();
  folders: ObjectListing['folders'] = () => notNeeded();
  copyWithin = async () => notNeeded();
  bytes: ObjectBytes['bytes'] = () => notNeeded();
}

const etagOf = (text: string) => createHash('sha256').update(text).digest('hex');

function notNeeded(): never {
  throw new Error('exports of Redshift do not need this');
}

/** The export function over a fake host: a ledger in memory and a warehouse whose unloads each write one file of one row. */
export class World {
  readonly warehouse = new FakeWarehouse();
  readonly objects = new ExportObjects();
  readonly events: BusEvent[] = [];
  readonly metrics: { at: number; values: Record<string, number | undefined> }[];
  readonly ledger: Record<string, LedgerEntry[]> = {};
  /** Decides about an unload by its name. Undefined: it succeeds. */
  fault: (name: string) => Outcome | undefined = () => undefined;
  /** The view that could not be refreshed, by export. */
  readonly failures: Record<string, string> = {};
  completeUntil = `${day} 05:30:00`;
  private readonly run: ReturnType<typeof exportFunction>;

  constructor(...names: string[]) {
    const { metrics, recorded } = recordMetrics();
    this.metrics = recorded;
    this.warehouse.outcome = (submission) => this.outcome(submission);
    this.warehouse.partRows = (id) => this.partRows(id);
    const host: ExportHost = {
      environment: 'dev',
      plan: { pipeline: 'shop', everyMinutes: 15, fullPassHour: 2, exports: names.map(anExport) },
      bucket,
      workBucket: 'work',
      unloadRoleArn: 'arn:role',
      warehouse: this.warehouse,
      objects: this.objects,
      bus: { send: async (events) => this.announce(events) },
      now: () => this.warehouse.now,
      sleep: async () => undefined,
      log: quiet,
      metrics,
    };
    this.run = exportFunction(host);
  }

  send(event: unknown, remainingMs: RemainingMs = () => 60_000): Promise<void> {
    return this.run(event, remainingMs);
  }

  tick(time: string, remainingMs?: RemainingMs): Promise<void> {
    return this.send({ kind: 'start', scheduledTime: `${day}T${time}:00Z` }, remainingMs);
  }

  get unloads(): string[] {
    return this.warehouse.names.filter((name) => name.includes('/unload-'));
  }

  /** Ends the newest unload and reports that to the function. */
  async endUnload(): Promise<void> {
    const { id, submission } = this.warehouse.of(this.unloads.at(-1)!);
    const { name } = submission;
    const fault = this.fault(name);
    const parts = submission.statements.map((_, i) => ({ id: `${id}:${i}`, status: 'FINISHED' }));
    if (!fault) for (const sql of submission.statements) this.unload(sql);
    this.warehouse.end(name, fault ?? { parts });
    const detail = { statementId: id, statementName: name, state: fault?.status ?? 'FINISHED' };
    await this.send({ source: 'aws.redshift-data', detail });
  }

  keys(): Promise<string[]> {
    return this.objects.list(bucket, '');
  }

  read(key: string): Record<string, unknown> {
    return JSON.parse(this.objects.held.get(`${bucket}/${key}`)!);
  }

  /** `start.revision` of each publication in the ledger. */
  published(name: string): string[] {
    return (this.ledger[name] ?? []).map(({ start, revision }) => `${String(start).slice(11, 16)}.${revision}`);
  }

  private announce(events: readonly BusEvent[]): void {
    this.objects.calls.push('send');
    this.events.push(...events);
  }

  private outcome({ statements }: Submission): Outcome | undefined {
    const [kind, name] = statements[0]!.split(' ') as [string, string];
    if (kind === 'count') return undefined;
    if (kind === 'lock') this.record(statements[1]!);
    return { rows: kind === 'state' ? [this.state(name)] : [] };
  }

  private state(name: string): Row {
    const newest = this.ledger[name]?.at(-1);
    return {
      sequence: newest?.sequence ?? null,
      last_end: newest ? String(newest.end) : null,
      born: newest ? `${day} 05:00:00` : null,
      complete_until: this.completeUntil,
      failure: this.failures[name] ?? null,
    };
  }

  private record(sql: string): void {
    const [, name, list] = /^record (\S+) '(.*)'$/s.exec(sql)!;
    const held = this.ledger[name!] ?? [];
    this.ledger[name!] = held;
    this.objects.calls.push('record');
    for (const entry of JSON.parse(list!) as LedgerEntry[])
      if (!held.some(({ sequence }) => sequence === entry.sequence)) held.push(entry);
  }

  private unload(sql: string): void {
    const key = /to 's3:\/\/exports\/(\S+)'/.exec(sql)?.[1];
    if (key === undefined) return;
    const entry = { url: `s3://${bucket}/${key}0.parquet`, meta: { content_length: 4, record_count: 1 } };
    this.objects.held.set(`${bucket}/${key}0.parquet`, 'PAR1');
    this.objects.held.set(`${bucket}/${key}manifest`, JSON.stringify({ entries: [entry] }));
  }

  private partRows(id: string): Row[] | undefined {
    const part = /:(\d+)$/.exec(id)?.[1];
    if (part === undefined) return undefined;
    return [[{ row_count: 1, fingerprint: 'f' }], [], [{ unloaded: 1 }]][Number(part) % 3];
  }
}
