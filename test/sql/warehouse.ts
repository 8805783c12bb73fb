import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Clock, KinesisPort, Principal, StreamSlice } from 'aws-local-kit';
import type { Interleaving } from 'redshift-local';
import { Engine, type ResultSet, translate } from 'redshift-local/front-end';
import { FakeS3, roleArn, rolePrincipal, stoppedClock, temporaryFolder } from 'redshift-local/testing';
import { archiveLine, type FirehoseRecord } from '../../lambda/archive/archive';
import { asksForKeys, type ForgetKeys, forgetKeys, keyId, markOf, parametersOf } from '../../lambda/shared/forget-keys';
import type { SearchPlan, Step } from '../../lambda/shared/plan';
import { type Finding, findRaising } from '../../lambda/shared/raising';
import { asked, render, renderAll } from '../../lambda/shared/statement';
import type { Submission } from '../../lambda/shared/warehouse';
import type { ScanFault } from '../../local/faults';
import type { Pipeline } from '../../pipelines/definition';
import {
  loadPlan,
  ownerObject,
  ownerUser,
  pipelineTables,
  reconcilePlan,
  refreshPlan,
  registryObject,
  type WarehouseObject,
  warehouseObjects,
} from '../../sql';
import { identityTableNames, pascalCase } from '../../sql/tables/names';
import { once } from '../support/once';

/** A stream of one shard: a segment file for each call of `put`. */
class TestStream implements KinesisPort {
  private readonly files: string[] = [];
  private readonly records: FirehoseRecord[] = [];
  private sequence = 0;

  constructor(
    private readonly folder: string,
    private readonly clock: Clock,
  ) {
    mkdirSync(folder, { recursive: true });
  }

  put(records: readonly string[]): void {
    const lines = records.map((data) => {
      this.sequence += 1;
      this.records.push({
        recordId: '',
        subsequenceNumber: 0,
        data: Buffer.from(data).toString('base64'),
        shardId: shard,
        sequenceNumber: this.number(),
        partitionKey: 'key',
        arrivedAt: this.clock.now(),
      });
      return JSON.stringify({
        shard_id: shard,
        sequence_number: this.number(),
        partition_key: 'key',
        arrival_ms: this.clock.now(),
        data: Buffer.from(data).toString('base64'),
      });
    });
    this.files.push(join(this.folder, `${this.files.length}.ndjson`));
    writeFileSync(this.files.at(-1)!, `${lines.join('\n')}\n`);
  }

  async readSlice(_: Principal, __: string, after: Readonly<Record<string, string>>): Promise<StreamSlice> {
    const isNew = this.sequence > 0 && this.number() > (after[shard] ?? '');
    return { files: this.files, latest: isNew ? { [shard]: this.number() } : {} };
  }

  /** The nth record, from 1, as Firehose hands it over. */
  recordAt(n: number): FirehoseRecord {
    return this.records[n - 1]!;
  }

  acceptedRecords(): number {
    return this.sequence;
  }

  private number(): string {
    return `4${String(this.sequence).padStart(55, '0')}`;
  }
}

const shard = 'shardId-000000000000';

type Bucket = 'history' | 'archive' | 'work';

/** An object as the load function speaks of it. */
export interface TestObject {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly versionId: string;
  readonly size: number;
}

interface LoadOptions {
  readonly source?: string;
  /** @default - the objects themselves */
  readonly files?: readonly { url: string; etag: string }[];
}

const filesOf = (batch: readonly TestObject[]) =>
  batch.map(({ bucket, key, etag }) => ({ url: `s3://${bucket}/${key}`, etag }));
const streamName = 'millrace-test';
const databaseName = 'warehouse.duckdb';

/** A run of the refresh function. */
export interface TestRun {
  /** The warehouse's time at its beginning. */
  readonly started: string;
  readonly steps: readonly Step[];
  /** Executes the step with this name. @param failures JSON text: the views that the run could not refresh */
  step(name: string, failures?: string): Promise<void>;
  /** Why the run is not idle, after its first step. Empty for an idle run. */
  work(): Promise<unknown[]>;
}

/** The rows of a result by column, null where a cell is empty. */
const rowsOf = ({ columns, records }: ResultSet) =>
  records.map((record) =>
    Object.fromEntries(
      record.map((field, i) => [columns[i]!.name, 'isNull' in field ? null : (Object.values(field)[0] as string)]),
    ),
  );

/** A pipeline's objects in a local warehouse, and the statements that its functions would submit. */
export class TestWarehouse {
  /** JSON texts of values that fail every statement that types them. */
  raising: readonly string[] = [];
  private readonly results = new Map<string, ResultSet>();
  private runs = 0;
  private objects = 0;

  private constructor(
    /** What goes wrong with the next refreshes of the landing view that find records, and how late system views are. */
    readonly scans: { faults: ScanFault[]; lateMs: number },
    /** Decides in which order transactions go on that are open at the same time. */
    readonly order: { by?: Interleaving },
    /** A later edition may take its place. */
    public pipeline: Pipeline,
    private readonly engine: Engine,
    private readonly stream: TestStream,
    private readonly s3: FakeS3,
    private readonly clock: ReturnType<typeof stoppedClock>,
    private readonly folder: ReturnType<typeof temporaryFolder>,
  ) {}

  /** Creates a warehouse. Suites share one file for each pipeline, and each warehouse begins with a copy of it. */
  static async create(pipeline: Pipeline): Promise<TestWarehouse> {
    const key = createHash('sha256').update(JSON.stringify(pipeline)).digest('hex').slice(0, 16);
    const image = await once(`sql-${pipeline.name}-${key}`, async (made) => {
      const warehouse = await TestWarehouse.open(pipeline);
      await warehouse.installAll();
      warehouse.engine.close();
      mkdirSync(made);
      copyFileSync(join(warehouse.folder.path, databaseName), join(made, databaseName));
      warehouse.folder.remove();
    });
    return TestWarehouse.open(pipeline, join(image, databaseName));
  }

  private static async open(
    pipeline: Pipeline,
    image?: string,
    from?: { readonly stream: TestStream; readonly s3: FakeS3; readonly at: number },
  ): Promise<TestWarehouse> {
    const folder = temporaryFolder();
    if (image) copyFileSync(image, join(folder.path, databaseName));
    const clock = stoppedClock();
    if (from) clock.advanceTo(from.at);
    const s3 = from?.s3 ?? new FakeS3(join(folder.path, 's3'));
    const scans = { faults: [] as ScanFault[], lateMs: 0 };
    const kinesis = from?.stream ?? new TestStream(join(folder.path, 'kinesis'), clock);
    const order: TestWarehouse['order'] = {};
    let warehouse: TestWarehouse | undefined;
    const engine = await Engine.open(
      {
        file: join(folder.path, databaseName),
        database: 'millrace',
        threads: 1,
        smallData: true,
        clock,
        s3,
        kinesis,
        translate,
        assume: (arn) => rolePrincipal(arn.split('/').at(-1)!),
        caseSensitiveIdentifiers: true,
        scanFault: () => scans.faults.shift(),
        systemViews: () => ({ openTransaction: scans.lateMs === 0, afterEndMs: scans.lateMs }),
        raising: () => warehouse?.raising ?? [],
        interleaving: () => order.by,
      },
      { name: 'millrace_admin', password: () => 'Password1' },
    );
    warehouse = new TestWarehouse(scans, order, pipeline, engine, kinesis, s3, clock, folder);
    return warehouse;
  }

  /**
   * Closes the warehouse, and returns what makes warehouses that go on from its state. They share its stream and its
   * buckets.
   */
  freeze(): () => Promise<TestWarehouse> {
    this.engine.close();
    const { stream, s3, clock, runs, objects } = this;
    return async () => {
      const at = clock.now();
      const copy = await TestWarehouse.open(this.pipeline, join(this.folder.path, databaseName), { stream, s3, at });
      copy.runs = runs;
      copy.objects = objects;
      return copy;
    };
  }

  private async installAll(): Promise<void> {
    await this.install(ownerObject('millrace'), 'millrace_admin');
    await this.install(registryObject(), ownerUser);
    const tokens = { streamName, streamRoleArn: roleArn('stream'), database: 'millrace' };
    for (const object of warehouseObjects(this.pipeline, tokens)) await this.install(object, ownerUser);
  }

  private async install({ properties }: WarehouseObject, user: string): Promise<void> {
    await this.steps(JSON.parse(properties.create) as Step[], { owner_password: 'Password2' }, user);
  }

  /** Creates the tables of another identity. */
  async installTables(pipeline: Pipeline): Promise<void> {
    const tokens = { streamName, streamRoleArn: roleArn('stream'), database: 'millrace' };
    const ids: readonly string[] = identityTableNames.map(pascalCase);
    for (const object of warehouseObjects(pipeline, tokens))
      if (ids.includes(object.id)) await this.install(object, ownerUser);
  }

  /** Sets the isolation level of the transactions that begin from now on. */
  async isolate(level: 'snapshot' | 'serializable'): Promise<void> {
    const statements = [`alter database millrace isolation level ${level}`];
    await this.steps([{ name: 'isolation', mode: 'single', statements }], {}, 'millrace_admin');
  }

  /** Where the nth record is on the stream, from 1. */
  positionOf(n: number): Pick<FirehoseRecord, 'shardId' | 'sequenceNumber'> {
    return this.stream.recordAt(n);
  }

  /** Records on the stream: texts as they are, anything else as JSON. */
  send(...records: (unknown | string)[]): void {
    this.stream.put(records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))));
  }

  /** One run of the refresh function. */
  async refresh(): Promise<void> {
    const run = await this.beginRun();
    for (const { name } of run.steps) await run.step(name);
  }

  /** Begins a run of the refresh function, whose steps the caller executes. @param change weakens a step */
  async beginRun(change: (step: Step) => Step = (step) => step): Promise<TestRun> {
    this.pass();
    this.runs += 1;
    const { steps, idle } = refreshPlan(this.pipeline);
    const [[started]] = (await this.query(idle!.started)) as [[string]];
    const values = { run_id: `run-${this.runs}`, started };
    return {
      started,
      steps,
      step: (name, failures = '[]') =>
        this.steps([...steps, idle!.step].filter((step) => step.name === name).map(change), { ...values, failures }),
      work: async () => (await Promise.all(idle!.work.map((query) => this.query(query)))).flat(2),
    };
  }

  /** The first step of a run only, as when the function died after it. */
  async land(): Promise<void> {
    this.pass();
    await this.steps(refreshPlan(this.pipeline).steps.slice(0, 1), {});
  }

  /** The search of a function for the records that make a step fail; no value is typed by `gather`. */
  async search(plan: SearchPlan, values: Record<string, string> = {}): Promise<Finding> {
    return findRaising(
      {
        run: async (step, statements) => {
          const parts: { id: string; status: string; error?: string }[] = [];
          const { status, error } = await this.engine.run({
            sqls: statements,
            mode: 'auto-commit',
            user: ownerUser,
            signal: new AbortController().signal,
            onEnd: (index, outcome) => {
              const id = `${step}:${index + 1}`;
              parts[index] = { id, status: outcome.status, ...('error' in outcome ? { error: outcome.error } : {}) };
              if (outcome.status === 'FINISHED' && outcome.result) this.results.set(id, outcome.result);
            },
          });
          return { id: step, status, error, parts, createdAt: 0, updatedAt: 0 };
        },
        rows: async (id) => {
          const { columns, records } = this.results.get(id)!;
          return records.map((record) =>
            Object.fromEntries(record.map((field, i) => [columns[i]!.name, Object.values(field)[0] as string])),
          );
        },
      },
      plan,
      values,
      'raising',
    );
  }

  /** Runs statements under a name, by which `order` knows them. A failure is returned. @param signal ends them */
  async attempt(
    name: string,
    { mode, statements }: Step,
    values: Record<string, string>,
    signal = new AbortController().signal,
  ): Promise<{ readonly status: string; readonly error?: string }> {
    const sqls = renderAll(statements, asked(statements, values));
    const { status, error } = await this.engine.run({
      name,
      sqls,
      parameters: this.keysFor(sqls),
      mode: mode === 'transaction' ? 'transaction' : 'auto-commit',
      user: ownerUser,
      signal,
    });
    return { status, error };
  }

  /** Runs statements as the Data API does. A failure is returned. */
  async run({ statements: sqls, parameters, mode }: Pick<Submission, 'statements' | 'parameters' | 'mode'>) {
    const results: (ResultSet | undefined)[] = [];
    const { status, error } = await this.engine.run({
      sqls,
      parameters,
      mode: mode === 'transaction' ? 'transaction' : 'auto-commit',
      user: ownerUser,
      signal: new AbortController().signal,
      onEnd: (index, outcome) => {
        results[index] = outcome.status === 'FINISHED' ? outcome.result : undefined;
      },
    });
    return { status, error, results: results.map((result) => (result ? rowsOf(result) : [])) };
  }

  /** The step of a run that shortens the landing view. */
  async trim(): Promise<void> {
    await this.steps(
      refreshPlan(this.pipeline).steps.filter(({ name }) => name === 'trim'),
      {},
    );
  }

  /** Takes an object out of the ledger. */
  async forget(key: string): Promise<void> {
    await this.execute([`delete from ${pipelineTables(this.pipeline).ledger} where object_key = '${key}'`]);
  }

  /** Writes an object of these lines. */
  async put(key: string, lines: readonly string[], bucket: Bucket = 'history'): Promise<TestObject> {
    const { size, etag } = await this.s3.put(rolePrincipal('test'), bucket, key, gzipSync(`${lines.join('\n')}\n`));
    return { bucket, key, etag: etag.replaceAll('"', ''), versionId: '', size };
  }

  /** One run of the load function over new objects of these lines. */
  async load(...objects: string[][]): Promise<TestObject[]> {
    const batch: TestObject[] = [];
    for (const lines of objects) {
      this.objects += 1;
      batch.push(await this.put(`shop/${this.objects}.gz`, lines));
    }
    await this.loadBatch(batch);
    return batch;
  }

  /** The same for an object of the archive. */
  async loadArchive(...lines: string[]): Promise<TestObject> {
    this.objects += 1;
    const object = await this.put(`archive/shop/2026/11/21/10/${this.objects}.gz`, lines, 'archive');
    await this.loadBatch([object], { source: 'archive' });
    return object;
  }

  /** The line that the archive has for the nth record of the stream. */
  archived(n: number): string {
    return archiveLine(this.stream.recordAt(n));
  }

  async loadBatch(
    batch: readonly TestObject[],
    { source = 'logs', files = filesOf(batch) }: LoadOptions = {},
  ): Promise<void> {
    this.pass();
    const { statements } = loadPlan(this.pipeline).sources.find(({ name }) => name === source)!.inPlace;
    await this.steps([{ name: 'load', mode: 'transaction', statements }], await this.loadValues(batch, files));
  }

  /** What fills the placeholders of a load, which is a run of its own. */
  async loadValues(batch: readonly TestObject[], files: LoadOptions['files'] = filesOf(batch)) {
    this.runs += 1;
    const key = `manifests/${this.runs}.manifest`;
    const entries = files.map(({ url }) => ({ url, mandatory: true }));
    await this.s3.put(rolePrincipal('test'), 'work', key, Buffer.from(JSON.stringify({ entries })));
    return {
      run_id: `run-${this.runs}`,
      manifest: `s3://work/${key}`,
      load_role: roleArn('load'),
      objects: JSON.stringify(batch),
      files: JSON.stringify(files),
      may_refuse: '1',
    };
  }

  /** Runs a statement of the load plan. */
  async ask(statement: 'loaded' | 'overwritten', batch: readonly TestObject[]): Promise<unknown[][]> {
    return this.query(render(loadPlan(this.pipeline)[statement], { objects: JSON.stringify(batch) }));
  }

  /** Statements in one transaction. */
  async execute(statements: readonly string[], values: Record<string, string> = {}): Promise<void> {
    this.pass();
    await this.steps([{ name: 'test', mode: 'transaction', statements }], values);
  }

  /** Statements in one transaction. Returns the first row of one of them, null where a cell is empty. */
  async answerOf(
    statements: readonly string[],
    answer: number,
    values: Record<string, string> = {},
  ): Promise<Record<string, unknown>> {
    this.pass();
    const sqls = renderAll(statements, asked(statements, values));
    let row: Record<string, unknown> = {};
    const { status, error } = await this.engine.run({
      sqls,
      parameters: this.keysFor(sqls),
      mode: 'transaction',
      user: ownerUser,
      signal: new AbortController().signal,
      onEnd: (index, outcome) => {
        if (index !== answer || outcome.status !== 'FINISHED' || !outcome.result) return;
        const { columns, records } = outcome.result;
        row = Object.fromEntries(columns.map(({ name }, i) => [name, Object.values(records[0]![i]!)[0]]));
      },
    });
    if (status !== 'FINISHED') throw new Error(`${status}: ${error}`);
    return row;
  }

  /** The listing of the history bucket becomes these objects, as the reconcile function writes it. */
  async list(
    rows: readonly { object_key: string; etag: string; size: number; last_modified: string }[],
  ): Promise<void> {
    await this.execute(reconcilePlan(this.pipeline).list, await this.listValues(rows));
  }

  /** What fills the placeholders of a listing. */
  async listValues(rows: readonly Readonly<Record<string, string | number>>[]) {
    const body = gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await this.s3.put(rolePrincipal('test'), 'work', 'listing.gz', body);
    const entries = [{ url: 's3://work/listing.gz', mandatory: true }];
    await this.s3.put(rolePrincipal('test'), 'work', 'listing.manifest', Buffer.from(JSON.stringify({ entries })));
    return { manifest: 's3://work/listing.manifest', load_role: roleArn('load') };
  }

  async missing(before: string): Promise<unknown[][]> {
    return this.query(render(reconcilePlan(this.pipeline).missing, { before, since: '1970-01-01 00:00:00' }));
  }

  /** Drops the landing view and makes it again, so that the stream is read from its beginning. */
  async rebuildLanding({ lastMerge }: { lastMerge: boolean }): Promise<void> {
    const objects = warehouseObjects(this.pipeline, {
      streamName,
      streamRoleArn: roleArn('stream'),
      database: 'millrace',
    });
    const { properties } = objects.find(({ id }) => id === 'Landing')!;
    const steps = JSON.parse(properties.delete) as Step[];
    await this.steps(lastMerge ? steps : steps.slice(1), { run_id: 'deploy' });
    // A new version has no checkpoint; of this one it goes with the last merge.
    if (!lastMerge) await this.execute([`delete from ${this.pipeline.name}.checkpoints`]);
    await this.install({ properties } as WarehouseObject, ownerUser);
  }

  async query(sql: string): Promise<unknown[][]> {
    const { records } = await this.engine.query(sql);
    return records.map((record) =>
      record.map((field) => ('stringValue' in field ? field.stringValue : Object.values(field)[0])),
    );
  }

  /** Rows with the types of their columns, null where a cell is empty. */
  async result(sql: string) {
    const { columns, records } = await this.engine.query(sql);
    const cell = (field: object) => ('isNull' in field ? null : Object.values(field)[0]);
    return { columns, records: records.map((record) => record.map(cell)) };
  }

  /** Rows of a statement with parameters, null where a cell is empty. Throws the warehouse's error. */
  async answer(sql: string, parameters: Readonly<Record<string, string>>): Promise<unknown[][]> {
    const results: ResultSet[] = [];
    const { status, error } = await this.engine.run({
      sqls: [sql],
      parameters: Object.keys(parameters).length === 0 ? undefined : parameters,
      mode: 'auto-commit',
      user: ownerUser,
      signal: new AbortController().signal,
      onEnd: (_, outcome) => {
        if (outcome.status === 'FINISHED' && outcome.result) results.push(outcome.result);
      },
    });
    if (status !== 'FINISHED') throw new Error(error ?? status);
    const cell = (field: object) => ('isNull' in field ? null : Object.values(field)[0]);
    return results[0]!.records.map((record) => record.map(cell));
  }

  /** Rows per table. */
  async counts(): Promise<{ events: number; duplicates: number; rejects: number; staged: number }> {
    const { name } = this.pipeline;
    const [row] = await this.query(
      `select (select count(*) from ${name}.events), (select count(*) from ${name}.duplicates), (select count(*) from ${name}.rejects), (select count(*) from ${name}.staged)`,
    );
    const [events, duplicates, rejects, staged] = row!.map(Number) as [number, number, number, number];
    return { events, duplicates, rejects, staged };
  }

  /** Lets time go by. */
  pass(minutes = 1): void {
    this.clock.advanceTo(this.clock.now() + minutes * 60_000);
  }

  private async steps(steps: readonly Step[], values: Record<string, string>, user: string = ownerUser): Promise<void> {
    for (const { mode, statements } of steps) {
      const sqls = statements.map((statement) => {
        const used = Object.entries(values).filter(([name]) => statement.includes(`{{${name}}}`));
        return render(statement, Object.fromEntries(used));
      });
      const signal = new AbortController().signal;
      const { status, error } = await this.engine.run({
        sqls,
        parameters: this.keysFor(sqls),
        mode: mode === 'transaction' ? 'transaction' : 'auto-commit',
        user,
        signal,
      });
      if (status !== 'FINISHED') throw new Error(`${status}: ${error}`);
    }
  }

  /** The keys of the marks. */
  get keys(): ForgetKeys {
    return forgetKeys('the secret of the marks in tests', this.pipeline.name);
  }

  private keysFor(sqls: readonly string[]): Record<string, string> | undefined {
    return asksForKeys(sqls) ? parametersOf(this.keys) : undefined;
  }

  /** Marks subjects. */
  async mark(column: string, ...values: string[]): Promise<void> {
    const { forgotten } = pipelineTables(this.pipeline);
    const rows = values.map(
      (value) => `select '${markOf(this.keys, column, value)}', '${keyId(this.keys)}', 'test', getdate()`,
    );
    await this.execute([`insert into ${forgotten} (mark, key_id, run_id, forgotten_at) ${rows.join(' union all ')}`]);
  }

  dispose(): void {
    this.engine.close();
    this.folder.remove();
  }
}
