import type { Environment, Partner } from '../../environments/environment';
import { parseValue } from '../../lambda/endpoint/values';
import type { EndpointDefinition } from '../../pipelines/definition';
import { paramItem } from '../../sql';
import { declaredTwice, must, namedTwice, or, problem, unknownNames } from './format';
import { elementName } from './shape';

/**
 * What is wrong with the partners of an environment, whose shapes are right. No message holds an external id.
 * @param at the environment in messages, as `environments.dev`
 * @param known exports and endpoints of the pipelines; undefined where they are not known
 */
export function partnerProblems(environment: Environment, at: string, known?: Readable): string[] {
  const { partners } = environment;
  const accounts = accountsOf(environment);
  return [
    ...declaredTwice(
      `${at}.partners`,
      partners.map(({ name }) => name),
    ),
    ...partners.flatMap((partner, index) => {
      const field = `${at}.partners${elementName(partner, index)}`;
      return [
        ...accessProblems(partner, `${field}.access`, known),
        ...externalIdProblems(partner, `${field}.externalId`, accounts),
      ];
    }),
    ...sharedIds(partners, `${at}.partners`),
  ];
}

/**
 * Warnings about partners whose access has ended. They are no errors, because the passing of a day must not stop a deployment.
 * @param now epoch milliseconds
 */
export function endedPartners(environments: readonly Environment[], now: number): string[] {
  return environments.flatMap(({ name, partners }) =>
    partners
      .filter(({ until }) => until !== undefined && Date.parse(`${until}T00:00:00Z`) <= now)
      .map(
        (partner) =>
          `environments.${name}.partners.${partner.name}.until is past, ${partner.until}: nobody can assume the role; remove the partner or set a later day`,
      ),
  );
}

/** What partners can read, by name. */
interface Readable {
  readonly exports: readonly string[];
  readonly endpoints: ReadonlyMap<string, EndpointDefinition>;
}

function accessProblems({ access }: Partner, field: string, known?: Readable): string[] {
  if (access.mode === 'write') return [];
  const { exports, endpoints = [] } = access;
  const names = endpoints.map(({ endpoint }) => endpoint);
  return [
    ...must(
      exports.length + endpoints.length > 0,
      `${field}.exports`,
      'name at least one export, or access.endpoints at least one endpoint',
      exports,
    ),
    ...namedTwice(`${field}.exports`, exports),
    ...namedTwice(`${field}.endpoints`, names),
    ...(known ? unknownNames(`${field}.exports`, 'exports of the pipelines', exports, known.exports) : []),
    ...(known
      ? unknownNames(`${field}.endpoints`, 'endpoints of the pipelines', names, [...known.endpoints.keys()])
      : []),
    ...endpoints.flatMap(({ endpoint, fixed = {} }, index) => {
      const definition = known?.endpoints.get(endpoint);
      return definition ? fixedProblems(definition, fixed, `${field}.endpoints[${index}].fixed`) : [];
    }),
  ];
}

function fixedProblems(
  { params = {}, tenant }: EndpointDefinition,
  fixed: Readonly<Record<string, string>>,
  at: string,
) {
  const known = Object.keys(params);
  return [
    ...Object.entries(fixed).flatMap(([name, value]) => {
      const param = params[name];
      if (!param) return [`${at}.${name} must be a parameter of the endpoint (${or(known) || 'it has none'})`];
      const parsed = parseValue(paramItem(name, param, false), value);
      return 'allowed' in parsed ? [problem(`${at}.${name}`, `be ${parsed.allowed}`, value)] : [];
    }),
    ...(tenant === undefined || Object.hasOwn(fixed, tenant)
      ? []
      : [`${at} must have ${tenant}, the tenant of the endpoint`]),
  ];
}

function externalIdProblems({ externalId: id, who }: Partner, at: string, accounts: readonly string[]): string[] {
  if (id.kind === 'awaited') return [];
  if (id.kind === 'generated')
    // Materialize and Databricks generate their ids and take no others.
    return must(
      who.kind === 'aws' || who.kind === 'snowflake',
      `${at}.kind`,
      `be given or awaited for ${who.kind}, which generates its ids itself`,
      id.kind,
    );
  return id.values.flatMap((value, index) =>
    accounts
      .filter((account) => value.includes(account))
      .map((account) => `${at}.values[${index}] must not contain the account number ${account}, which is no secret`),
  );
}

/** With an id that two partners know, each can assume the other's role. */
function sharedIds(partners: readonly Partner[], at: string): string[] {
  const owners = new Map<string, Set<string>>();
  for (const { name, externalId: id } of partners)
    if (id.kind === 'given')
      for (const value of id.values) owners.set(value, (owners.get(value) ?? new Set()).add(name));
  return [...owners.values()]
    .filter((names) => names.size > 1)
    .map((names) => `${at} must not share an external id, which ${[...names].join(' and ')} do`);
}

/** The account numbers that the environment names. */
function accountsOf({ account, partners }: Environment): string[] {
  const arns = partners.flatMap(({ who }) =>
    who.kind === 'aws' ? [who.principal] : who.kind === 'snowflake' ? [who.userArn ?? ''] : [],
  );
  const named = arns.flatMap((arn) => /^arn:[^:]*:iam::(\d{12}):/.exec(arn)?.[1] ?? []);
  return [...new Set([...(typeof account === 'string' ? [account] : []), ...named])];
}
