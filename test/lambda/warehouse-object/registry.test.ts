import type { WarehouseObjectProperties } from '../../../lambda/warehouse-object/contract';
import { parseObject } from '../../../lambda/warehouse-object/properties';
import { recordStatements, textOf } from '../../../lambda/warehouse-object/registry';
import type { Outcome } from '../fakes';
import { recordedRows, setUp, step, view } from './host';

describe('the registry', () => {
  const properties = { ...view, onRemoval: 'drop', pipeline: 'estore' } as const;
  test('has a row of the object in the end, put there in one transaction', async () => {
    const { owner, isComplete, records } = setUp(properties);
    await isComplete();
    expect(owner.statements.at(-1)!.submission.mode).toBe('transaction');
    expect(records()).toHaveLength(1);
    expect(records()[0]).toMatch(
      /^lock millrace\.objects; delete from millrace\.objects where kind = 'materialized-view' and name = 'estore\.hourly_views_1a2b3c4d'; delete from millrace\.object_texts where [^;]*; insert/,
    );
    // What a statement asks for is filled in when it runs, not in the record of it.
    expect(records()[0]).toContain('select {{run_id}}');
  });

  test('an update that changes neither version nor definition runs nothing', async () => {
    const { world, isComplete, submitted } = setUp(properties, 'Update');
    world.recorded = recordedRows(properties);
    world.presence = [{ owner: 'millrace_owner' }];
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(submitted()).toEqual([]);
  });

  describe('a pipeline', () => {
    const declared = (columns: string[]): WarehouseObjectProperties => ({
      name: 'estore',
      kind: 'pipeline',
      version: columns.join('-'),
      identity: 'owner',
      create: '[]',
      delete: '[]',
      pipeline: 'estore',
      declaration: JSON.stringify({ identity: { by: 'columns', columns } }),
      events: 'select count(*) as amount from estore.events',
    });
    test('is recorded, and nothing else', async () => {
      const { isComplete, changes, records } = setUp(declared(['id']));
      expect(await isComplete()).toEqual({ IsComplete: true });
      expect(changes()).toEqual([]);
      expect(records()).toHaveLength(1);
    });

    test('that comes back to events that were kept has the identity that it had', async () => {
      const { world, owner, onEvent } = setUp(declared(['id', 'at']), 'Create');
      world.recorded = recordedRows(declared(['id']));
      await expect(onEvent()).rejects.toThrow(
        'pipeline estore: it is deployed again with the identity {"by":"columns","columns":["id","at"]}, and its 7 kept events have {"by":"columns","columns":["id"]}: they would not be found',
      );
      const answer = owner.outcome;
      owner.outcome = (submission) =>
        submission.name.endsWith('/events') ? { rows: [{ amount: 0 }] } : answer(submission);
      expect(await onEvent()).toEqual({ PhysicalResourceId: 'estore' });
    });

    test('may change whatever else it declares', async () => {
      const { world, onEvent } = setUp({ ...declared(['id']), version: 'other' }, 'Update');
      world.recorded = recordedRows(declared(['id']));
      expect(await onEvent()).toEqual({ PhysicalResourceId: 'estore' });
    });
  });

  test.each([
    ['the delete text', { delete: JSON.stringify([step('drop', 'drop materialized view v cascade')]) }],
    ['what happens on removal', { onRemoval: 'keep' as const }],
  ])('an update of %s alone is recorded, and runs nothing else', async (_, change) => {
    const { world, isComplete, changes, records } = setUp({ ...properties, ...change }, 'Update');
    world.recorded = recordedRows(properties);
    world.presence = [{ owner: 'millrace_owner' }];
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toEqual([]);
    expect(records()).toHaveLength(1);
  });

  test('does not prove the existence of what a person dropped by hand', async () => {
    const { world, isComplete, changes } = setUp(properties, 'Update');
    world.recorded = recordedRows(properties);
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toEqual(['create materialized view v as select 1', "select 'deploy-req-1'"]);
  });

  test('a public view is recorded in the transaction that switches readers', async () => {
    const { owner, isComplete } = setUp({
      ...properties,
      kind: 'public-view',
      name: 'estore.hourly_views',
      create: JSON.stringify([step('switch', 'drop view v', 'create view v')]),
    });
    await isComplete();
    const [switched, ...others] = owner.statements.filter(({ submission }) => submission.token);
    expect(others).toEqual([]);
    expect(switched!.submission.statements.map((sql) => sql.split(' ').slice(0, 3).join(' '))).toEqual([
      'lock millrace.objects',
      'drop view v',
      'create view v',
      'delete from millrace.objects',
      'delete from millrace.object_texts',
      'insert into millrace.objects',
      'insert into millrace.object_texts',
    ]);
  });

  test.each(['FINISHED', 'FAILED'] as const)('a public view is switched after a refresh that %s', async (status) => {
    const { owner, isComplete } = setUp({
      ...properties,
      kind: 'public-view',
      name: 'estore.hourly_views',
      create: JSON.stringify([step('refresh', 'refresh materialized view v_1'), step('switch', 'create view v')]),
    });
    const answer = owner.outcome;
    owner.outcome = (submission) =>
      submission.statements[0]!.startsWith('refresh') ? { status, error: 'it is not refreshable' } : answer(submission);
    expect(await isComplete()).toEqual({ IsComplete: true });
    const submitted = owner.statements.filter(({ submission }) => submission.token);
    expect(submitted.map(({ submission }) => submission.statements[0])).toEqual([
      'refresh materialized view v_1',
      'lock millrace.objects',
    ]);
  });

  test('where there is none yet, objects are created all the same', async () => {
    const { owner, isComplete, changes } = setUp(properties);
    const answer = owner.outcome;
    owner.outcome = (submission) =>
      submission.name.endsWith('/recorded')
        ? { status: 'FAILED', error: 'ERROR: relation "millrace.objects" does not exist' }
        : answer(submission);
    expect(await isComplete()).toEqual({ IsComplete: true });
    expect(changes()).toHaveLength(2);
  });

  test('a read that does not end in time, or meets a conflict, is asked again', async () => {
    const { owner, isComplete, changes } = setUp(properties);
    const answer = owner.outcome;
    const conflict: Outcome = { status: 'FAILED', error: 'ERROR: deadlock detected' };
    const outcomes: (Outcome | undefined)[] = [undefined, conflict, conflict, conflict];
    owner.outcome = (submission) =>
      submission.name.endsWith('/recorded') && outcomes.length > 0 ? outcomes.shift() : answer(submission);
    expect(await isComplete(500)).toEqual({ IsComplete: false });
    expect(await isComplete()).toEqual({ IsComplete: false });
    expect(changes()).toEqual([]);
    expect(await isComplete()).toEqual({ IsComplete: true });
  });

  test('forgets this version only', async () => {
    const { isComplete, records } = setUp(properties, 'Delete');
    await isComplete();
    expect(records()).toEqual([
      expect.stringMatching(
        /^lock millrace\.objects; delete from millrace\.object_texts[^;]* o\.version = '1a2b3c4d'\s*\); delete from millrace\.objects where kind = 'materialized-view' and name = 'estore\.hourly_views_1a2b3c4d' and version = '1a2b3c4d'$/,
      ),
    ]);
  });

  test('what is too long for a row is recorded in pieces, whatever its characters are', () => {
    const noise = Array.from({ length: 60_000 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * 7919) % 20_000))).join(
      '',
    );
    for (const text of [noise, 'x'.repeat(500_000), "it's €".repeat(3000), 'short']) {
      const object = parseObject({ ...properties, delete: JSON.stringify([step('drop', `select '${text}'`)]) });
      const inserts = recordStatements(object, ['stack/One'], 'req-1').filter((sql) =>
        sql.includes('.object_texts (name'),
      );
      const rows = inserts.flatMap((sql) =>
        [...sql.matchAll(/^(?:values )?\('.*?', '.*?', '(\w+)', (\d+), '(.*)'\),?$/gms)].flatMap(([row]) =>
          [...row.matchAll(/\('[^']*', '[^']*', '(\w+)', (\d+), '((?:[^']|'')*)'\)/g)].map(([, what, piece, body]) => ({
            what: what!,
            piece: Number(piece),
            body: body!.replaceAll("''", "'").replaceAll('\\\\', '\\'),
          })),
        ),
      );
      expect(textOf(rows, 'removal')).toBe(JSON.stringify(object.delete));
      for (const { body } of rows) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(16_000);
      for (const sql of inserts) expect(Buffer.byteLength(sql)).toBeLessThan(60_000);
      expect(inserts.length).toBeLessThan(16);
    }
  });

  describe('an object of two resources', () => {
    const rows = (...resources: string[]) => recordedRows(properties, resources);
    const left = (...resources: string[]) => [
      `lock millrace.objects; update millrace.objects set resources = '${resources.join(' ')}' where kind = 'materialized-view' and name = 'estore.hourly_views_1a2b3c4d'`,
    ];

    test('is written down under both', async () => {
      const { world, isComplete, records, submitted } = setUp(properties);
      world.recorded = rows('other/One');
      await isComplete();
      expect(records()[0]).toContain("'other/One stack/One'");
      expect(submitted()).toContain('create materialized view v as select 1');
    });

    test('stays when one of them is deleted, and goes with the last', async () => {
      for (const [resources, kept] of [
        [['other/One', 'stack/One'], ['other/One']],
        // An earlier edition did not say which resource it was.
        [['unknown', 'other/One'], ['other/One']],
        // It has moved on.
        [['other/One'], ['other/One']],
      ] as const) {
        const { world, isComplete, submitted } = setUp(properties, 'Delete');
        world.recorded = rows(...resources);
        expect(await isComplete()).toEqual({ IsComplete: true });
        expect(submitted()).toEqual(left(...kept));
      }
      for (const resources of [['stack/One'], ['unknown']]) {
        const { world, isComplete, changes } = setUp(properties, 'Delete');
        world.recorded = rows(...resources);
        await isComplete();
        expect(changes()).toContain('drop materialized view v');
      }
    });

    test('that an earlier edition recorded stays when the deployment that takes it over is taken back', async () => {
      const { world, isComplete, records } = setUp(properties);
      const { kind, name } = properties;
      world.recorded = [{ kind, name, version: '1a2b3c4d', resources: null, what: null, piece: null, body: null }];
      await isComplete();
      expect(records()[0]).toContain("'unknown stack/One'");
      const back = setUp(properties, 'Delete');
      back.world.recorded = rows('unknown', 'stack/One');
      await back.isComplete();
      expect(back.submitted()).toEqual(left('unknown'));
    });
  });

  test('a schema of another owner is refused', async () => {
    const schema: WarehouseObjectProperties = {
      ...properties,
      kind: 'schema',
      name: 'estore',
      create: JSON.stringify([step('create', 'create schema estore')]),
    };
    const { world, isComplete } = setUp(schema);
    world.answer = () => ({ status: 'FAILED', error: 'ERROR: schema "estore" already exists' });
    world.presence = [{ owner: 'ann', asker: 'millrace_owner' }];
    await expect(isComplete()).rejects.toThrow(
      'schema estore exists and belongs to ann, not to millrace_owner. Rename the pipeline, or drop the schema if it is not needed',
    );
  });
});
