import type { Cloud, ListedObject, QueueMessage } from '../../cli/cloud/ports';
import type { Context } from '../../cli/commands/context';
import { Progress } from '../../cli/progress';
import { styleFor } from '../../cli/terminal';
import { forgetKeys } from '../../lambda/shared/forget-keys';
import type { Row } from '../../lambda/shared/warehouse';
import { FakeWarehouse } from '../lambda/fakes';

const HISTORY = 'history-bucket';
const ARCHIVE = 'archive-bucket';
const WORK = 'work-bucket';

/** An environment whose buckets and queues are maps, and whose warehouse answers by what a statement contains. */
export class FakeCloud implements Cloud {
  readonly warehouse = new FakeWarehouse();
  readonly objects = new Map<string, ListedObject & { body?: Buffer; versionId?: string }>();
  readonly queued = new Map<string, QueueMessage[]>();
  readonly released: string[] = [];
  /** The first whose text the statement contains answers it; others have no rows. */
  answers: [contains: string, rows: Row[] | (() => Row[])][] = [];
  private messages = 0;

  readonly names: Cloud['names'] = {
    environment: 'dev',
    historyBucket: HISTORY,
    archiveBucket: ARCHIVE,
    exportsBucket: 'exports-bucket',
    workBucket: WORK,
    forgetSecretArn: () => 'forget-secret',
    fullExportRoleArn: 'arn:aws:iam::123456789012:role/full-export',
    stream: (pipeline) => `millrace-dev-${pipeline}`,
    queues: () => ({ history: 'history-queue', backlog: 'backlog-queue', deadLetters: 'dead-letters' }),
  };

  constructor() {
    this.warehouse.outcome = ({ statements }) => {
      const rows = this.answers.find(([contains]) => statements[0]!.includes(contains))?.[1] ?? [];
      return { rows: typeof rows === 'function' ? rows() : rows };
    };
    const rowsOf = this.warehouse.rows.bind(this.warehouse);
    this.warehouse.rows = async (id) => {
      const { submission } = this.warehouse.statements.find((statement) => statement.id === id)!;
      if (!/^\s*(select|with)\b/.test(submission.statements[0]!)) throw new Error('Query does not have result');
      return rowsOf(id);
    };
  }

  put(
    bucket: 'history' | 'archive' | 'work',
    key: string,
    facts: Partial<ListedObject> & { body?: Buffer } = {},
  ): void {
    const name = { history: HISTORY, archive: ARCHIVE, work: WORK }[bucket];
    const object = { key, etag: `etag of ${key}`, size: 1000, lastModified: 0, storageClass: 'STANDARD', ...facts };
    this.objects.set(`${name}/${key}`, object);
  }

  /** Statements that were run and contain the text. */
  asked(contains: string): string[] {
    return this.warehouse.statements
      .map(({ submission }) => submission.statements[0]!)
      .filter((sql) => sql.includes(contains));
  }

  bodies(queue: string): string[] {
    return (this.queued.get(queue) ?? []).map(({ body }) => body);
  }

  readonly buckets: Cloud['buckets'] = {
    pages: (bucket, prefix) => this.pages(`${bucket}/${prefix}`),
    put: async (bucket, key, body) => {
      this.put(bucket === ARCHIVE ? 'archive' : 'history', key, { body: Buffer.from(body), size: body.length });
      return this.objects.get(`${bucket}/${key}`)!;
    },
    putNew: async (bucket, key, text) => {
      if (this.objects.has(`${bucket}/${key}`)) return false;
      this.objects.set(`${bucket}/${key}`, {
        key,
        etag: `etag of ${key}`,
        size: text.length,
        lastModified: 0,
        storageClass: 'STANDARD',
        body: Buffer.from(text),
      });
      return true;
    },
    head: async (bucket, key) => this.objects.get(`${bucket}/${key}`),
    read: async (bucket, key) => {
      const { body } = this.objects.get(`${bucket}/${key}`)!;
      return (async function* () {
        yield body ?? Buffer.alloc(0);
      })();
    },
    versions: {
      pages: (bucket, prefix) => this.pages(`${bucket}/${prefix}`),
      read: (bucket, key) => this.buckets.read(bucket, key),
      facts: async () => ({ metadata: {} }),
      replace: async () => undefined,
      delete: async (bucket, key) => void this.objects.delete(`${bucket}/${key}`),
    },
  };

  private async *pages(prefix: string) {
    const found = [...this.objects].filter(([name]) => name.startsWith(prefix)).map(([, object]) => object);
    const current = { versionId: 'null', isLatest: true, isDeleteMarker: false };
    for (let at = 0; at < found.length; at += 2) yield found.slice(at, at + 2).map((o) => ({ ...current, ...o }));
  }

  readonly queues: Cloud['queues'] = {
    send: async (url, bodies) => {
      const queue = this.queued.get(url) ?? [];
      for (const body of bodies)
        queue.push({ id: `m${++this.messages}`, receipt: `r${this.messages}`, body, deliveries: 0, sentAt: 0 });
      this.queued.set(url, queue);
    },
    receive: async (url) =>
      (this.queued.get(url) ?? []).filter(({ receipt }) => !this.released.includes(receipt)).slice(0, 10),
    release: async (_url, receipt) => void this.released.push(receipt),
    delete: async (url, receipt) => {
      this.queued.set(
        url,
        (this.queued.get(url) ?? []).filter((message) => message.receipt !== receipt),
      );
    },
    counts: async (url) => ({ waiting: this.bodies(url).length, inFlight: 0, delayed: 0 }),
    look: async (url, most) => {
      const messages = (this.queued.get(url) ?? []).slice(0, most);
      return { messages, whole: messages.length === this.bodies(url).length };
    },
    lookCounts: false,
  };

  readonly streams: Cloud['streams'] = {
    identity: async (stream) => `arn of ${stream}`,
    shards: async () => [],
    records: () => (async function* () {})(),
    record: async () => undefined,
  };

  forgetKeys = async (pipeline: string) => forgetKeys('the secret of the marks in tests', pipeline);

  close(): void {}
}

/** A command's surroundings; every sleep takes its time from the deadline at once. */
export function fakeContext(
  cloud: Cloud,
  { json = false, timeoutMs = 60_000 } = {},
): Context & { text(): string; result(): unknown } {
  let text = '';
  let left = timeoutMs;
  const output = { write: (more: string) => (text += more) };
  const silent = { write: () => undefined };
  const style = styleFor(silent, {});
  return {
    cloud,
    stdout: output,
    progress: new Progress(silent, style, { now: () => 0 }),
    style,
    json,
    remainingMs: () => left,
    sleep: async (ms) => {
      left -= ms;
    },
    text: () => text,
    result: () => JSON.parse(text),
  };
}
