import { partnerCaller } from '../partners/caller';
import { checkPartner } from '../partners/checks';
import type { PartnerSite } from '../partners/site';
import type { CheckResult } from './check-result';

/** Checks each partner's role, with and without its external id, and what it reaches. */
export async function partners(site: PartnerSite, profile: string | undefined): Promise<CheckResult[]> {
  const findings: CheckResult[] = [];
  for (const partner of site.environment.partners) {
    const checks = await checkPartner(site, partner, partnerCaller(site, profile));
    for (const { what, expected, result, detail } of checks)
      findings.push({
        check: `partner ${partner.name}: ${what}`,
        expected,
        found: result === 'holds' ? expected : (detail ?? `not ${expected}`),
        result: result === 'holds' ? 'ok' : result === 'broken' ? 'wrong' : 'unknown',
      });
  }
  return findings;
}
