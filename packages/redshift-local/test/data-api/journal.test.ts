import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fillable } from 'aws-local-kit/testing';
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

  test('on a full disk no statement begins, an end is kept for later, and a token stays free', () => {
    const disk = fillable(folder.path);
    const file = join(folder.path, 'full');
    const open = () => new StatementStore(stoppedClock(), fileJournal(file, stoppedClock()), results);
    try {
      const store = open();
      const running = record('running');
      store.add(running);
      disk.fill(20);
      const refused = { ...record('refused'), clientToken: 'token' };
      expect(() => store.add(refused)).toThrow(`the disk of ${file} is full`);
      expect(store.find('refused')).toBeUndefined();
      expect(store.findToken(refused.principal, 'token')).toBeUndefined();
      const stored: string[] = [];
      running.status = 'FINISHED';
      store.update(running, () => stored.push('running'));
      expect(store.find('running')?.status).toBe('FINISHED');
      expect(stored).toEqual([]);
      disk.free();
      store.add(refused);
      expect(stored).toEqual(['running']);
      const later = open();
      expect(later.find('running')?.status).toBe('FINISHED');
      expect(later.find('refused')?.status).toBe('ABORTED');
    } finally {
      disk.dispose();
    }
  });

  test('memory holds no text of a statement that has ended, and reads it from the journal, also after a rewrite', () => {
    const file = join(folder.path, 'texts');
    const store = new StatementStore(stoppedClock(), fileJournal(file, stoppedClock(), 5000), results);
    const textOf = (n: number) => `select '${n} é'`;
    for (let n = 0; n < 50; n++) {
      const each = record(`${n}`);
      const [member] = each.members;
      store.add({ ...each, members: [{ ...member!, sql: textOf(n) }] });
      const running = store.find(`${n}`)!;
      running.status = 'FINISHED';
      store.update(running);
    }
    expect(JSON.stringify(store.all())).not.toContain('select');
    for (let n = 0; n < 50; n++)
      expect(store.find(`${n}`)).toMatchObject({ status: 'FINISHED', members: [{ sql: textOf(n) }] });
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
