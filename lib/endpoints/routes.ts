import type { Environment, Partner } from '../../environments/environment';
import type { PartnerGrant } from '../../lambda/endpoint/contract';
import { partnerRoleName } from '../partners/presets';

/** Forms of an answer, as the end of its path. */
const formats = ['json', 'csv', 'ndjson'] as const;

/** `name` takes the endpoint with its format. */
export const tokenRoute = (pipeline: string) => `ANY /v1/${pipeline}/{name}`;
/** For partners' roles. */
export const partnerRoute = (pipeline: string) => `GET /iam/v1/${pipeline}/{name}`;
export const documentRoutes = ['GET /openapi.json', 'GET /docs'] as const;

const endpointsOf = ({ access }: Partner) => (access.mode === 'read' ? (access.endpoints ?? []) : []);

/** Paths that the partner may call, without a slash at the beginning. */
export const partnerPaths = (partner: Partner): string[] =>
  endpointsOf(partner).flatMap(({ endpoint }) =>
    formats.map((format) => `iam/v1/${endpoint.replace('.', '/')}.${format}`),
  );

/** What each partner's role may ask of these pipelines, by the name of the role. */
export function partnerGrants(
  { name, partners }: Environment,
  pipelines: readonly { readonly name: string }[],
): Record<string, PartnerGrant> {
  const isHere = (endpoint: string) => pipelines.some((pipeline) => endpoint.startsWith(`${pipeline.name}.`));
  const grants = partners.map((partner) => {
    const own = endpointsOf(partner).filter(({ endpoint }) => isHere(endpoint));
    const endpoints = Object.fromEntries(own.map(({ endpoint, fixed = {} }) => [endpoint, { fixed }]));
    return [partnerRoleName(name, partner.name), { partner: partner.name, endpoints }] as const;
  });
  return Object.fromEntries(grants.filter(([, { endpoints }]) => Object.keys(endpoints).length > 0));
}
