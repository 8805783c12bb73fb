import { copyFileSync, createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsError, createClock, type KinesisPort, type Principal, type S3Port, type StreamSlice } from 'aws-local-kit';
import { Engine, type ResultSet, translate } from 'redshift-local/front-end';

const account = '000000000000';
const shard = 'shardId-000000000000';
const administrator = 'millrace_admin';

/** A record for the stream. `partitionKey` comes back in the tables, so it can say where the record is from. */
export interface StreamRecord {
  readonly data: Uint8Array;
  readonly partitionKey: string;
}

/** A warehouse with one stream, for statements over records that the caller has. It reaches no S3. */
export interface StreamWarehouse {
  readonly administrator: string;
  /** Puts records onto the stream. */
  put(records: readonly StreamRecord[]): Promise<void>;
  /** Runs statements. @throws Error with the warehouse's message */
  run(mode: 'single' | 'transaction' | 'auto-commit', statements: readonly string[], user: string): Promise<void>;
  /** Rows of a query, each value as JSON has it. */
  query(sql: string): Promise<unknown[][]>;
  /** Rows of a query with the types of its columns. @throws Error with the warehouse's message */
  result(sql: string): Promise<TypedRows>;
  /** Rows of a statement with named parameters. @throws Error with the warehouse's message */
  answer(sql: string, parameters: Readonly<Record<string, string>>, user: string): Promise<unknown[][]>;
  /** Copies the database to a file, from which other warehouses can begin, and closes the warehouse. */
  save(file: string): void;
  /** Lets a minute go by. */
  pass(): void;
  /** Closes the warehouse and deletes its folder. */
  dispose(): void;
}

export interface TypedRows {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: unknown[][];
}

export interface StreamWarehouseOptions {
  /** A file that `save` wrote. @default - an empty database */
  readonly from?: string;
  /** True for few records: one thread, and no work that pays only for many. @default false */
  readonly small?: boolean;
}

/** Opens a warehouse in a temporary folder. @param now epoch milliseconds of its clock */
export async function openStreamWarehouse(
  database: string,
  now: number,
  { from, small = false }: StreamWarehouseOptions = {},
): Promise<StreamWarehouse> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-proof-'));
  const clock = createClock({ start: now, rate: 0 });
  const stream = new FileStream(join(folder, 'stream'), () => clock.now());
  const stop = new AbortController();
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const file = join(folder, 'proof.duckdb');
  try {
    if (from !== undefined) copyFileSync(from, file);
    const engine = await Engine.open(
      {
        file,
        database,
        ...(small && { threads: 1, smallData: true }),
        clock,
        s3: noS3(),
        kinesis: stream,
        translate,
        assume: (roleArn) => ({ kind: 'role', arn: roleArn, roleArn, account }),
        caseSensitiveIdentifiers: true,
      },
      { name: administrator, password: () => 'Password1' },
    );
    return {
      administrator,
      put: (records) => stream.put(records),
      async run(mode, sqls, user) {
        const { status, error } = await engine.run({
          sqls: [...sqls],
          mode: mode === 'transaction' ? 'transaction' : 'auto-commit',
          user,
          signal: stop.signal,
        });
        if (status !== 'FINISHED') throw new Error(error ?? status);
      },
      query: async (sql) => cellsOf(await engine.query(sql)),
      async result(sql) {
        const result = await engine.query(sql);
        return { columns: result.columns.map(({ name, type }) => ({ name, type: type.name })), rows: cellsOf(result) };
      },
      async answer(sql, parameters, user) {
        const results: ResultSet[] = [];
        const { status, error } = await engine.run({
          sqls: [sql],
          parameters: Object.keys(parameters).length === 0 ? undefined : parameters,
          mode: 'auto-commit',
          user,
          signal: stop.signal,
          onEnd: (_, outcome) => {
            if (outcome.status === 'FINISHED' && outcome.result) results.push(outcome.result);
          },
        });
        if (status !== 'FINISHED') throw new Error(error ?? status);
        return results[0] === undefined ? [] : cellsOf(results[0]);
      },
      save(to) {
        engine.close();
        copyFileSync(file, to);
        remove();
      },
      pass: () => void clock.advanceTo(clock.now() + 60_000),
      dispose() {
        stop.abort();
        engine.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

const cellsOf = ({ records }: ResultSet): unknown[][] =>
  records.map((row) => row.map((field) => ('isNull' in field ? null : Object.values(field)[0])));

/** A stream of one shard: one file for each call of `put`. */
class FileStream implements KinesisPort {
  private readonly files: { readonly path: string; readonly last: string }[] = [];
  private sequence = 0;

  constructor(
    private readonly folder: string,
    private readonly now: () => number,
  ) {
    mkdirSync(folder, { recursive: true });
  }

  async put(records: readonly StreamRecord[]): Promise<void> {
    const path = join(this.folder, `${this.files.length}.ndjson`);
    const file = createWriteStream(path);
    const ended = new Promise<void>((resolve, reject) => file.once('finish', resolve).once('error', reject));
    const arrival = this.now();
    for (const { data, partitionKey } of records) {
      this.sequence += 1;
      const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
      file.write(
        `{"shard_id":"${shard}","sequence_number":"${this.last}","partition_key":${JSON.stringify(partitionKey)},"arrival_ms":${arrival},"data":"${base64}"}\n`,
      );
    }
    file.end();
    await ended;
    this.files.push({ path, last: this.last });
  }

  async readSlice(_: Principal, __: string, after: Readonly<Record<string, string>>): Promise<StreamSlice> {
    const from = after[shard] ?? '';
    const files = this.files.filter(({ last }) => last > from);
    return { files: files.map(({ path }) => path), latest: files.length > 0 ? { [shard]: files.at(-1)!.last } : {} };
  }

  acceptedRecords(): number {
    return this.sequence;
  }

  private get last(): string {
    return `4${String(this.sequence).padStart(55, '0')}`;
  }
}

function noS3(): S3Port {
  const refuse = () => {
    throw new AwsError('NoSuchBucket', 'this warehouse reaches no S3');
  };
  const calls = ['list', 'head', 'get', 'pathForRead', 'linkForRead', 'put', 'putFile', 'delete', 'pathOf'];
  return Object.fromEntries(calls.map((call) => [call, refuse])) as unknown as S3Port;
}
