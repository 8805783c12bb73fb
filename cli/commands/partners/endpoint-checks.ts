import type { Partner, PartnerEndpoint } from '../../../environments/environment';
import type { EndpointItem } from '../../../lambda/endpoint/contract';
import type { Credentials } from '../../cloud/partner-access';
import { PartnerEndpoints } from '../../cloud/partner-endpoints';
import { addressOf } from '../api/call';
import { endpointName, knownEndpoints } from '../api/site';
import type { Checks } from './check-list';
import type { PartnerSite } from './site';

/** Asks every endpoint: those that the partner was granted must answer, all others must refuse. */
export async function checkEndpoints(
  site: PartnerSite,
  { access }: Partner,
  session: Credentials,
  checks: Checks,
): Promise<void> {
  const granted = access.mode === 'read' ? (access.endpoints ?? []) : [];
  const url = site.pipelines['ApiUrl'];
  if (typeof url !== 'string') {
    for (const { endpoint } of granted)
      checks.unproven(`asking ${endpoint}`, 'allowed', 'the pipelines stack has no output ApiUrl; deploy it');
    return;
  }
  const api = new PartnerEndpoints(site.region, session);
  const signedRoutes = `${url.replace(/\/$/, '')}/iam`;
  for (const item of knownEndpoints()) {
    const name = endpointName(item);
    const addressWith = (params: Record<string, string>) => addressOf(signedRoutes, item, 'json', params);
    const grant = granted.find(({ endpoint }) => endpoint === name);
    checks.judge(`asking ${name}`, grant ? 'allowed' : 'refused', await api.signed(addressWith({})));
    if (!grant) continue;
    checks.judge(`asking ${name} without a signature`, 'refused', await api.unsigned(addressWith({})));
    for (const param of fixedOf(grant, item)) {
      const chosen = await api.signed(addressWith({ [param]: 'millrace-verify' }));
      checks.judge(`asking ${name} with another ${param}`, 'refused', chosen);
    }
  }
}

const fixedOf = ({ fixed = {} }: PartnerEndpoint, { params }: EndpointItem) =>
  params.map(({ name }) => name).filter((name) => Object.hasOwn(fixed, name));
