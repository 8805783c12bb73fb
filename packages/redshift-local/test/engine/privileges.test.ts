import { say, translateJson } from '../support/json-translate';
import * as sql from '../support/statements';
import { admin, startWarehouse, type TestWarehouse } from '../support/warehouse';

describe('privileges', () => {
  let local: TestWarehouse;
  const as = async (user: string, statement: string) => {
    const done = await local.run(statement, { user });
    return done.Error ?? done.Status;
  };
  beforeEach(async () => {
    local = await startWarehouse(translateJson, sql.ownerStatements);
    await local.run([sql.createSchema('s'), sql.createTable('s.t', { a: 'bigint' }, 'a bigint')]);
    await local.run(say({ kind: 'create-user', user: 'reader', password: 'Reader1pw' }), { user: admin });
    local.secrets.values.set('reader', JSON.stringify({ username: 'reader', password: 'Reader1pw' }));
  });
  afterEach(() => local.dispose());

  test('a reader needs usage of the schema and select on the table', async () => {
    expect(await as('reader', sql.count('s.t'))).toBe('ERROR: permission denied for schema s');
    await local.run(sql.grant('usage', 'schema', 's', 'reader'));
    expect(await as('reader', sql.count('s.t'))).toBe('ERROR: permission denied for relation t');
    await local.run(sql.grant('select', 'table', 's.t', 'reader'));
    expect(await as('reader', sql.count('s.t'))).toBe('FINISHED');
    expect(await as('reader', sql.insert('s.t', 'values (1)'))).toBe('ERROR: permission denied for relation t');
    await local.run(sql.grant('select', 'table', 's.t', 'reader').replace('"grant"', '"revoke"'));
    expect(await as('reader', sql.count('s.t'))).toBe('ERROR: permission denied for relation t');
  });

  test('one grant may name several relations, and all or none are granted', async () => {
    await local.run([sql.createTable('s.u', { a: 'bigint' }, 'a bigint'), sql.grant('usage', 'schema', 's', 'reader')]);
    const on = ['s.t', 's.u'].map((name) => ({ type: 'table', name }) as const);
    const grant = (more: readonly string[]) =>
      say({
        kind: 'grant',
        privileges: ['select', 'insert'],
        on: [...on, ...more.map((name) => ({ type: 'table', name }) as const)],
        to: ['reader'],
      });
    expect((await local.run(grant(['s.missing']))).Error).toBe('ERROR: relation "s.missing" does not exist');
    expect(await as('reader', sql.count('s.u'))).toBe('ERROR: permission denied for relation u');
    await local.run(grant([]));
    for (const name of ['s.t', 's.u']) expect(await as('reader', sql.insert(name, 'values (1)'))).toBe('FINISHED');
  });

  test('a password is changed by a superuser or by the user itself', async () => {
    const change = (user: string, password: string) => say({ kind: 'alter-user', user, password });
    await local.run(say({ kind: 'create-user', user: 'other', password: 'Other1pw' }), { user: admin });
    expect(await as('reader', change('other', 'Stolen1pw'))).toMatch(/permission denied to alter user/);
    expect(await as(admin, change('nobody', 'Nobody1pw'))).toBe('ERROR: user "nobody" does not exist');
    expect(await as('reader', change('reader', 'short'))).toMatch(/password must have/);
    expect(await as(admin, change('reader', 'Changed1pw'))).toBe('FINISHED');
    expect(await as('reader', sql.count('s.t'))).toMatch(/password authentication failed for user "reader"/);
    local.secrets.values.set('reader', JSON.stringify({ username: 'reader', password: 'Changed1pw' }));
    expect(await as('reader', change('reader', 'Again1pw'))).toBe('FINISHED');
  });

  test('others neither create, drop nor grant', async () => {
    expect(await as('reader', sql.createSchema('mine'))).toBe('ERROR: permission denied for database millrace');
    expect(await as('reader', sql.createTable('s.u', { a: 'bigint' }, 'a bigint'))).toBe(
      'ERROR: permission denied for schema s',
    );
    expect(await as('reader', sql.drop('table', 's.t'))).toBe('ERROR: must be owner of relation t');
    expect(await as('reader', sql.grant('select', 'table', 's.t', 'reader'))).toBe(
      'ERROR: must be owner of relation t',
    );
    expect(await as('reader', say({ kind: 'create-user', user: 'friend', password: 'Friend1pw' }))).toMatch(
      /must be superuser/,
    );
    expect(await as(admin, sql.drop('table', 's.t'))).toBe('FINISHED');
  });

  test('a query of the command line is a query', async () => {
    await local.run(sql.insert('s.t', 'values (1)'));
    expect(
      await local.warehouse.port.query(sql.query('select a, null as b from s.t', { a: 'bigint', b: 'text' })),
    ).toEqual({ columns: ['a', 'b'], rows: [[1, null]] });
    await expect(local.warehouse.port.query(sql.drop('table', 's.t'))).rejects.toThrow('only queries are allowed here');
  });
});
