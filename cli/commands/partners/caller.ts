import { outsiderPath } from 'aws-local/internal-api';
import { preset } from '../../../lib/partners/presets';
import type { Credentials } from '../../cloud/partner-access';
import { Failure } from '../../failure';
import type { PartnerCaller } from './checks';
import type { PartnerSite } from './site';

/** Principal of an unknown caller, used while the partner's own principal is not known. */
const stranger = 'arn:aws:iam::999999999999:root';

/** Returns credentials of the partner's principal: those that the local runtime creates, or those of a profile. */
export function partnerCaller({ reach, controlToken }: PartnerSite, profile: string | undefined): PartnerCaller {
  const { endpoint } = reach;
  if (endpoint === undefined) return async () => (profile === undefined ? undefined : { profile });
  return async (partner) => {
    const answer = await fetch(`${endpoint}${outsiderPath}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${controlToken}` },
      body: preset(partner).principal ?? stranger,
    });
    if (!answer.ok)
      throw new Failure(`the local runtime gives no credentials for ${partner.name}: ${await answer.text()}`);
    return (await answer.json()) as Credentials;
  };
}
