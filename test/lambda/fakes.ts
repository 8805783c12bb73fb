import type { Metrics } from '../../lambda/shared/metrics';
import type { ConditionalObjects, ObjectStore } from '../../lambda/shared/objects';
import {
  isTerminal,
  type Row,
  type StatementState,
  type StatementStatus,
  type StatementSummary,
  type Submission,
  type Submitted,
  UnknownStatementError,
  type Warehouse,
} from '../../lambda/shared/warehouse';

interface Statement extends StatementSummary {
  submission: Submission;
  status: StatementStatus;
  updatedAt: number;
  error?: string;
  parts: StatementState['parts'];
  warehouse?: StatementState['warehouse'];
  rows: Row[];
}

export interface Outcome {
  status?: StatementStatus;
  error?: string;
  rows?: Row[];
  parts?: StatementState['parts'];
  warehouse?: StatementState['warehouse'];
}

/** A warehouse whose statements end as the test says. Tokens find earlier statements; every submission takes a second. */
export class FakeWarehouse implements Warehouse {
  readonly statements: Statement[] = [];
  /** The pauses before retries, in milliseconds. */
  readonly pauses: number[] = [];
  /** The outcome of a new statement. Undefined leaves it STARTED until `end`. */
  outcome: (submission: Submission) => Outcome | undefined = () => undefined;
  /** Rows of the statements of a batch, by their ids. */
  partRows: (id: string) => Row[] | undefined = () => undefined;
  /** Ids of statements that another role submitted. */
  readonly foreign = new Set<string>();
  /** Whether the function is killed at this call. */
  crashOn: (call: string, about: string) => boolean = () => false;
  /** The clock's advance at each submission and end. Zero stops the clock. */
  stepMs = 1000;
  now = Date.parse('2026-11-21T05:00:01Z');
  /** The prefixes of listings. Those of active statements have `active` at their end. */
  readonly listed: string[] = [];

  get names(): string[] {
    return this.statements.map(({ name }) => name);
  }

  of(name: string): Statement {
    const statement = this.statements.find((candidate) => candidate.name === name);
    if (!statement) throw new Error(`no statement ${name} among ${this.names.join(', ')}`);
    return statement;
  }

  end(name: string, outcome: Outcome = {}): Statement {
    const statement = this.of(name);
    this.now += this.stepMs;
    Object.assign(statement, { status: 'FINISHED', updatedAt: this.now, ...outcome });
    return statement;
  }

  async submit(submission: Submission): Promise<Submitted> {
    this.crash('submit', submission.name);
    const before = submission.token && this.statements.find((known) => known.submission.token === submission.token);
    if (before) return { id: before.id };
    this.now += this.stepMs;
    const id = `id-${this.statements.length + 1}`;
    const { name } = submission;
    const times = { createdAt: this.now, updatedAt: this.now };
    this.statements.push({ id, name, submission, status: 'STARTED', ...times, parts: [], rows: [] });
    const outcome = this.outcome(submission);
    if (outcome) Object.assign(this.statements.at(-1)!, { status: 'FINISHED', ...outcome });
    this.crash('submitted', name);
    return { id };
  }

  async describe(id: string): Promise<StatementState> {
    if (this.foreign.has(id)) throw new UnknownStatementError(id);
    const { status, createdAt, updatedAt, error, parts, warehouse } = this.byId(id);
    return { id, status, createdAt, updatedAt, error, parts, warehouse };
  }

  async list(namePrefix: string): Promise<StatementSummary[]> {
    this.listed.push(namePrefix);
    return this.named(namePrefix);
  }

  async active(namePrefix: string): Promise<StatementSummary[]> {
    this.listed.push(`${namePrefix}active`);
    return this.named(namePrefix).filter(({ status }) => !isTerminal(status));
  }

  async cancel(id: string): Promise<void> {
    const statement = this.byId(id);
    if (isTerminal(statement.status)) return;
    this.now += this.stepMs;
    Object.assign(statement, { status: 'ABORTED', updatedAt: this.now, error: 'Query was cancelled' });
  }

  async rows(id: string): Promise<Row[]> {
    return this.partRows(id) ?? this.byId(id).rows;
  }

  async pause(ms: number): Promise<void> {
    this.pauses.push(ms);
  }

  private named(prefix: string): Statement[] {
    return this.statements.filter(({ name }) => name.startsWith(prefix)).reverse();
  }

  private byId(id: string): Statement {
    return this.statements.find((statement) => statement.id === id)!;
  }

  private crash(call: string, about: string): void {
    if (this.crashOn(call, about)) throw new Error(`killed at ${call} ${about}`);
  }
}

/** Objects of all buckets by `<bucket>/<key>`. `calls` has the puts and deletes in order. */
export class FakeObjects implements ObjectStore {
  readonly held = new Map<string, string>();
  readonly calls: string[] = [];
  crashOn: (call: string, key: string) => boolean = () => false;

  async put(bucket: string, key: string, body: string): Promise<void> {
    this.call('put', key);
    this.held.set(`${bucket}/${key}`, body);
  }

  async get(bucket: string, key: string): Promise<string | undefined> {
    return this.held.get(`${bucket}/${key}`);
  }

  async list(bucket: string, prefix: string): Promise<string[]> {
    const keys = [...this.held.keys()].filter((key) => key.startsWith(`${bucket}/${prefix}`));
    return keys.map((key) => key.slice(bucket.length + 1)).sort();
  }

  async delete(bucket: string, key: string): Promise<void> {
    this.call('delete', key);
    this.held.delete(`${bucket}/${key}`);
  }

  private call(call: string, key: string): void {
    if (this.crashOn(call, key)) throw new Error(`killed at ${call} ${key}`);
    this.calls.push(`${call} ${key}`);
  }
}

/** Objects that are written on condition, by `<bucket>/<key>`. Each write has an etag of its own. */
export class FakeConditionalObjects implements ConditionalObjects {
  readonly held = new Map<string, { text: string; etag: string }>();
  crashOn: (call: string, key: string) => boolean = () => false;
  /** Another writer changes the object before the next conditional write, once. */
  overtake: ((text: string) => string) | undefined;
  private writes = 0;

  write(bucket: string, key: string, text: string): void {
    this.writes += 1;
    this.held.set(`${bucket}/${key}`, { text, etag: `etag-${this.writes}` });
  }

  async getWithEtag(bucket: string, key: string) {
    return this.held.get(`${bucket}/${key}`);
  }

  async putIf(bucket: string, key: string, body: string, etag: string | undefined): Promise<boolean> {
    if (this.crashOn('put', key)) throw new Error(`killed at put ${key}`);
    const { overtake } = this;
    this.overtake = undefined;
    if (overtake) this.write(bucket, key, overtake(this.held.get(`${bucket}/${key}`)?.text ?? '{}'));
    if (this.held.get(`${bucket}/${key}`)?.etag !== etag) return false;
    this.write(bucket, key, body);
    return true;
  }
}

export function recordMetrics() {
  const recorded: { at: number; values: Parameters<Metrics>[1]; dimensions?: Parameters<Metrics>[3] }[] = [];
  const metrics: Metrics = (at, values, _, dimensions) =>
    recorded.push(dimensions ? { at, values, dimensions } : { at, values });
  return { metrics, recorded };
}

export const quiet = () => undefined;
