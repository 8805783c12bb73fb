import type { LoadPlan, LoadSource, ParkedMessage } from '../../../lambda/load/contract';
import type { LoadHost } from '../../../lambda/load/host';
import { loadFunction } from '../../../lambda/load/load';
import type { HistoryObject } from '../../../lambda/load/notification';
import type { Metrics } from '../../../lambda/shared/metrics';
import type { Row, Submission } from '../../../lambda/shared/warehouse';
import { FakeWarehouse, type Outcome, quiet } from '../fakes';
import { searchPlan } from '../raising-world';

const copy = 'copy {{manifest}} iam_role {{load_role}}';
const ledger = 'ledger {{run_id}} {{objects}}';
const inPlace = { statements: [copy, 'check {{files}} {{may_refuse}}', ledger], answer: 0 };
const exact = { statements: [copy, 'check {{refused}} {{records}}', ledger], answer: 0 };
const raisingOf = ({ statements }: { readonly statements: readonly string[] }) => ({
  search: { ...searchPlan, gather: ['gather {{manifest}} {{load_role}} {{raised}}'] },
  load: { statements: [...statements, 'without {{raised}}'], answer: 0 },
});
const logs: LoadSource = {
  name: 'logs',
  bucket: 'history',
  globs: ['segment-logs/*/*/*.gz', 'more/**'],
  overwritten: 'load-again',
  shape: { format: 'ndjson', compression: 'gzip' },
  inPlace,
  exact,
  scan: { statements: [copy], answer: 0, lines: 'errors {{query_id}}' },
  reload: { inPlace, exact },
  raising: { inPlace: raisingOf(inPlace), exact: raisingOf(exact) },
};
export const plan: LoadPlan = {
  pipeline: 'estore',
  sources: [
    logs,
    { ...logs, name: 'orders', globs: ['orders/*.csv'], overwritten: 'alarm' },
    { ...logs, name: 'archive', bucket: 'archive', globs: ['archive/estore/**'] },
  ],
  loaded: 'loaded {{objects}}',
  overwritten: 'overwritten {{objects}}',
  parked: 'parked {{objects}}',
  park: 'park {{reason}} {{objects}}',
  unpark: 'unpark {{objects}}',
  origins: {
    missing: 'rejects {{objects}}',
    objects: 'origins {{objects}}',
    place: ['place {{run_id}} {{places}}'],
  },
  runObjects: 'objects {{run_id}}',
};

export interface Version {
  readonly etag: string;
  readonly versionId: string;
  readonly size: number;
  /** Redshift's error for these bytes. @default - they can be read */
  readonly poison?: string;
}

export interface SentMessage {
  readonly messageId: string;
  readonly body: string;
  attempts: number;
  sentAt: number;
}

class Killed extends Error {}

/**
 * The load function on fakes: buckets with versions, a queue that delivers again what was not done, and a warehouse that loads a whole batch or, if an
 * object is in the ledger or was read with another etag, nothing.
 */
export class World {
  readonly warehouse = new FakeWarehouse();
  readonly versions = new Map<string, Version[]>();
  /** Copies in the work bucket by `<bucket>/<key>`. */
  readonly copies = new Map<string, Version>();
  readonly manifests = new Map<string, { entries: { url: string; mandatory: boolean }[] }>();
  readonly ledger: { bucket: string; key: string; etag: string }[] = [];
  readonly parked = new Map<string, string>();
  readonly deadLetters: ParkedMessage[] = [];
  readonly metrics: Parameters<Metrics>[1][] = [];
  queue: SentMessage[] = [];
  /** Replaces the outcome of a transaction. Undefined leaves it running. */
  instead: ((submission: Submission) => Outcome | undefined) | undefined;
  remainingMs = 60_000;
  /** Kills the function before or after this call of a port, counted from 1. */
  killAt: { call: number; moment: 'before' | 'after' } | undefined;
  calls = 0;
  /** Whether the system views show a transaction what its COPY read. */
  showsOwnCopy = true;
  private dead = false;
  private readonly handle: ReturnType<typeof loadFunction>;

  constructor(sources = plan.sources) {
    this.warehouse.outcome = (submission) => this.outcome(submission);
    const host: LoadHost = {
      environment: 'dev',
      buckets: { history: 'history', archive: 'archive', work: 'work' },
      workBucket: 'work',
      loadRoleArn: 'arn:role',
      deadLettersUrl: 'https://dead-letters',
      keyArn: 'arn:key',
      plan: { ...plan, sources },
      warehouse: this.killable(this.warehouse, ['submit', 'describe', 'list', 'active', 'rows']),
      objects: this.killable(
        {
          put: async (bucket, key, body) => {
            if (key.endsWith('.manifest')) this.manifests.set(`s3://${bucket}/${key}`, JSON.parse(String(body)));
          },
          find: async (bucket, key, etag) =>
            (this.versions.get(`${bucket}/${key}`) ?? []).findLast((version) => version.etag === etag)?.versionId,
          copy: async (from, to) => {
            const version = (this.versions.get(`${from.bucket}/${from.key}`) ?? []).find(
              ({ versionId }) => versionId === from.versionId,
            );
            if (version) this.copies.set(`${to.bucket}/${to.key}`, version);
            return version !== undefined;
          },
          metadata: async () => undefined,
          bytes: async () => undefined,
        } satisfies LoadHost['objects'],
        ['put', 'find', 'copy', 'metadata', 'bytes'],
      ),
      queues: this.killable(
        {
          send: async (url: string, bodies: readonly string[]) => {
            if (url !== host.deadLettersUrl) throw new Error(`sent to ${url}`);
            this.deadLetters.push(...bodies.map((body) => JSON.parse(body)));
          },
        },
        ['send'],
      ),
      log: quiet,
      metrics: (_, values) => this.metrics.push(values),
      now: () => 0,
      sleep: async () => undefined,
    };
    this.handle = loadFunction(host);
  }

  /** Writes a new version of an object. Returns what its notification says. */
  write(
    key: string,
    { etag = `etag of ${key}`, size = 10, poison, bucket = 'history' }: Partial<Version> & { bucket?: string } = {},
  ) {
    const versions = this.versions.get(`${bucket}/${key}`) ?? [];
    const version = { etag, versionId: `v${versions.length + 1}`, size, poison };
    this.versions.set(`${bucket}/${key}`, [...versions, version]);
    return { bucket, key, etag, versionId: version.versionId, size };
  }

  /** Delivers messages until none comes back, at most `deliveries` times. */
  async deliver(messages: readonly SentMessage[], deliveries = 1): Promise<string[]> {
    this.queue = [...messages];
    for (let i = 0; i < deliveries && this.queue.length > 0; i += 1) {
      this.dead = false;
      const failed = await this.handle(eventOf(this.queue), () => this.remainingMs).then(
        ({ batchItemFailures }) => new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)),
        (error) => {
          throw error;
        },
      );
      // A killed function gives no answer, so the whole batch comes back.
      this.queue = this.queue.filter(({ messageId }) => this.dead || failed.has(messageId));
      for (const message of this.queue) message.attempts += 1;
    }
    return this.queue.map(({ messageId }) => messageId);
  }

  transactions() {
    return this.warehouse.statements.filter(({ name }) => /\/(load|exact)\/\d+$/.test(name));
  }

  loadedKeys() {
    return this.ledger.map(({ key }) => key).sort();
  }

  private outcome(submission: Submission): Outcome | undefined {
    const step = submission.name.split('/').at(-2)!;
    const last = submission.statements.at(-1)!;
    const objects: HistoryObject[] = JSON.parse(/\[\{.*\}\]/.exec(last)?.[0] ?? '[]');
    const inLedger = ({ key, etag }: HistoryObject) => this.ledger.some((row) => row.key === key && row.etag === etag);
    if (step === 'loaded')
      return { rows: objects.filter(inLedger).map(({ key, etag }) => ({ object_key: key, etag })) };
    if (step === 'rejects') return { rows: [] };
    if (step === 'overwritten') {
      const known = objects.filter((object) => !inLedger(object) && this.ledger.some(({ key }) => key === object.key));
      return { rows: known.map(({ key }) => ({ object_key: key })) };
    }
    if (step === 'parked') {
      const aside = objects.filter(({ bucket, key, etag }) => this.parked.has(`${bucket}/${key} ${etag}`));
      return { rows: aside.map(({ key }) => ({ object_key: key })) };
    }
    for (const { bucket, key, etag } of step === 'park' || step === 'unpark' ? objects : []) {
      if (step === 'park') this.parked.set(`${bucket}/${key} ${etag}`, /^park '([^']*)'/.exec(last)![1]!);
      else this.parked.delete(`${bucket}/${key} ${etag}`);
    }
    if (step === 'park' || step === 'unpark') return {};
    if (this.instead) return this.instead(submission);
    if (step.startsWith('raising-')) return { status: 'FAILED', error: 'ERROR: no such relation' };
    return this.transact(submission);
  }

  /** The outcome of a load transaction. */
  transact({ statements: [copy, check, insert] }: Submission): Outcome {
    const files: { url: string; etag: string }[] = JSON.parse(/\[.*\]/.exec(check!)?.[0] ?? '[]');
    const objects: HistoryObject[] = JSON.parse(/\[\{.*\}\]/.exec(insert!)![0]);
    const manifest = this.manifests.get(/'(s3:[^']*)'/.exec(copy!)![1]!)!;
    const read = manifest.entries.map(({ url }) => {
      const path = url.slice('s3://'.length);
      return { url, version: this.copies.get(path) ?? this.versions.get(path)?.at(-1) };
    });
    const missing = read.find(({ version }) => version === undefined || version.etag === 'deleted');
    if (missing) return { status: 'FAILED', error: `ERROR: S3ServiceException: NoSuchKey ${missing.url}` };
    const poison = read.find(({ version }) => version!.poison)?.version?.poison;
    if (poison) return { status: 'FAILED', error: poison };
    const stale = files.filter(({ url, etag }) => read.find((entry) => entry.url === url)?.version?.etag !== etag);
    const known = objects.filter(({ key, etag }) => this.ledger.some((row) => row.key === key && row.etag === etag));
    const unseen = this.showsOwnCopy ? 0 : files.length;
    const changed = this.showsOwnCopy ? stale.length : 0;
    const accepted = unseen + changed + known.length === 0;
    if (accepted) this.ledger.push(...objects.map(({ bucket, key, etag }) => ({ bucket, key, etag })));
    const row = {
      accepted: Number(accepted),
      known: known.length,
      unseen,
      changed,
      staged: 1,
      refused: 0,
      expected: 1,
    };
    return this.answering(row);
  }

  /** A transaction that finished with this row as its answer. */
  answering(row: Row): Outcome {
    return { rows: [row], parts: [{ id: `id-${this.warehouse.statements.length}`, status: 'FINISHED' }] };
  }

  /** The port, with calls at which the function may be killed. */
  private killable<Port extends object>(port: Port, methods: readonly (keyof Port & string)[]): Port {
    const call =
      (method: keyof Port & string) =>
      async (...args: unknown[]) => {
        if (this.dead) throw new Killed();
        this.calls += 1;
        const last = this.calls === this.killAt?.call ? this.killAt.moment : undefined;
        if (last === 'before') {
          this.dead = true;
          throw new Killed();
        }
        const answer = await (port[method] as (...args: unknown[]) => Promise<unknown>).apply(port, args);
        if (last === 'after') {
          this.dead = true;
          throw new Killed();
        }
        return answer;
      };
    return Object.fromEntries(methods.map((method) => [method, call(method)])) as Port;
  }
}

/** The event that SQS gives the function. */
const eventOf = (messages: readonly SentMessage[]) => ({
  Records: messages.map(({ messageId, body, attempts, sentAt }) => ({
    messageId,
    body,
    attributes: { ApproximateReceiveCount: String(attempts), SentTimestamp: String(sentAt) },
  })),
});

let messages = 0;

/** A notification as S3 sends it. */
export function message(...objects: Partial<HistoryObject & { eventName: string; eventTime: string }>[]): SentMessage {
  messages += 1;
  return {
    messageId: `m${messages}`,
    attempts: 1,
    sentAt: Date.parse('2026-11-21T05:00:00Z'),
    body: JSON.stringify({
      Records: objects.map(
        ({ bucket = 'history', key, etag, versionId, size = 10, eventName = 'ObjectCreated:Put', eventTime }) => ({
          eventName,
          eventTime: eventTime ?? '2026-11-21T05:00:00.000Z',
          s3: { bucket: { name: bucket }, object: { key, eTag: etag, versionId: versionId || undefined, size } },
        }),
      ),
    }),
  };
}

export const fileKey = (name: string) => `segment-logs/w/20261120/${name}.gz`;
