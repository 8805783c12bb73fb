import { translate } from '../../src/sql';
import type { Catalog, Relation } from '../../src/statement';
import { ownerStatements } from '../support/sql';
import { startWarehouse, type TestWarehouse } from '../support/warehouse';

const select = 'select * from s.t';

describe('a kept translation is used only while the catalog gives the same answers', () => {
  let local: TestWarehouse;
  beforeEach(async () => {
    local = await startWarehouse(translate, ownerStatements);
    await done('create schema s', 'create schema other');
    await done('create table s.t (a int)', 'insert into s.t values (1)');
    expect(await local.rows(select)).toEqual([[1]]);
  });
  afterEach(() => local.dispose());

  async function done(...statements: string[]) {
    const outcome = await local.run(statements, { mode: 'AUTO_COMMIT' });
    if (outcome.Status !== 'FINISHED') throw new Error(outcome.Error);
  }
  const columns = async (text: string) => {
    const { Id, Error: message } = await local.run(text);
    if (message) return message;
    const { ColumnMetadata } = await local.call('GetStatementResult', { Id });
    return ColumnMetadata.map(({ name, typeName }: { name: string; typeName: string }) => `${name} ${typeName}`);
  };

  test('a column that was added is read', async () => {
    await done('alter table s.t add column b int default 2');
    expect(await local.rows(select)).toEqual([[1, 2]]);
  });

  test('a table that was dropped is not found, and one that was created again has its own columns', async () => {
    await done('drop table s.t');
    expect(await columns(select)).toMatch('relation "s.t" does not exist');
    await done('create table s.t (a varchar(3))', "insert into s.t values ('x')");
    expect(await columns(select)).toEqual(['a varchar']);
    expect(await local.rows(select)).toEqual([['x']]);
  });

  test('a view that was replaced is read, also where its columns stay the same', async () => {
    await done('create view s.v as select a from s.t');
    expect(await local.rows('select * from s.v')).toEqual([[1]]);
    await done('create or replace view s.v as select a + 1 as a from s.t');
    expect(await local.rows('select * from s.v')).toEqual([[2]]);
    await done('drop view s.v', 'create view s.v as select 3 as b, a from s.t');
    expect(await columns('select * from s.v')).toEqual(['b int4', 'a int4']);
  });

  test('a late-binding view reads the table that is there', async () => {
    await done('create view s.late as select * from s.t with no schema binding');
    expect(await columns('select * from s.late')).toEqual(['a int4']);
    await done('alter table s.t add column b int');
    expect(await columns('select * from s.late')).toEqual(['a int4', 'b int4']);
  });

  test('the search path decides which table a name means', async () => {
    await done('create table other.t (c bigint)');
    const seen = async (path: string) => {
      const { Id } = await local.run([`set search_path to ${path}`, 'select * from t']);
      const { ColumnMetadata } = await local.call('GetStatementResult', { Id: `${Id}:2` });
      return ColumnMetadata.map(({ name }: { name: string }) => name);
    };
    expect(await seen('s')).toEqual(['a']);
    expect(await seen('other')).toEqual(['c']);
    expect(await seen('other, s')).toEqual(['c']);
    expect(await seen('s, other')).toEqual(['a']);
  });

  test('a temporary table hides a table, in its session only', async () => {
    await done('create table public.t (a int)');
    const { Id } = await local.run(['create temp table t (x int, y int)', 'select * from t']);
    const { ColumnMetadata } = await local.call('GetStatementResult', { Id: `${Id}:2` });
    expect(ColumnMetadata).toHaveLength(2);
    expect(await columns('select * from t')).toEqual(['a int4']);
  });

  test('definitions that were undone are not seen again', async () => {
    const undone = await local.run(['alter table s.t add column b int', select, 'select 1 / 0 from s.t']);
    expect(undone.Status).toBe('FAILED');
    expect(await columns(select)).toEqual(['a int4']);
  });

  test('definitions that another transaction has not committed are not seen', async () => {
    let commit = () => {};
    const reached = new Promise<void>((resolve) => {
      local.interleaving.by = {
        boundary: ({ point, sql: text }) =>
          point === 'commit' && text === 'select * from s.u'
            ? new Promise((released) => {
                commit = released;
                resolve();
              })
            : Promise.resolve(),
      };
    });
    const creating = local.run(['create table s.u (a int)', 'select * from s.u']);
    await reached;
    expect(await columns('select * from s.u')).toMatch('relation "s.u" does not exist');
    commit();
    expect((await creating).Status).toBe('FINISHED');
    expect(await columns('select * from s.u')).toEqual(['a int4']);
  });

  test('a parameter decides with the text', async () => {
    const of = (value: string) =>
      local.run('select :v::varchar(10) as v', { Parameters: [{ name: 'v', value }] }).then(async ({ Id }) => {
        const { Records } = await local.call('GetStatementResult', { Id });
        return Records[0][0].stringValue;
      });
    expect([await of('one'), await of('two'), await of('one')]).toEqual(['one', 'two', 'one']);
  });
});

function catalogOf(columns: string[], found: string[] = []): Catalog {
  return {
    find(_, name): Relation {
      found.push(name);
      return {
        schema: 's',
        name,
        kind: 'table',
        columns: columns.map((column) => ({ name: column, type: { name: 'integer' } })),
      };
    },
    externalSchema: () => undefined,
    caseSensitiveIdentifiers: true,
    forget: () => void found.splice(0),
  };
}

test('what is looked up for a kept translation that does not fit counts no longer', () => {
  const text = 'insert into s.target (a) values (1)';
  for (const columns of [['a'], ['a', 'b'], ['a', 'c'], ['a']]) {
    const found: string[] = [];
    translate(text, catalogOf(columns, found)).next();
    expect(found).toEqual(['target']);
  }
});

test('a text is translated once for the same catalog, for a few catalogs at a time', () => {
  const text = 'select * from s.once';
  const translated = (catalog: Catalog) => translate(text, catalog).next().value;
  const first = translated(catalogOf(['a']));
  expect(translated(catalogOf(['a']))).toBe(first);
  const second = translated(catalogOf(['a', 'b']));
  expect(second).not.toEqual(first);
  expect(translated(catalogOf(['a']))).toBe(first);
  for (const name of ['c', 'd', 'e', 'f']) translated(catalogOf([name]));
  expect(translated(catalogOf(['a']))).not.toBe(first);
  expect(translated(catalogOf(['a']))).toEqual(first);
});
