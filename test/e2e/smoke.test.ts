import { type Dev, startDev } from './dev';

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

/** Runs the command while the clock goes two minutes in a second. */
async function smoke(...args: string[]): Promise<{ code: number; findings: Found[] }> {
  dev.runtime.clock.setRate(120);
  try {
    const { code, stdout, stderr } = await dev.cli('smoke', '--json', ...args);
    if (stdout === '') throw new Error(stderr);
    return { code, findings: JSON.parse(stdout).findings };
  } finally {
    dev.runtime.clock.setRate(0);
    await dev.runtime.settle();
  }
}

const of = (findings: readonly Found[], check: string) => findings.find((each) => each.check === check);

test('marks go through stream and history to events, views and an export, and are removed', async () => {
  const { code, findings } = await smoke();
  expect(findings.filter(({ result }) => result === 'wrong')).toEqual([]);
  expect(code).toBe(0);
  expect(of(findings, 'estore: marked records')).toMatchObject({ found: '5 events, 1 duplicates, 1 rejects' });
  expect(of(findings, 'estore: views')?.found).toMatch(/purchases [1-9]/);
  expect(of(findings, 'estore.purchases: export')?.found).toMatch(/^[1-9]\d* in [1-9]/);
  expect(of(findings, 'estore.purchases: corrected')).toMatchObject({ result: 'ok' });
  expect(of(findings, 'partner analytics: the role without an external id')).toMatchObject({ result: 'ok' });
  expect(of(findings, 'partner analytics: the role with its external id')).toMatchObject({ result: 'ok' });
  for (const table of ['events', 'duplicates', 'rejects', 'ledger'])
    expect(await dev.query(`select count(*) from estore.${table}`)).toEqual([['0']]);
  expect(await dev.query('select count(*) from estore.purchases')).toEqual([['0']]);
});
