import type { Environment, Partner } from './environment';
import { must, repeated } from './problems';

const principalArn = /^arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)\/[\w+=,.@/-]{1,512})$/;
const userArn = /^arn:aws[a-z-]*:iam::\d{12}:user\/[\w+=,.@/-]{1,512}$/;
/** The characters are those of sts:AssumeRole; fewer than 20 of them can be guessed. */
const externalId = /^[\w+=,.@:/-]{20,1224}$/;

/** @param at the environment's own field name */
export function partnersProblems(at: string, environment: Environment, exports: readonly string[]): string[] {
  const { partners } = environment;
  const field = ({ name }: Partner) => `${at}.partners.${name}`;
  return [
    ...repeated(
      `${at}.partners`,
      partners.map(({ name }) => name),
    ),
    ...partners.flatMap((partner) => [
      ...identityProblems(field(partner), partner),
      ...accessProblems(field(partner), partner, exports),
      ...externalIdProblems(`${field(partner)}.externalId`, partner, accountsOf(environment)),
    ]),
    ...sharedIds(at, partners),
  ];
}

function identityProblems(at: string, { name, who, until }: Partner): string[] {
  return [
    ...must(
      /^[a-z][a-z0-9-]{0,31}$/.test(name),
      `${at}.name`,
      'be lower-case letters, digits and hyphens, starting with a letter, at most 32',
      name,
    ),
    ...must(
      who.kind !== 'aws' || principalArn.test(who.principal),
      `${at}.who.principal`,
      'be the ARN of an account root, a role or a user',
      who.kind === 'aws' ? who.principal : undefined,
    ),
    ...must(
      who.kind !== 'snowflake' || who.userArn === undefined || userArn.test(who.userArn),
      `${at}.who.userArn`,
      'be the ARN of a user, as STORAGE_AWS_IAM_USER_ARN tells it',
      who.kind === 'snowflake' ? who.userArn : undefined,
    ),
    ...must(until === undefined || isDay(until), `${at}.until`, 'be a day, as in 2027-03-31', until),
  ];
}

function accessProblems(at: string, { access }: Partner, known: readonly string[]): string[] {
  if (access.mode === 'write') return [];
  const field = `${at}.access.exports`;
  return [
    ...must(access.exports.length > 0, field, 'name at least one export', 'none'),
    ...repeated(field, access.exports),
    ...access.exports.flatMap((name) =>
      must(
        known.includes(name),
        field,
        `name exports of the pipelines (${known.join(', ') || 'there are none'})`,
        name,
      ),
    ),
  ];
}

function externalIdProblems(at: string, { externalId: id, who }: Partner, accounts: readonly string[]): string[] {
  if (id.kind === 'awaited') return [];
  if (id.kind === 'generated') {
    const generations = id.generations ?? [1];
    return [
      // Materialize and Databricks make their ids themselves and take no other.
      ...must(
        who.kind === 'aws' || who.kind === 'snowflake',
        `${at}.kind`,
        `be given or awaited for ${who.kind}, which makes its ids itself`,
        id.kind,
      ),
      ...must(
        oneOrTwo(generations) && generations.every((generation) => Number.isInteger(generation) && generation >= 1),
        `${at}.generations`,
        'be one number from 1 on, or two different ones during a rotation',
        `[${generations.join(', ')}]`,
      ),
    ];
  }
  return [
    ...must(
      oneOrTwo(id.values),
      `${at}.values`,
      'be one id, or two different ones during a rotation',
      `[${id.values.join(', ')}]`,
    ),
    ...id.values.flatMap((value) => [
      ...must(externalId.test(value), `${at}.values`, 'be 20 to 1224 letters, digits and _+=,.@:/-', value),
      ...accounts
        .filter((account) => value.includes(account))
        .map(
          (account) => `${at}.values must not contain the account number ${account}, which is no secret, got ${value}`,
        ),
    ]),
  ];
}

/** An id that two partners know lets one in as the other. */
function sharedIds(at: string, partners: readonly Partner[]): string[] {
  const owners = new Map<string, Set<string>>();
  for (const { name, externalId: id } of partners)
    if (id.kind === 'given')
      for (const value of id.values) owners.set(value, (owners.get(value) ?? new Set()).add(name));
  return [...owners]
    .filter(([, names]) => names.size > 1)
    .map(
      ([value, names]) => `${at}.partners must not share an external id, got ${value} for ${[...names].join(' and ')}`,
    );
}

/** The account numbers that the definition names. */
function accountsOf({ account, partners }: Environment): string[] {
  const arns = partners.flatMap(({ who }) =>
    who.kind === 'aws' ? [who.principal] : who.kind === 'snowflake' ? [who.userArn ?? ''] : [],
  );
  const named = arns.flatMap((arn) => /^arn:[^:]*:iam::(\d{12}):/.exec(arn)?.[1] ?? []);
  return [...new Set([...(account ? [account] : []), ...named])];
}

const oneOrTwo = (values: readonly unknown[]) =>
  (values.length === 1 || values.length === 2) && new Set(values).size === values.length;

function isDay(text: string): boolean {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  return day !== undefined && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
