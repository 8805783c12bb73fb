import { type Database, openDatabase } from 'redshift-local/testing';
import { placeholdersOf, renderAll } from '../../lambda/shared/statement';
import { pipelines } from '../../pipelines';
import {
  exportPlan,
  landingName,
  loadPlan,
  ownerObject,
  refreshPlan,
  registryObject,
  warehouseObjects,
} from '../../sql';

const role = 'arn:aws:iam::000000000000:role/warehouse';
const values: Readonly<Record<string, string>> = {
  run_id: 'run-1',
  started: '1970-01-01',
  failures: '[]',
  manifest: 's3://work/manifests/run-1.manifest',
  load_role: role,
  objects: JSON.stringify([{ bucket: 'history', key: "it's/a\\key.gz", etag: 'e1', versionId: 'v1', size: 12 }]),
  window_start: '2026-01-01 00:00:00',
  window_end: '2026-01-01 01:00:00',
  target: 's3://exports/exports/x/run-1/',
  unload_role: role,
  rows: '3',
  files: '1',
  location: 's3://exports/exports/x/run-1/',
  owner_password: 'sha256|00',
};
/** Of a load that needs no system views, which this database leaves empty. */
const exact = { refused: 's3://work/manifests/run-1-refused.manifest', records: '1' };
const rendered = (templates: readonly string[], given: Readonly<Record<string, string>> = values) => {
  const wanted = placeholdersOf(...templates);
  const statements = renderAll(templates, Object.fromEntries([...wanted].map((name) => [name, given[name]!])));
  // This database takes no parameters.
  return statements.map((sql) => sql.replace(/:(forget_(?:inner|outer))\b/g, "'$1'"));
};
const tokens = { streamName: 'millrace-dev-stream', streamRoleArn: role, database: 'millrace' };
const statementsOf = (steps: string) =>
  (JSON.parse(steps) as { statements: string[] }[]).flatMap(({ statements }) => statements);

describe.each(pipelines.map((pipeline) => [pipeline.name, pipeline] as const))(
  'every statement of %s',
  (_, pipeline) => {
    let database: Database;
    const runAll = async (templates: readonly string[], given = values) => {
      for (const statement of rendered(templates, given)) await database.run(statement);
    };

    beforeEach(async () => {
      database = await openDatabase();
      for (const object of [ownerObject('millrace'), registryObject()])
        await runAll(statementsOf(object.properties.create));
      for (const object of warehouseObjects(pipeline, tokens)) await runAll(statementsOf(object.properties.create));
    });
    afterEach(() => database.dispose());

    test('creates the warehouse objects, views incrementally maintained, and takes them down again', async () => {
      const objects = warehouseObjects(pipeline, tokens);
      const views = objects.filter(({ properties }) => properties.kind === 'materialized-view');
      for (const view of views) {
        await runAll(statementsOf(view.properties.delete));
        await runAll(statementsOf(view.properties.create));
        expect(database.statements[0]).toMatchObject({ kind: 'create-materialized-view', recomputeReason: undefined });
      }
      for (const object of objects.reverse()) await runAll(statementsOf(object.properties.delete));
    });

    test('adds every column that an older table may lack', () => {
      for (const { properties } of warehouseObjects(pipeline, tokens)) {
        const specs = JSON.parse(properties.columns ?? '[]') as { add: string }[];
        for (const { add } of specs) expect(() => database.translate(add)).toThrow('already exists');
      }
    });

    test('runs the refresh, on rows that end as event, duplicate and reject', async () => {
      const [event] = examples[pipeline.name]!;
      const landing = landingName(pipeline);
      const rows = [event, event, 'null', '{"type": "page"}', '[]'].map(
        (payload, i) =>
          `('2026-01-01 10:00:00', 'k', 'shardId-000000000000', '${String(i).padStart(56, '0')}', '2026-01-01 10:00:0${i}', to_varbyte('${payload}', 'utf8'))`,
      );
      database.catalog.add({ ...database.catalog.find(pipeline.name, landing.split('.')[1]!)!, kind: 'table' });
      await database.run(`insert into ${landing} values ${rows.join(', ')}`);
      for (const step of refreshPlan(pipeline).steps.filter(({ statements }) => !statements[0]!.startsWith('refresh')))
        await runAll(step.statements);
      expect(await database.run(`select rows_read, events, duplicates, rejects from ${pipeline.name}.runs`)).toEqual([
        ['5', '1', '1', '3'],
      ]);
      expect(await database.run(`select reason from ${pipeline.name}.rejects order by sequence_number`)).toEqual([
        ['payload: expected an object, got null'],
        [expect.stringMatching(/: missing$/)],
        ['payload: expected an object, got an array'],
      ]);
      for (const step of refreshPlan(pipeline).steps.filter(({ statements }) => !statements[0]!.startsWith('refresh')))
        await runAll(step.statements);
      expect(await database.run(`select count(*) from ${pipeline.name}.events`)).toEqual([['1']]);
    });

    test('runs the load', async () => {
      if (!pipeline.history) return;
      const plan = loadPlan(pipeline);
      const [event] = examples[pipeline.name]!;
      await database.run(`insert into ${pipeline.name}.staged select json_parse('${event}')`);
      await runAll(plan.sources[0]!.exact.statements, { ...values, ...exact });
      expect(await database.run(`select source, run_id from ${pipeline.name}.events`)).toEqual([['history', 'run-1']]);
      await runAll([plan.loaded]);
      // With a subject, the columns of a rewrite follow. Nothing is rewritten here.
      const loaded = (await database.run(rendered([plan.loaded])[0]!)) as unknown[][];
      expect(loaded.map((row) => row.filter((value) => value !== null))).toEqual([["it's/a\\key.gz", 'e1']]);
    });

    test('runs the exports', async () => {
      for (const item of exportPlan(pipeline).exports) {
        const publication = {
          start: '2026-01-01 00:00:00',
          end: '2026-01-01 01:00:00',
          runId: 'r',
          rows: 3,
          files: 1,
          location: 's3://x/',
        };
        const publications = JSON.stringify([
          { ...publication, revision: 0, sequence: 1, bytes: 9, fingerprint: '1', statementId: 's' },
        ]);
        await runAll([
          item.state,
          item.revisions,
          item.locations,
          item.unload,
          item.count,
          ...(item.survey ? [item.survey] : []),
        ]);
        for (let time = 0; time < 2; time += 1) await runAll([item.record[1]!], { publications });
        expect(
          await database.run(`select row_count, sequence from ${pipeline.name}.exports where export = '${item.name}'`),
        ).toEqual([['3', '1']]);
      }
    });
  },
);

const examples: Readonly<Record<string, readonly string[]>> = {
  estore: [
    '{"customer_id":"customer_1","product":{"product_id":"product_1","price":12.5},"action":"purchase","timestamp":"2026-01-01T09:59:58.123456"}',
  ],
  pageviews: [
    '{"type":"page","messageId":"m-1","anonymousId":"a-1","userId":null,"timestamp":"2026-01-01T09:59:58.123Z","properties":{"path":"/","url":"https://example.com/","title":"x","referrer":"","search":""},"context":{"page":{"url":"https://example.com/","path":"/"},"userAgent":"x","ip":"1.2.3.4","locale":"en"}}',
  ],
};
