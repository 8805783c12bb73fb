import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsError, type S3Port } from 'aws-local-kit';
import { Engine } from './engine/engine';
import { WarehouseError } from './engine/errors';
import { scalarOf } from './engine/result';
import type { Outcome } from './engine/run';
import { translate } from './sql';
import { systemClock } from './standalone/system-clock';

/** A warehouse of its own for statements over data that the caller has. It reaches neither S3 nor Kinesis. */
export interface ScratchWarehouse {
  /**
   * Runs statements as one transaction and returns the rows of the last query, as JSON scalars.
   * @param objects by key: what COPY finds in the bucket `scratch`, with any role
   * @throws Error with the warehouse's message; nothing of the transaction is left
   */
  run(statements: readonly string[], objects?: Readonly<Record<string, Uint8Array>>): Promise<unknown[][]>;
  /** Closes the warehouse and deletes its folder. */
  dispose(): void;
}

const administrator = 'awsuser';
const account = '000000000000';
const scratchBucket = 'scratch';

/** Opens a warehouse in a temporary folder, with case-sensitive identifiers. */
export async function openScratchWarehouse(): Promise<ScratchWarehouse> {
  const folder = mkdtempSync(join(tmpdir(), 'redshift-scratch-'));
  const stop = new AbortController();
  const objects = new Map<string, Uint8Array>();
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const engine = await Engine.open(
      {
        file: join(folder, 'scratch.duckdb'),
        database: 'scratch',
        clock: systemClock,
        s3: { ...unreachable(s3Calls), ...readingFrom(objects) },
        kinesis: unreachable(['readSlice', 'acceptedRecords']),
        translate,
        assume: (roleArn) => ({ kind: 'role', arn: roleArn, roleArn, account }),
        caseSensitiveIdentifiers: true,
        threads: 1,
        smallData: true,
      },
      { name: administrator, password: () => '' },
    );
    return {
      async run(statements, given = {}) {
        const outcomes: Outcome[] = [];
        objects.clear();
        for (const [key, bytes] of Object.entries(given)) objects.set(key, bytes);
        await engine.run({
          sqls: statements,
          mode: 'transaction',
          user: administrator,
          signal: stop.signal,
          onEnd: (_, outcome) => outcomes.push(outcome),
        });
        return rowsOf(outcomes);
      },
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

function rowsOf(outcomes: readonly Outcome[]): unknown[][] {
  let rows: unknown[][] = [];
  for (const outcome of outcomes) {
    if (outcome.status === 'FAILED') throw new WarehouseError(outcome.error);
    if (outcome.status === 'ABORTED') throw new WarehouseError('the statement was stopped');
    if (outcome.result) rows = outcome.result.records.map((record) => record.map(scalarOf));
  }
  return rows;
}

const s3Calls = ['list', 'head', 'get', 'pathForRead', 'linkForRead', 'put', 'putFile', 'delete', 'pathOf'] as const;

/** A port whose calls fail. */
function unreachable<Call extends string>(calls: readonly Call[]): Record<Call, () => never> {
  const refuse = () => {
    throw new WarehouseError('a scratch warehouse reaches neither S3 nor Kinesis');
  };
  return Object.fromEntries(calls.map((call) => [call, refuse])) as unknown as Record<Call, () => never>;
}

/** The calls of COPY. */
function readingFrom(objects: ReadonlyMap<string, Uint8Array>): Pick<S3Port, 'list' | 'head' | 'get' | 'linkForRead'> {
  const infoOf = (key: string, { length }: Uint8Array) => ({ key, size: length, etag: '', lastModified: 0 });
  const found = (bucket: string, key: string) => {
    const bytes = bucket === scratchBucket ? objects.get(key) : undefined;
    if (!bytes) throw new AwsError('NoSuchKey', `The specified key does not exist: ${bucket}/${key}`, 404);
    return bytes;
  };
  return {
    list: async (_, bucket, prefix) =>
      [...(bucket === scratchBucket ? objects : [])]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, bytes]) => infoOf(key, bytes)),
    head: async (_, bucket, key) => infoOf(key, found(bucket, key)),
    get: async (_, bucket, key) => Buffer.from(found(bucket, key)),
    async linkForRead(_, bucket, key, link) {
      writeFileSync(link, found(bucket, key));
      return infoOf(key, found(bucket, key));
    },
  };
}
