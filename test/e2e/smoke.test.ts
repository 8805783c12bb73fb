import { documented, same } from '../cli/documented';
import { secondTierTest } from '../support/tier';
import { type Dev, startDev } from './dev';
import { whileTimePasses } from './pass-time';

jest.setTimeout(240_000);

const start = Date.UTC(2026, 10, 21, 9, 7);
let dev: Dev;

beforeAll(async () => {
  dev = await startDev(start);
  await dev.pass(10 * 60_000);
});
afterAll(() => dev?.dispose());

interface Found {
  readonly check: string;
  readonly expected: string;
  readonly found: string;
  readonly result: string;
}

async function smoke(...args: string[]): Promise<{ code: number; findings: Found[] }> {
  const { code, stdout, stderr } = await whileTimePasses(dev.runtime, () => dev.cli('smoke', '--json', ...args));
  if (stdout === '') throw new Error(stderr);
  const answer = JSON.parse(stdout);
  same(answer, documented.get('smoke'), 'smoke');
  return { code, findings: answer.findings };
}

const of = (findings: readonly Found[], check: string) => findings.find((each) => each.check === check);

test('marks go through stream and history to events, views and an export, and are removed', async () => {
  // S3 notifies eight times, the last times after the removal.
  const minutes = [0, 10, 14, 18, 22, 26, 30, 40].map((minute) => minute * 60_000);
  dev.trouble.delivery = (point) => (point === 'notification' ? minutes : undefined);
  const { code, findings } = await smoke();
  dev.trouble.delivery = () => undefined;
  expect(findings.filter(({ result }) => result === 'wrong')).toEqual([]);
  expect(code).toBe(0);
  await dev.pass(40 * 60_000);
  expect(of(findings, 'estore: marked records')).toMatchObject({ found: '5 events, 1 duplicates, 1 rejects' });
  expect(of(findings, 'estore: views')?.found).toMatch(/purchases [1-9]/);
  expect(of(findings, 'estore.purchases: export')?.found).toMatch(/^[1-9]\d* in [1-9]/);
  expect(of(findings, 'estore.purchases: corrected')).toMatchObject({ result: 'ok' });
  expect(of(findings, 'partner analytics: the role without an external id')).toMatchObject({ result: 'ok' });
  expect(of(findings, 'partner analytics: the role with its external id')).toMatchObject({ result: 'ok' });
  for (const table of ['events', 'duplicates', 'rejects', 'ledger'])
    expect([table, await dev.query(`select * from estore.${table}`)]).toEqual([table, []]);
  expect(await dev.query('select count(*) from estore.purchases')).toEqual([['0']]);
});

secondTierTest('with --read-only it sends nothing and runs the conformance pack in schemas that it drops', async () => {
  const records = dev.runtime.kinesis.acceptedRecords('millrace-dev-estore');
  const { findings } = await smoke('--read-only');
  expect(of(findings, 'conformance pack')).toMatchObject({ result: 'ok', found: expect.stringMatching(/^\d+ agree/) });
  expect(of(findings, 'alarms')).toMatchObject({ result: 'ok', found: expect.stringMatching(/^\d+ alarms$/) });
  expect(findings.some(({ check }) => check.includes('marked'))).toBe(false);
  expect(dev.runtime.kinesis.acceptedRecords('millrace-dev-estore')).toBe(records);
  expect(await dev.query(`select count(*) from svv_all_schemas where schema_name like 'conformance%'`)).toEqual([
    ['0'],
  ]);
});

secondTierTest(
  'what is wrong is named, every wait ends, and marks that came late are removed by their mark',
  async () => {
    const isMerge = (name: string) => name.startsWith('millrace/dev/estore/');
    dev.trouble.statement = (name) => (isMerge(name) ? { kind: 'fail', error: 'a fault' } : undefined);
    const { code, findings } = await smoke('--timeout', '15');
    dev.trouble.statement = () => undefined;
    expect(code).toBe(1);
    // With a busy machine even the question may come too late: then the group itself is what is wrong.
    const followed = of(findings, 'estore: marked records') ?? of(findings, 'follow estore');
    expect(followed).toMatchObject({ result: 'wrong' });
    const removed = of(findings, 'estore: marks removed')!;
    const [, mark] = /millrace smoke --remove (millrace-smoke-[0-9a-f]{12})$/.exec(removed.found)!;
    // A load that failed is tried again after its visibility timeout.
    await dev.pass(60 * 60_000);
    expect(Number((await dev.query('select count(*) from estore.events'))[0]![0])).toBeGreaterThan(0);

    const cleaned = await smoke('--remove', mark!);
    expect(cleaned.findings.filter(({ result }) => result === 'wrong')).toEqual([]);
    expect(await dev.query('select event_id, source from estore.events')).toEqual([]);
    expect(await dev.query('select event_id, source from estore.duplicates')).toEqual([]);
    expect(await dev.query('select reason, source, partition_key, object_key from estore.rejects')).toEqual([]);
  },
);

test('an environment that there is not', async () => {
  const { code, stderr } = await dev.cli('smoke', 'production');
  expect([code, stderr]).toEqual([2, expect.stringContaining("must be one of dev, staging, prod, got 'production'")]);
  const bad = await dev.cli('smoke', '--remove', '%');
  expect([bad.code, bad.stderr]).toEqual([
    2,
    expect.stringContaining('--remove must be a mark such as millrace-smoke-'),
  ]);
});
