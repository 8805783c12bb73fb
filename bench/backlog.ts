/**
 * Measures how fast a backlog of many small files loads, beside DuckDB's own rate over the same files. The files are
 * gzipped newline-delimited estore events in the work bucket, below a prefix that COPY's role may read and no
 * notification watches. Writing them is not timed. Two things are timed: one COPY of all files by a manifest into the
 * staged table, and the load function's whole transactions (COPY, merge, ledger) one after the other, over groups of
 * objects as it forms them. DuckDB alone reads the same files in one statement. Reading lines into a table of one JSON
 * column is the limit of the COPY; reading typed values is the limit of the whole load.
 */
import { gzipSync } from 'node:zlib';
import { grouped } from '../cli/terminal';
import { groups, objectsJson } from '../lambda/load/groups';
import { renderAll } from '../lambda/shared/statement';
import { loadPlan } from '../sql';
import { duckdbAlone, type Environment, leastOf, line, pipeline, ratio, taken, withEnvironment } from './environment';
import { print } from './print';
import { typedColumns } from './stream-to-events';

const prefix = 'versions/bench/';

export const backlog = (files: number, bytes: number, repeats: number) =>
  withEnvironment(async (environment) => {
    const written = await write(environment, files, Math.floor(bytes / files));
    print(
      `${grouped(files)} files, ${grouped(written.lines)} events, ${grouped(Math.round(written.bytes / 1e6))} MB, ${grouped(Math.round(written.packed / 1e6))} MB gzipped`,
    );
    const { runtime } = environment;
    const paths = written.objects.map(({ key }) => `'${runtime.s3.pathOf(environment.output('WorkBucketName'), key)}'`);
    const read = `read_ndjson_objects([${paths.join(', ')}], compression = 'gzip')`;
    const from = await manifest(environment, written.objects, 'all');
    const clear = () => environment.run(['delete from estore.staged']);
    const copyAll = `copy estore.staged from '${from}' iam_role '${loadRole(environment)}' manifest format json 'noshred' gzip`;
    const copy = await leastOf(
      repeats,
      {
        alone: () => duckdbAlone(`select json as payload from ${read}`),
        copied: () => environment.run([copyAll], environment.secretOf('Load')),
      },
      clear,
    );
    await clear();
    line('DuckDB alone: the lines', copy.alone.seconds, written.lines, 'events');
    line('COPY of all files by one manifest', copy.copied.seconds, written.lines, 'events');
    ratio(copy.copied, copy.alone, 'at least 0.5');
    const typed = await taken(() => duckdbAlone(`select ${typedColumns} from (select json as body from ${read})`));
    const loaded = await taken(() => loadAll(environment, written.objects));
    line('DuckDB alone: typed columns', typed.seconds, written.lines, 'events');
    line('COPY, merge and ledger, in the groups of the load function', loaded.seconds, written.lines, 'events');
    ratio(loaded, typed, 'as near to 0.5 as reasons, ids and payloads allow');
  });

interface Written {
  readonly objects: readonly { key: string; etag: string; size: number }[];
  readonly lines: number;
  readonly bytes: number;
  readonly packed: number;
}

async function write({ runtime, output }: Environment, files: number, fileBytes: number): Promise<Written> {
  const objects: { key: string; etag: string; size: number }[] = [];
  let [lines, bytes] = [0, 0];
  const actions = ['view', 'view', 'view', 'cart', 'uncart'];
  for (let file = 0; file < files; file += 1) {
    const texts: string[] = [];
    for (let size = 0; size < fileBytes; lines += 1) {
      const customer_id = `customer_${(lines * 7919) % 500}`;
      const product = { product_id: `product_${(lines * 104_729) % 500}` };
      const timestamp = new Date(runtime.clock.now() - lines).toISOString().slice(0, -1);
      const text = JSON.stringify({ customer_id, product, action: actions[lines % 5], timestamp });
      texts.push(text);
      size += text.length + 1;
    }
    const body = Buffer.from(`${texts.join('\n')}\n`);
    bytes += body.length;
    const key = `${prefix}${String(file).padStart(6, '0')}.gz`;
    const info = await runtime.s3.put(
      runtime.administrator.principal,
      output('WorkBucketName'),
      key,
      gzipSync(body, { level: 1 }),
    );
    objects.push({ key, etag: info.etag.replaceAll('"', ''), size: info.size });
  }
  return { objects, lines, bytes, packed: objects.reduce((sum, { size }) => sum + size, 0) };
}

async function manifest({ runtime, output }: Environment, objects: Written['objects'], name: string): Promise<string> {
  const bucket = output('WorkBucketName');
  const entries = objects.map(({ key }) => ({ url: `s3://${bucket}/${key}`, mandatory: true }));
  const key = `manifests/bench/${name}.manifest`;
  await runtime.s3.put(runtime.administrator.principal, bucket, key, Buffer.from(JSON.stringify({ entries })));
  return `s3://${bucket}/${key}`;
}

const loadRole = ({ runtime }: Environment): string =>
  String(runtime.find('Data/WarehouseRoles/Load').attributes['Arn']);

/** Runs the transactions of the load function, with objects grouped as it groups them. */
async function loadAll(environment: Environment, objects: Written['objects']): Promise<number> {
  const bucket = environment.output('WorkBucketName');
  const source = loadPlan(pipeline).sources[0]!;
  const messages = objects.map((object) => ({ object: { ...object, bucket, versionId: '', writtenAt: 0 }, source }));
  let seconds = 0;
  for (const [index, group] of groups(messages).entries()) {
    const values = {
      run_id: `bench-${index}`,
      manifest: await manifest(environment, group.objects, String(index)),
      load_role: loadRole(environment),
      objects: objectsJson(group.objects),
      files: JSON.stringify(group.objects.map(({ key, etag }) => ({ url: `s3://${bucket}/${key}`, etag }))),
      may_refuse: 0,
    };
    seconds += await environment.run(renderAll(source.inPlace.statements, values), environment.secretOf('Load'));
  }
  const loaded = await environment.number('select count(*) from estore.ledger');
  if (loaded !== objects.length) throw new Error(`${loaded} of ${objects.length} files were loaded`);
  return seconds;
}
