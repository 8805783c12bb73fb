import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileJournal } from '../../src/data-api/journal';
import type { StatementRecord } from '../../src/data-api/records';
import { ResultFiles } from '../../src/data-api/results';
import { StatementStore } from '../../src/data-api/store';
import { rolePrincipal, start, stoppedClock, temporaryFolder } from '../support/fakes';

const record = (id: string): StatementRecord => ({
  id,
  warehouse: { kind: 'cluster', name: 'c', arn: 'arn' },
  database: 'db',
  dbUser: 'u',
  principal: rolePrincipal('r'),
  batch: false,
  mode: 'transaction',
  withEvent: false,
  resultFormat: 'JSON',
  fingerprint: 'f',
  createdMs: start,
  pid: 1,
  updatedMs: start,
  status: 'SUBMITTED',
  durationMs: 0,
  members: [{ sql: 'select 1', status: 'SUBMITTED', updatedMs: start, durationMs: 0, queryId: -1, rows: -1 }],
});

describe('the journal of statements', () => {
  const folder = temporaryFolder();
  const results = new ResultFiles(join(folder.path, 'results'));
  afterAll(() => folder.remove());

  test('brings back what ended as it ended, and what ran as ABORTED, though the last line is torn', () => {
    const file = join(folder.path, 'a');
    const store = new StatementStore(stoppedClock(), fileJournal(file, stoppedClock()), results);
    const [done, running] = [record('done'), record('running')];
    store.add(done);
    store.add(running);
    done.status = 'FINISHED';
    store.update(done);
    appendFileSync(file, '{"id":"torn');
    const later = new StatementStore(stoppedClock(), fileJournal(file, stoppedClock()), results);
    expect(later.find('done')?.status).toBe('FINISHED');
    expect(later.find('running')).toMatchObject({ status: 'ABORTED', members: [{ status: 'ABORTED' }] });
    expect(later.active()).toBe(0);
  });

  test('does not grow for ever', () => {
    const file = join(folder.path, 'b');
    const clock = stoppedClock();
    const store = new StatementStore(clock, fileJournal(file, clock, 5000), results);
    for (let i = 0; i < 100; i++) {
      const each = { ...record(`${i}`), createdMs: clock.now() };
      store.add(each);
      each.status = 'FINISHED';
      store.update(each);
      clock.advanceTo(clock.now() + 12 * 3_600_000);
    }
    expect(readFileSync(file).length).toBeLessThan(10_000);
  });
});
