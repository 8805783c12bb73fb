import { createHash } from 'node:crypto';
import { translate } from 'redshift-local/front-end';
import { admin, owner, rolePrincipal, roles, start, startWarehouse, type TestWarehouse } from 'redshift-local/testing';
import { windowEnd } from '../../lambda/export/contract';
import { asksForKeys, forgetKeys, parametersOf } from '../../lambda/shared/forget-keys';
import type { Step } from '../../lambda/shared/plan';
import { asked, render, renderAll } from '../../lambda/shared/statement';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import { generator as estore } from '../../pipelines/estore/generator';
import type { PipelineGenerator } from '../../pipelines/generator/generator';
import { generator as pageviews } from '../../pipelines/pageviews/generator';
import {
  exportPlan,
  loadPlan,
  ownerObject,
  pipelineTables,
  refreshPlan,
  registryObject,
  warehouseObjects,
} from '../../sql';

/** The statements that are deployed, run as they are on the warehouse and judged by the generators' own truth. */
describe.each<[PipelineGenerator]>([[estore], [pageviews]])('pipeline %#', (generator) => {
  const pipeline = pipelines.find(({ name }) => name === generator.pipeline) as Pipeline;
  const stream = `millrace-dev-${pipeline.name}`;
  const tables = pipelineTables(pipeline);
  const generation = generator.generate({ seed: 'test', start, events: 2000 });
  const keys = parametersOf(forgetKeys('the secret of the marks in tests', pipeline.name));
  const finished = async (sql: string | string[], options: Parameters<TestWarehouse['run']>[1] = {}) => {
    const Parameters = Object.entries(keys).map(([name, value]) => ({ name, value }));
    const done = await local.run(sql, { ...options, ...(asksForKeys([sql].flat()) && { Parameters }) });
    if (done.Status !== 'FINISHED') throw new Error(`${done.Error}\n${Array.isArray(sql) ? sql.join(';\n') : sql}`);
    return done;
  };
  const steps = async (list: readonly Step[], values: Record<string, string>, user = owner) => {
    for (const { mode, statements } of list) {
      const sqls = renderAll(statements, asked(statements, values));
      if (mode === 'single') for (const sql of sqls) await finished(sql, { user });
      else await finished(sqls, { user, mode: mode === 'transaction' ? 'TRANSACTION' : 'AUTO_COMMIT' });
    }
  };
  const refresh = (run: string) =>
    steps(refreshPlan(pipeline).steps, { run_id: run, started: '1970-01-01', failures: '[]' });
  const totals = async () => {
    const [row] = await local.rows(
      `select (select count(*) from ${tables.events}), (select count(*) from ${tables.duplicates}), (select count(*) from ${tables.rejects}), (select count(*) from ${tables.skipped})`,
    );
    return row as number[];
  };
  let local: TestWarehouse;

  beforeAll(async () => {
    local = await startWarehouse(translate, []);
    local.kinesis.create(stream);
    const digest = `sha256|${createHash('sha256').update('Owner1pwsalt').digest('hex')}|salt`;
    await steps(JSON.parse(ownerObject('millrace').properties.create), { owner_password: digest }, admin);
    await steps(JSON.parse(registryObject().properties.create), {});
    for (const { properties } of warehouseObjects(pipeline, {
      streamName: stream,
      streamRoleArn: roles.stream,
      database: 'millrace',
    }))
      await steps(JSON.parse(properties.create), {});
  });
  afterAll(() => local.dispose());

  test('stream and history end where the oracle says, whatever is repeated', async () => {
    const records = [...generation.stream()].filter(({ refused }) => !refused);
    const half = Math.floor(records.length / 2);
    local.kinesis.put(stream, records.slice(0, half));
    await refresh('run-1');
    await refresh('run-2');
    local.kinesis.put(
      stream,
      records.slice(half).map((record) => ({ ...record, shard: 'shardId-000000000001' })),
    );
    await refresh('run-3');

    const objects = [];
    for (const { key, body } of generation.history()) {
      const { size, etag } = await local.s3.put(rolePrincipal('segment'), 'history', key, body);
      objects.push({ bucket: 'history', key, etag: etag.replaceAll('"', ''), versionId: '', size });
    }
    if (objects.length > 0) {
      const entries = objects.map(({ key }) => ({ url: `s3://history/${key}`, mandatory: true }));
      await local.s3.put(rolePrincipal('load'), 'work', 'm', Buffer.from(JSON.stringify({ entries })));
      const { inPlace } = loadPlan(pipeline).sources[0]!;
      const files = objects.map(({ key, etag }) => ({ url: `s3://history/${key}`, etag }));
      for (const run_id of ['load-1', 'load-2'])
        await finished(
          renderAll(inPlace.statements, {
            run_id,
            manifest: 's3://work/m',
            load_role: roles.load,
            objects: JSON.stringify(objects),
            files: JSON.stringify(files),
            may_refuse: 1,
          }),
        );
      await refresh('run-4');
    }

    const { oracle } = generation;
    expect(await totals()).toEqual([oracle.events, oracle.duplicates, oracle.rejects, oracle.skipped]);
    expect(oracle.produced).toBe(oracle.events + oracle.duplicates + oracle.rejects + oracle.skipped);
    for (const { name, query, expected } of generator.checks(oracle)) {
      const rows = (await local.rows(query)).map((row) => row.map(String));
      expect([name, rows]).toEqual([name, expected]);
    }
  });

  test('views are incremental, as Redshift counts it, and fresh', async () => {
    const views = await local.rows(
      `select trim(name) as name, state, is_stale from svv_mv_info where schema_name = '${pipeline.name}' and name not like 'landing%'`,
    );
    expect(views.length).toBe(pipeline.views.length);
    expect(views.filter(([, state, stale]) => state !== 1 || stale !== 'f')).toEqual([]);
  });

  test('a window is exported whole', async () => {
    for (const item of exportPlan(pipeline).exports) {
      const surveyed = item.survey === undefined ? [] : await local.rows(item.survey);
      const start = String(surveyed[0]?.[0] ?? '2026-01-01 00:00:00');
      const end = windowEnd(item.content.window, Date.parse(`${start.replace(' ', 'T')}Z`));
      const window = { window_start: start, window_end: new Date(end).toISOString().slice(0, 19).replace('T', ' ') };
      const target = `s3://exports/${item.name}/`;
      const unload = { ...window, target, unload_role: roles.unload };
      const done = await finished(render(item.unload, asked([item.unload], unload)));
      const [[counted, fingerprint]] = (await local.rows(render(item.count, asked([item.count], window)))) as [
        [number, string],
      ];
      const manifest = JSON.parse(
        (await local.s3.get(rolePrincipal('reader'), 'exports', `${item.name}/manifest`)).toString(),
      );
      expect([done.ResultRows, manifest.meta.record_count]).toEqual([
        counted,
        counted + (item.format.header && counted > 0 ? 1 : 0),
      ]);
      expect(counted).toBeGreaterThan(0);
      if (item.survey === undefined) continue;
      expect(counted).toBe(generator.exportTruths(generation.oracle)[item.name]!.windows[start]!.rows);
      const publication = {
        start,
        end: window.window_end,
        runId: 'run-1',
        rows: counted,
        files: 1,
        location: target,
        revision: 0,
        sequence: 1,
        bytes: 1,
        fingerprint,
        statementId: 'id',
      };
      for (let time = 0; time < 2; time += 1)
        await finished(render(item.record[1]!, { publications: JSON.stringify([publication]) }));
      expect(await local.rows(item.locations)).toEqual([[target]]);
      expect((await local.rows(item.survey)).map(([first]) => first)).toEqual(
        surveyed.slice(1).map(([first]) => first),
      );
    }
  });
});
