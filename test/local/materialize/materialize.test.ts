import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIam } from 'aws-local/twins';
import type { ResourceContext, S3ObjectInfo, S3Port } from 'aws-local-kit';
import { type PostgresSession, postgres } from '../../../lambda/shared/postgres';
import { createMaterialize, type Materialize, materializeRole } from '../../../local/materialize';

const account = '000000000000';
const role = `arn:aws:iam::${account}:role/partner`;
const environmentId = '5a1c9a4e-5a0c-4f0c-9d1e-000000000001';
const idOf = (id: string) => `mz_${environmentId}_${id}`;
const clock = { now: () => Date.parse('2026-11-21T05:00:00Z'), at: () => ({ cancel() {} }) };

let server: Materialize;
let session: PostgresSession;
let objects: Map<string, Buffer>;
let calls: string[];
let prepare: () => Promise<void>;
beforeEach(() => {
  prepare = async () => undefined;
});

/** The role, with the trust policy that is given; what it may do is tested with the partners' roles. */
async function open(condition: object | undefined): Promise<void> {
  const iam = createIam({ account, region: 'eu-west-1', clock });
  const trusted = { Effect: 'Allow', Principal: { AWS: materializeRole }, Action: 'sts:AssumeRole' };
  await iam.resources
    .find(({ type }) => type === 'AWS::IAM::Role')!
    .create(
      {
        RoleName: 'partner',
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [{ ...trusted, ...(condition && { Condition: condition }) }],
        },
      },
      { stackName: 's', logicalId: 'Role', account, region: 'eu-west-1', generatedName: 'partner' } as ResourceContext,
    );
  objects = new Map();
  calls = [];
  const info = (key: string): S3ObjectInfo => ({ key, size: objects.get(key)!.length, etag: '', lastModified: 0 });
  const s3 = {
    list: async (_: unknown, __: string, prefix: string) =>
      [...objects.keys()].filter((key) => key.startsWith(prefix)).map(info),
    put: async ({ roleArn }: { roleArn: string }, _: string, key: string, body: Buffer) => {
      objects.set(key, body);
      calls.push(`put ${key} as ${roleArn}`);
      return info(key);
    },
    putFile: async ({ roleArn }: { roleArn: string }, _: string, key: string, file: string) => {
      objects.set(key, require('node:fs').readFileSync(file));
      calls.push(`put ${key} as ${roleArn}`);
      return info(key);
    },
    delete: async (_: unknown, __: string, key: string) => {
      objects.delete(key);
      calls.push(`delete ${key}`);
    },
  } as unknown as S3Port;
  server = await createMaterialize({
    s3,
    sts: iam.sts,
    clock,
    jumpRole: iam.outsider(materializeRole).principal,
    passwordOf: () => 'p',
    environmentId,
    prepare: () => prepare(),
  });
  const { host, port, ca } = server;
  session = await postgres(async () => ({
    host,
    port,
    ca,
    user: 'u',
    password: 'p',
    database: 'materialize',
  })).connect();
  await ask(`create connection c to aws (assume role arn = '${role}')`);
}
afterEach(async () => {
  await session.close();
  await server.dispose();
});

const ask = (sql: string) => session.query(sql, 10_000);
const demanding = (id: string) => ({ StringEquals: { 'sts:ExternalId': idOf(id) } });
const copy = (what: string, path = 'p', options = `FORMAT = 'csv'`) =>
  ask(`COPY ${what} TO 's3://b/${path}' WITH (AWS CONNECTION = c, ${options})`);

test('the handshake of the external id, as in the guide', async () => {
  await open(demanding('u1'));
  const found = await ask(`SELECT awsc.id, external_id
    FROM mz_internal.mz_aws_connections awsc JOIN mz_connections c ON awsc.id = c.id WHERE c.name = 'c'`);
  expect(found.rows).toEqual([{ id: 'u1', external_id: idOf('u1') }]);
  await ask('VALIDATE CONNECTION c');
});

test.each([
  [
    'the placeholder of the guide',
    { StringEquals: { 'sts:ExternalId': 'PENDING' } },
    /failed to assume the role: AccessDenied/,
  ],
  ['the id of another connection', demanding('u2'), /failed to assume the role: AccessDenied/],
  ['no external id', undefined, /does not require an external ID/],
])('a role that demands %s is not valid', async (_, condition, expected) => {
  await open(condition);
  await expect(ask('validate connection c')).rejects.toThrow(expected);
});

test('a COPY puts the sentinel first, deletes it last, and needs a path that is empty', async () => {
  await open(demanding('u1'));
  expect((await copy('(select 1 as a union all select 2)', 'p/q/')).count).toBe(2);
  expect(calls).toEqual([
    `put p/q/mz-t1-INCOMPLETE as ${role}`,
    `put p/q/mz-t1-batch-0000-0000.csv as ${role}`,
    'delete p/q/mz-t1-INCOMPLETE',
  ]);
  await expect(copy('(select 1)', 'p/q')).rejects.toThrow('S3 bucket path is not empty, contains 1 objects');
  await ask('create table t (a integer)');
  expect((await copy('t', 'other')).count).toBe(0);
});

test.each([
  [`select interval '1 day' as i`, `FORMAT = 'parquet'`, 'Cannot encode the following columns/types: ["i: INTERVAL"]'],
  ['select 1', `FORMAT = 'json'`, 'unsupported format: json'],
  ['select 1', `FORMAT = 'csv', MAX FILE SIZE = 5`, 'MAX FILE SIZE cannot be less than 16MB, got 5'],
  ['select 1', `FORMAT = 'csv', HEADER = true`, 'option header of COPY TO is not modelled'],
])('COPY (%s) with %s is refused', async (query, options, message) => {
  await open(demanding('u1'));
  await expect(copy(`(${query})`, 'p', options)).rejects.toThrow(message);
  expect(calls).toEqual([]);
});

test.each([
  [`select * from read_csv('/etc/passwd')`, 'function read_csv is not modelled'],
  [`select * from '/etc/passwd.csv'`, 'reading a file is not modelled'],
  ['subscribe t', 'the statement subscribe is not modelled'],
  ['copy t to stdout', 'this form of COPY is not modelled'],
  ['create source s from kafka', 'the statement create source is not modelled'],
  ['set search_path = x', 'set search_path is not modelled'],
  ['validate connection nobody', "unknown catalog item 'nobody'"],
  ["set cluster = 'x'; ", undefined],
])('%s', async (sql, message) => {
  await open(demanding('u1'));
  if (message) await expect(ask(sql)).rejects.toThrow(message);
  else {
    await ask(sql);
    await expect(ask('select 1')).rejects.toThrow("unknown cluster 'x'");
  }
});

test('a transaction that failed answers nothing until it is rolled back, and sees one state of the data', async () => {
  await open(demanding('u1'));
  await ask('create table t (a integer)');
  await ask('begin');
  expect((await ask('select count(*) as n from t')).rows).toEqual([{ n: '0' }]);
  await server.run('insert into t values (1)');
  expect((await ask('select count(*) as n from t')).rows).toEqual([{ n: '0' }]);
  await expect(ask('select nonsense')).rejects.toMatchObject({ code: '42704' });
  await expect(ask('select 1')).rejects.toMatchObject({ code: '25P02' });
  await ask('rollback');
  expect((await ask('select count(*) as n from t')).rows).toEqual([{ n: '1' }]);
});

test('a connection takes the external id that the role demands, and a table is replaced with its rows', async () => {
  const other = 'mz_00000000-0000-4000-8000-000000000002_u7';
  await open({ StringEquals: { 'sts:ExternalId': other } });
  await expect(ask('validate connection c')).rejects.toThrow(/failed to assume the role/);
  expect((await server.connect('c', role, other)).id).toBe('u1');
  await ask('validate connection c');
  expect((await ask('select id, external_id from mz_internal.mz_aws_connections')).rows).toEqual([
    { id: 'u1', external_id: other },
  ]);
  expect((await server.connect('c', role)).externalId).toBe(idOf('u1'));

  const folder = mkdtempSync(join(tmpdir(), 'millrace-materialize-'));
  const file = join(folder, "it's.jsonl");
  const columns = [
    { name: 'a "b"', type: 'decimal(12, 2)' },
    { name: 'sold_at', type: 'timestamp without time zone' },
    { name: 'payload', type: 'json' },
  ];
  const fill = (...rows: object[]) => {
    writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return server.replaceTable({ schema: 'shop', name: 'events', columns, file });
  };
  await fill(
    { 'a "b"': '1', sold_at: '2026-11-21 03:00:00', payload: '{"x":"1,0"}' },
    { 'a "b"': null, sold_at: null, payload: null },
  );
  const found = await ask('select * from shop.events order by sold_at');
  expect(found.rows).toEqual([
    { 'a "b"': '1.00', sold_at: '2026-11-21 03:00:00', payload: '{"x":"1,0"}' },
    { 'a "b"': null, sold_at: null, payload: null },
  ]);
  await fill();
  expect((await ask('select * from shop.events')).rows).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a client gets the error of the preparation before its first statement', async () => {
  prepare = async () => {
    throw new Error('the warehouse does not answer');
  };
  await expect(open(demanding('u1'))).rejects.toThrow('the warehouse does not answer');
});

test.each([
  ['character varying', 'a'],
  ['character', 'a'],
  ['smallint', '-1'],
  ['integer', '-1'],
  ['bigint', '-9223372036854775808'],
  ['real', '1.5'],
  ['double precision', '1.5'],
  ['boolean', 't', 'true'],
  ['date', '2026-11-21'],
  ['time without time zone', '23:59:59'],
  ['timestamp without time zone', '2026-11-21 23:59:59.123456'],
  ['timestamp with time zone', '2026-11-21 23:59:59+00'],
])('a table has columns of the type %s, as Redshift spells it', async (type, value, written = value) => {
  await open(demanding('u1'));
  const folder = mkdtempSync(join(tmpdir(), 'millrace-materialize-'));
  const file = join(folder, 'rows.jsonl');
  writeFileSync(file, `${JSON.stringify({ x: written })}\n${JSON.stringify({ x: null })}\n`);
  await server.replaceTable({ schema: 'shop', name: 'events', columns: [{ name: 'x', type }], file });
  expect((await ask('select x from shop.events order by x')).rows).toEqual([{ x: value }, { x: null }]);
  rmSync(folder, { recursive: true });
});
