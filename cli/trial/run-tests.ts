import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointItem } from '../../lambda/endpoint/contract';
import { openStreamWarehouse, type StreamWarehouse } from '../../local/stream-warehouse';
import type { Pipeline } from '../../pipelines/definition';
import { type EndpointTest, readEndpointTests } from '../../pipelines/endpoint-tests';
import { readViewTests, type ViewTest } from '../../pipelines/view-tests';
import { endpointsPlan, ownerUser } from '../../sql';
import { relationReferences } from '../../sql/views/relations';
import { explain, Failure } from '../failure';
import { type Answer, endpointOutcome, isEqual, type Tested, viewOutcome } from './outcome';
import { database, install, installMore, refresh } from './pipeline-warehouse';
import { problemsOf } from './problems';

/** A view or an endpoint. */
export interface Target {
  readonly kind: 'view' | 'endpoint';
  readonly pipeline: Pipeline;
  readonly name: string;
  /** Its SQL. */
  readonly file: string;
}

export interface TestResult {
  readonly name: string;
  readonly result: 'passed' | 'failed';
  /** Both are there if a comparison failed. */
  readonly expected?: Answer;
  readonly actual?: Answer;
  /** Why the test could not be run to its end. */
  readonly problem?: string;
}

export interface TargetResult {
  readonly target: Target;
  readonly result: 'passed' | 'failed' | 'untested';
  /** Why none of its tests could run: the query is wrong, or the file of tests. */
  readonly problem?: string;
  readonly tests: readonly TestResult[];
}

export const nameOf = ({ pipeline, name }: Target): string => `${pipeline.name}.${name}`;

export const targetsOf = (pipelines: readonly Pipeline[]): Target[] =>
  pipelines.flatMap((pipeline) => [
    ...pipeline.views.map(({ name, file }): Target => ({ kind: 'view', pipeline, name, file })),
    ...(pipeline.endpoints ?? []).map(({ name, file }): Target => ({ kind: 'endpoint', pipeline, name, file })),
  ]);

/** Noon of a day. Nothing depends on it but columns of arrival. */
const clockStart = Date.UTC(2026, 0, 1, 12);

export interface TestRunOptions {
  /** Folder of the pipelines. */
  readonly root: string;
  readonly signal: AbortSignal;
  readonly onResult: (result: TargetResult) => void;
}

/**
 * Runs the tests of views and endpoints. Each has a warehouse of its own, with the views that it needs and no others,
 * so that a wrong view fails itself and what reads it.
 * @throws Failure if a pipeline is wrong apart from its views and endpoints
 */
export async function runTests(targets: readonly Target[], options: TestRunOptions): Promise<TargetResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  const results: TargetResult[] = [];
  try {
    const images = new Map<Pipeline, string>();
    for (const target of targets) {
      options.signal.throwIfAborted();
      const result = await runTarget(target, options, async () => {
        const { pipeline } = target;
        const image = images.get(pipeline) ?? (await tablesOf(pipeline, join(folder, `${images.size}.duckdb`)));
        images.set(pipeline, image);
        return image;
      });
      results.push(result);
      options.onResult(result);
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const withoutQueries = (pipeline: Pipeline): Pipeline => ({ ...pipeline, views: [], exports: [], endpoints: [] });

/** Creates a file with the tables of the pipeline. */
async function tablesOf(pipeline: Pipeline, file: string): Promise<string> {
  const tables = withoutQueries(pipeline);
  const problems = problemsOf(tables);
  if (problems.length > 0) throw new Failure(problems.join('\n'));
  return saved(file, undefined, (warehouse) => install(warehouse, tables));
}

/** Creates a file with a warehouse: that of another file, if it begins from one, and what `add` makes in it. */
async function saved(
  file: string,
  from: string | undefined,
  add: (warehouse: StreamWarehouse) => Promise<void>,
): Promise<string> {
  const warehouse = await openStreamWarehouse(database, clockStart, { from, small: true });
  try {
    await add(warehouse);
    warehouse.save(file);
    return file;
  } catch (error) {
    warehouse.dispose();
    throw error;
  }
}

async function runTarget(target: Target, { root, signal }: TestRunOptions, tables: () => Promise<string>) {
  const { kind, name } = target;
  const folder = join(root, target.pipeline.name);
  const failed = (problem: string): TargetResult => ({ target, result: 'failed', problem, tests: [] });
  let tests: readonly (ViewTest | EndpointTest)[] | undefined;
  try {
    tests = kind === 'view' ? readViewTests(folder, name) : readEndpointTests(folder, name);
  } catch (error) {
    return failed(explain(error));
  }
  const from = await tables();
  const pipeline = reduced(target);
  const problems = problemsOf(pipeline);
  if (problems.length > 0) return failed(problems.join('\n'));
  let image: string | undefined;
  try {
    image = await viewsOf(pipeline, from);
    const [item] = kind === 'endpoint' ? endpointsPlan([pipeline]) : [];
    if (tests === undefined) return { target, result: 'untested' as const, tests: [] };
    const results = await runAll(target, pipeline, image, tests, item, signal);
    const passed = results.every(({ result }) => result === 'passed');
    return { target, result: passed ? ('passed' as const) : ('failed' as const), tests: results };
  } catch (error) {
    if (signal.aborted) throw error;
    return failed(explain(error));
  } finally {
    if (image !== undefined) rmSync(image, { force: true });
  }
}

/** The pipeline with this view or endpoint and the views behind it alone. */
function reduced({ kind, pipeline, name }: Target): Pipeline {
  const endpoints = kind === 'endpoint' ? pipeline.endpoints!.filter((each) => each.name === name) : [];
  const needed = new Set(kind === 'view' ? [name] : endpoints.flatMap(({ query }) => readBy(pipeline, query)));
  for (const view of needed) {
    const found = pipeline.views.find((each) => each.name === view);
    if (found) for (const read of readBy(pipeline, found.query)) needed.add(read);
  }
  return { ...pipeline, exports: [], endpoints, views: pipeline.views.filter((view) => needed.has(view.name)) };
}

/** Views that a query names, as far as it can be read. Its validation says what is wrong with it. */
function readBy(pipeline: Pipeline, query: string): string[] {
  try {
    // Optional clauses are marked by brackets, which are no part of SQL.
    const sql = query.replaceAll('[[', '  ').replaceAll(']]', '  ');
    return relationReferences(sql).flatMap(({ schema, name }) => (schema === pipeline.name ? [name] : []));
  } catch {
    return [];
  }
}

/** Creates a file with the views of the pipeline, beside the file with its tables. */
const viewsOf = (pipeline: Pipeline, tables: string): Promise<string> =>
  saved(`${tables}-views`, tables, (warehouse) => installMore(warehouse, pipeline, withoutQueries(pipeline)));

async function runAll(
  target: Target,
  pipeline: Pipeline,
  image: string,
  tests: readonly (ViewTest | EndpointTest)[],
  item: EndpointItem | undefined,
  signal: AbortSignal,
): Promise<TestResult[]> {
  const results: TestResult[] = [];
  let open: { readonly events: readonly unknown[]; readonly warehouse: StreamWarehouse } | undefined;
  try {
    for (const test of tests) {
      signal.throwIfAborted();
      try {
        // Tests read only, so those of the same events share a warehouse.
        if (open === undefined || open.events !== test.events) {
          open?.warehouse.dispose();
          open = undefined;
          open = { events: test.events, warehouse: await warehouseWith(test.events, pipeline, image) };
        }
        results.push(await runTest(target, open.warehouse, test, item));
      } catch (error) {
        results.push({ name: test.name, result: 'failed', problem: explain(error) });
      }
    }
    return results;
  } finally {
    open?.warehouse.dispose();
  }
}

async function warehouseWith(events: readonly unknown[], pipeline: Pipeline, image: string): Promise<StreamWarehouse> {
  const warehouse = await openStreamWarehouse(database, clockStart, { from: image, small: true });
  try {
    const bytes = (event: unknown) => Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
    if (events.length > 0) await warehouse.put(events.map((event) => ({ data: bytes(event), partitionKey: 'test' })));
    await refresh(warehouse, pipeline, 'test');
    return warehouse;
  } catch (error) {
    warehouse.dispose();
    throw error;
  }
}

async function runTest(
  target: Target,
  { result, answer }: StreamWarehouse,
  test: ViewTest | EndpointTest,
  item: EndpointItem | undefined,
): Promise<TestResult> {
  const tested: Tested = { result, answer: (sql, values) => answer(sql, values, ownerUser) };
  const outcome = item
    ? await endpointOutcome(tested, item, test as EndpointTest)
    : await viewOutcome(tested, nameOf(target), test as ViewTest);
  if (isEqual(outcome)) return { name: test.name, result: 'passed' };
  return { name: test.name, result: 'failed', expected: outcome.wanted, actual: outcome.held };
}
