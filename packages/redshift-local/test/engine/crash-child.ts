import { Engine } from '../../src/engine/engine';
import { translate } from '../../src/sql';
import { FakeKinesis, FakeS3, rolePrincipal, stoppedClock } from '../support/fakes';

/** Commits a batch, tells so, and is in the midst of the next one when it tells again. */
async function main(folder: string): Promise<void> {
  const s3 = new FakeS3(folder);
  s3.list = () => {
    process.stdout.write('inside\n');
    return new Promise(() => setInterval(() => {}, 1000));
  };
  const engine = await Engine.open(
    {
      file: `${folder}/db.duckdb`,
      database: 'millrace',
      clock: stoppedClock(),
      s3,
      kinesis: new FakeKinesis(folder),
      translate,
      assume: () => rolePrincipal('load'),
      caseSensitiveIdentifiers: true,
    },
    { name: 'admin', password: () => 'Secret1pw' },
  );
  const run = (...sqls: string[]) =>
    engine.run({ sqls, mode: 'transaction', user: 'admin', signal: new AbortController().signal });
  await run(
    'create schema s',
    'create table s.t (a bigint, payload super)',
    `insert into s.t select 1, json_parse('{"a":1}')`,
  );
  process.stdout.write('committed\n');
  const failed = await run(
    'insert into s.t select 2, null',
    'create table s.half (a bigint)',
    'create materialized view s.v as select count(*) as n from s.t',
    `copy s.t from 's3://history/in/' iam_role 'arn:aws:iam::000000000000:role/load' format json 'auto'`,
  );
  process.stdout.write(`${failed.error}\n`);
}

void main(process.argv[2]!);
