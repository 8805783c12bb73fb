import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Caller, RoleDoor } from '../../../cli/cloud/partner-access';
import { partnerCaller } from '../../../cli/commands/partners/caller';
import { checkPartner } from '../../../cli/commands/partners/checks';
import { onboarding } from '../../../cli/commands/partners/onboarding';
import { externalIdsOf } from '../../../cli/commands/partners/site';
import { dev } from '../../../environments/dev';
import type { Partner } from '../../../environments/environment';
import { secondTierTest as test } from '../../support/tier';
import { fillBuckets, partnersAssembly, startPartners } from './site';

jest.setTimeout(120_000);
const folder = mkdtempSync(join(tmpdir(), 'millrace-rotation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const data = join(folder, 'data');
let deployments = 0;

/** Deploys over what was deployed before, as the next `cdk deploy` would. */
async function deployed(changes: Partial<Partner>, old: readonly string[] = []) {
  const partner: Partner = { ...dev.partners.find(({ name }) => name === 'analytics')!, ...changes };
  const environment = { partners: [partner, ...dev.partners.filter(({ name }) => name !== 'analytics')] };
  deployments += 1;
  const started = await startPartners(
    partnersAssembly(join(folder, `assembly-${deployments}`), environment),
    data,
    environment,
  );
  const { runtime, site } = started;
  try {
    await fillBuckets(started);
    const ids = await externalIdsOf(site, partner);
    const caller = partnerCaller(site, undefined);
    const checks = await checkPartner(site, partner, caller);
    const door = new RoleDoor(site.reach, (await caller(partner)) as Caller);
    const role = `arn:aws:iam::${site.account}:role/millrace-dev-analytics`;
    const opens = async (id: string) => (await door.open(role, id)).outcome.kind;
    const outcomes = Object.fromEntries(await Promise.all(old.map(async (id) => [id, await opens(id)] as const)));
    door.close();
    return { ids, checks, outcomes, text: onboarding(site, partner, ids).text };
  } finally {
    await runtime.dispose();
  }
}

const generations = (...numbers: number[]): Partial<Partner> => ({
  externalId: { kind: 'generated', generations: numbers },
});
const open = ({ checks }: Awaited<ReturnType<typeof deployed>>) => checks.filter(({ result }) => result !== 'holds');

test('an id lives through deployments, overlaps with the next one, and is refused when its time is over', async () => {
  const first = await deployed({ externalId: { kind: 'generated' } });
  const [one] = first.ids as [string];
  expect(one).toMatch(/^[A-Za-z0-9]{40}$/);
  expect(open(first)).toEqual([]);

  const again = await deployed(generations(1), [one]);
  expect(again.ids).toEqual([one]);
  expect(again.outcomes).toEqual({ [one]: 'allowed' });

  const both = await deployed(generations(1, 2), [one]);
  const two = both.ids[1]!;
  expect(both.ids).toEqual([one, expect.stringMatching(/^[A-Za-z0-9]{40}$/)]);
  expect(two).not.toBe(one);
  expect(both.outcomes).toEqual({ [one]: 'allowed' });
  expect(open(both)).toEqual([]);
  expect(both.checks.map(({ what }) => what)).toEqual(
    expect.arrayContaining(['the role with its external id 1', 'the role with its external id 2']),
  );
  expect(both.text).toMatch(new RegExp(`until you have changed over \\| \`${one}\``));
  expect(both.text).toContain(`--external-id '${two}'`);

  const last = await deployed(generations(2), [one, two]);
  expect(last.ids).toEqual([two]);
  expect(last.outcomes).toEqual({ [one]: 'refused', [two]: 'allowed' });
  expect(open(last)).toEqual([]);

  const over = await deployed({ ...generations(2), until: '2020-01-01' }, [two]);
  expect(over.outcomes).toEqual({ [two]: 'refused' });
});

test('an id that the partner chose replaces the awaited one, and nobody gets in before', async () => {
  const id = 'chosen-by-the-partner-0815';
  const awaited = await deployed({ externalId: { kind: 'awaited' } }, [id, 'PENDING', '']);
  expect(awaited.ids).toEqual([]);
  expect(new Set(Object.values(awaited.outcomes)).has('allowed')).toBe(false);
  const given = await deployed({ externalId: { kind: 'given', values: [id] } }, [id]);
  expect(given.outcomes).toEqual({ [id]: 'allowed' });
  expect(open(given)).toEqual([]);
});
