import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { KinesisClient, PutRecordsCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { ExecuteStatementCommand, GetStatementResultCommand } from '@aws-sdk/client-redshift-data';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type Services, startServices } from 'aws-local/testing';
import { dataClient, place, rows, run, spawnWarehouse, startServer, type WarehouseProcess } from './warehouse-server';

jest.setTimeout(60_000);

const folders: string[] = [];
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'millrace-served-'));
  folders.push(path);
  return path;
};
const servers: WarehouseProcess[] = [];
const start = async (dataDir: string, args: readonly string[] = []) => {
  const server = await startServer(dataDir, args);
  servers.push(server);
  return server;
};
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.kill('SIGKILL');
    await server.exited();
  }
});
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

const role = `iam_role 'arn:aws:iam::123456789012:role/loader'`;

describe('a server for whoever comes', () => {
  test('one line on stdout; a cluster, its database and its users are there when they are named, and after a restart', async () => {
    const data = folder();
    const first = await start(data);
    const client = dataClient(first.endpoint);
    expect(await rows(client, 'select current_user')).toEqual([['awsuser']]);
    expect(await rows(client, 'select current_user', { WorkgroupName: 'serverless', Database: 'x' })).toEqual([
      ['IAM:any'],
    ]);
    const secret = {
      ClusterIdentifier: 'demo',
      Database: 'dev',
      SecretArn: 'arn:aws:secretsmanager:eu-west-1:1:secret:s',
    };
    expect(await rows(client, 'select current_user', secret)).toEqual([['awsuser']]);
    expect((await run(client, 'create table t (a integer)')).Status).toBe('FINISHED');
    expect((await run(client, 'insert into t values (7)')).ResultRows).toBe(1);
    // one cluster's tables are not another's
    expect((await run(client, 'select a from t', { ...place, ClusterIdentifier: 'other' })).Error).toMatch(
      /t.* does not exist/,
    );
    expect((await run(client, 'select a from t', { ...place, Database: 'other' })).Error).toMatch(/t.* does not exist/);
    first.kill('SIGTERM');
    expect(await first.exited()).toBe(0);
    const credentialsFile = join(data, 'credentials');
    expect(first.stdout).toEqual([JSON.stringify({ endpoint: first.endpoint, credentialsFile })]);
    expect(first.stderr()).toBe('');

    const second = await start(data);
    expect(await rows(dataClient(second.endpoint), 'select a from t')).toEqual([[7]]);
    second.kill('SIGINT');
    expect(await second.exited()).toBe(0);
  });

  test('a user made by CREATE USER has what was granted and no more', async () => {
    const server = await start(folder());
    const client = dataClient(server.endpoint);
    await run(client, `create user reader password 'Reader1pw'`);
    await run(client, 'create schema s');
    await run(client, 'create table s.t (a integer)');
    const reader = { ...place, DbUser: 'reader' };
    expect((await run(client, 'select a from s.t', reader)).Error).toBe('ERROR: permission denied for schema s');
    await run(client, 'grant usage on schema s to reader');
    await run(client, 'grant select on s.t to reader');
    expect((await run(client, 'select a from s.t', reader)).Status).toBe('FINISHED');
  });

  test('another access key does not see the statement', async () => {
    const server = await start(folder());
    const { Id } = await dataClient(server.endpoint, 'one').send(
      new ExecuteStatementCommand({ ...place, Sql: 'select 1', WaitTimeSeconds: 10 }),
    );
    await expect(
      dataClient(server.endpoint, 'other').send(new GetStatementResultCommand({ Id })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  test('WithEvent leaves an event as EventBridge would deliver it', async () => {
    const data = folder();
    const server = await start(data);
    const { Id } = await dataClient(server.endpoint).send(
      new ExecuteStatementCommand({
        ...place,
        Sql: 'select 1',
        WithEvent: true,
        StatementName: 'n',
        WaitTimeSeconds: 10,
      }),
    );
    const [event] = readFileSync(join(data, 'events.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(event).toMatchObject({
      version: '0',
      source: 'aws.redshift-data',
      'detail-type': 'Redshift Data Statement Status Change',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      resources: [expect.stringMatching(/^arn:aws:redshift:[\w-]+:\d{12}:cluster:demo$/)],
      detail: { statementId: Id, statementName: 'n', state: 'FINISHED', rows: 1 },
    });
  });

  test('a schema may have the name of its database, and a file of an earlier version is found', async () => {
    const data = folder();
    const first = await start(data, ['--case-sensitive']);
    const client = dataClient(first.endpoint);
    expect((await run(client, 'create schema dev')).Error).toBeUndefined();
    expect((await run(client, 'create table dev.t ("A" integer)')).Error).toBeUndefined();
    expect((await run(client, 'insert into dev.t values (7)')).Error).toBeUndefined();
    first.kill('SIGTERM');
    await first.exited();
    const file = join(data, 'clusters', 'demo');
    renameSync(join(file, 'database=dev.duckdb'), join(file, 'dev.duckdb'));
    const second = await start(data, ['--case-sensitive']);
    expect(await rows(dataClient(second.endpoint), 'select "A" from dev.t')).toEqual([[7]]);
  });

  test('a name that no cluster, workgroup or database can have is refused', async () => {
    const server = await start(folder());
    const client = dataClient(server.endpoint);
    const sent = (where: object) => client.send(new ExecuteStatementCommand({ ...place, ...where, Sql: 'select 1' }));
    await expect(sent({ ClusterIdentifier: '../../etc' })).rejects.toThrow(
      /Value '\.\.\/\.\.\/etc' at 'clusterIdentifier' failed/,
    );
    await expect(sent({ Database: '../x' })).rejects.toThrow(/Database must be .* got "..\/x"/);
    await expect(sent({ Database: 'Dev' })).rejects.toThrow(/Database must be in lower case/);
    await expect(sent({ ClusterIdentifier: undefined })).rejects.toThrow(
      'Either ClusterIdentifier or WorkgroupName needs to be specified.',
    );
  });
});

describe('a start that cannot be', () => {
  const ended = async (...args: string[]) => {
    const child = spawnWarehouse(args);
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += `stdout: ${chunk}`;
    });
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, 'close');
    return { code, said };
  };

  test('over a folder that is served already', async () => {
    const data = folder();
    const server = await start(data);
    const { code, said } = await ended('--port', '0', '--data', data);
    expect([code, said]).toEqual([
      1,
      `error: process ${server.pid} is running over ${data}; stop it, or choose another folder with --data\n`,
    ]);
  });

  test('on a port that is taken, which leaves the folder free', async () => {
    const data = folder();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    expect(await ended('--port', String(port), '--data', data)).toEqual({
      code: 1,
      said: `error: port ${port} on 127.0.0.1 is in use by another process\n`,
    });
    taken.close();
    expect(existsSync(join(data, 'lock'))).toBe(false);
  });

  test.each([
    ['--port', '70000', '--port must be a whole number from 0 to 65,535'],
    ['--s3', 'localhost:9000', '--s3 must be a URL like http://127.0.0.1:9000'],
    ['--data', '', '--data must not be empty'],
  ])('with %s %s', async (flag, value, message) => {
    const { code, said } = await ended(flag, value);
    expect(code).toBe(2);
    expect(said).toContain(message);
  });
});

describe('with endpoints', () => {
  let services: Services;
  beforeAll(async () => {
    services = await startServices({ now: Date.now() });
    await services.create('AWS::S3::Bucket', 'Bucket', { BucketName: 'bucket' });
    await services.create('AWS::Kinesis::Stream', 'Stream', {
      Name: 'clicks',
      ShardCount: 2,
      RetentionPeriodHours: 24,
    });
  });
  afterAll(() => services.stop());

  const startWith = async (...options: string[]) => {
    const { accessKeyId, secretAccessKey, sessionToken } = services.iam.administrator.credentials;
    const env = {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...(sessionToken && { AWS_SESSION_TOKEN: sessionToken }),
      AWS_REGION: 'eu-west-1',
    };
    const server = await startServer(
      folder(),
      options.flatMap((option) => [option, services.gateway.endpoint]),
      env,
    );
    servers.push(server);
    return dataClient(server.endpoint);
  };

  test('COPY reads from S3 and UNLOAD writes to it', async () => {
    const s3 = new S3Client({ ...services.client(), forcePathStyle: true });
    for (const [key, lines] of [
      ['in/a.gz', '{"a":1}\n{"a":2}\n'],
      ['in/ö +&.gz', '{"a":3}\n'],
    ] as const)
      await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: key, Body: gzipSync(lines) }));
    const client = await startWith('--s3');
    await run(client, 'create table t (a integer)');
    const loaded = await run(client, `copy t from 's3://bucket/in/' ${role} format json 'auto' gzip`);
    expect([loaded.Error, loaded.Status]).toEqual([undefined, 'FINISHED']);
    expect(await rows(client, 'select sum(a), count(*) from t')).toEqual([[6, 3]]);
    expect(await rows(client, 'select count(distinct file_etag) from sys_load_detail')).toEqual([[2]]);

    const unloaded = await run(
      client,
      `unload ('select a from t order by a') to 's3://bucket/out/' ${role} format csv header parallel off`,
    );
    expect([unloaded.Error, unloaded.Status]).toEqual([undefined, 'FINISHED']);
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'bucket', Prefix: 'out/' }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'bucket', Key: Contents![0]!.Key }));
    expect(await Body!.transformToString()).toBe('a\n1\n2\n3\n');
    const again = await run(client, `unload ('select a from t') to 's3://bucket/out/' ${role} format csv`);
    expect(again.Error).toMatch(/destination on S3 is not empty/);
    const missing = await run(client, `copy t from 's3://nowhere-bucket/in/' ${role} format json 'auto'`);
    expect(missing.Error).toMatch(/bucket/i);
  });

  test('a streaming view reads each record once, also from the children of a shard', async () => {
    const kinesis = new KinesisClient(services.client());
    const put = (from: number, count: number) =>
      kinesis.send(
        new PutRecordsCommand({
          StreamName: 'clicks',
          Records: Array.from({ length: count }, (_, i) => ({
            PartitionKey: `key-${from + i}`,
            Data: Buffer.from(JSON.stringify({ n: from + i })),
          })),
        }),
      );
    await put(0, 300);
    const client = await startWith('--kinesis');
    const done = async (sql: string) => {
      const { Status, Error: why } = await run(client, sql);
      expect([sql, Status, why]).toEqual([sql, 'FINISHED', undefined]);
    };
    await done(`create external schema k from kinesis ${role}`);
    await done(
      `create materialized view v as select shard_id, sequence_number, json_parse(kinesis_data) as payload from k.clicks where can_json_parse(kinesis_data)`,
    );
    const counted = 'select count(*), count(distinct sequence_number), count(distinct payload.n::integer) from v';
    expect(await rows(client, counted)).toEqual([[300, 300, 300]]);
    await put(300, 200);
    await kinesis.send(
      new SplitShardCommand({
        StreamName: 'clicks',
        ShardToSplit: 'shardId-000000000000',
        NewStartingHashKey: String(2n ** 126n),
      }),
    );
    await put(500, 100);
    await done('refresh materialized view v');
    expect(await rows(client, counted)).toEqual([[600, 600, 600]]);
    await done('refresh materialized view v');
    expect(await rows(client, counted)).toEqual([[600, 600, 600]]);
    expect((await run(client, `create materialized view w as select sequence_number from k.nowhere`)).Error).toMatch(
      /nowhere.*not found|nowhere.*does not exist/i,
    );
  });

  test("a secret has to exist, and its password to be the user's", async () => {
    const secret = (name: string, value: object) =>
      services.create('AWS::SecretsManager::Secret', name, { Name: name, SecretString: JSON.stringify(value) });
    const right = await secret('right', { username: 'dora', password: 'Right1pw' });
    const wrong = await secret('wrong', { username: 'dora', password: 'Wrong1pw' });
    const client = await startWith('--secrets');
    const where = (SecretArn: string) => ({ ClusterIdentifier: 'demo', Database: 'dev', SecretArn });
    expect(await rows(client, 'select current_user', where(right.ref))).toEqual([['dora']]);
    expect((await run(client, 'select 1', where(wrong.ref))).Error).toBe(
      'FATAL: password authentication failed for user "dora"',
    );
    await expect(
      run(client, 'select 1', where('arn:aws:secretsmanager:eu-west-1:000000000000:secret:none')),
    ).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  test('an endpoint that never answers does not keep the server from ending', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const reached = once(silent, 'connection');
    const { port } = silent.address() as { port: number };
    const server = await startServer(folder(), ['--s3', `http://127.0.0.1:${port}`]);
    servers.push(server);
    const client = dataClient(server.endpoint);
    await run(client, 'create table t (a integer)');
    const { Id } = await client.send(
      new ExecuteStatementCommand({ ...place, Sql: `copy t from 's3://bucket/in/' ${role} format json 'auto'` }),
    );
    expect(Id).toBeDefined();
    const [socket] = await reached;
    server.kill('SIGTERM');
    expect(await server.exited()).toBe(0);
    socket.destroy();
    silent.close();
  });

  test('without them, what needs one says which option is missing', async () => {
    const client = await startWith();
    await run(client, 'create table t (a integer)');
    expect((await run(client, `copy t from 's3://bucket/in/' ${role} format json 'auto'`)).Error).toMatch(/--s3/);
    expect((await run(client, `unload ('select 1 as a') to 's3://bucket/x/' ${role} format csv`)).Error).toMatch(
      /--s3/,
    );
    await run(client, `create external schema k from kinesis ${role}`);
    expect((await run(client, 'create materialized view v as select sequence_number from k.clicks')).Error).toMatch(
      /--kinesis/,
    );
  });
});
