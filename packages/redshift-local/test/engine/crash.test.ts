import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Engine } from '../../src/engine/engine';
import { translate } from '../../src/sql';
import { FakeKinesis, FakeS3, rolePrincipal, stoppedClock, temporaryFolder } from '../support/fakes';

test('a kill in the midst of a transaction loses nothing that was committed and leaves nothing half done', async () => {
  const folder = temporaryFolder();
  const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'crash-child.ts'), folder.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (line === 'inside') child.kill('SIGKILL');
  }
  await exited;
  expect(said).toEqual(['committed', 'inside']);

  const engine = await Engine.open(
    {
      file: join(folder.path, 'db.duckdb'),
      database: 'millrace',
      clock: stoppedClock(),
      s3: new FakeS3(folder.path),
      kinesis: new FakeKinesis(folder.path),
      translate,
      assume: () => rolePrincipal('load'),
      caseSensitiveIdentifiers: true,
    },
    { name: 'admin', password: () => 'another' },
  );
  const rows = async (sql: string) => (await engine.query(sql)).records;
  expect(await rows('select a, payload."a" from s.t')).toEqual([[{ longValue: 1 }, { stringValue: '1' }]]);
  expect(await rows(`select table_name from svv_tables where table_schema = 's'`)).toEqual([[{ stringValue: 't' }]]);
  expect(engine.authenticate('admin', 'Secret1pw')).toBe(true);
  engine.close();
  folder.remove();
});
