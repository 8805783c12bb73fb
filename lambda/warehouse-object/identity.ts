import { isDeepStrictEqual } from 'node:util';
import type { Recorded } from './registry';
import type { WarehouseObject } from './request';

interface IdentityChange {
  /** As declared. */
  readonly from: unknown;
  readonly to: unknown;
}

/** What a pipeline declares of its identity, as far as it is recorded. */
export interface DeclaredIdentity {
  readonly identity?: unknown;
  /** What an id is made of, whatever the columns are called: absent in records of before it was written down. */
  readonly identityParts?: unknown;
}

/** What to compare of two declarations: what the ids are made of where both tell. */
export function identities(was: DeclaredIdentity, is: DeclaredIdentity): [unknown, unknown] {
  const tell = was.identityParts !== undefined && is.identityParts !== undefined;
  return tell ? [was.identityParts, is.identityParts] : [was.identity, is.identity];
}

/** How what identifies the events of a pipeline differs from what is recorded; undefined where it does not, or where nothing is recorded. */
export function identityChange({ definition }: Recorded, { declaration }: WarehouseObject): IdentityChange | undefined {
  const before = (JSON.parse(definition ?? '{}') as { declaration?: unknown }).declaration;
  const [from, to] = identities((before ?? {}) as DeclaredIdentity, (declaration ?? {}) as DeclaredIdentity);
  return from === undefined || isDeepStrictEqual(from, to) ? undefined : { from, to };
}

export const identityRefusal = ({ from, to }: IdentityChange, events: number) =>
  `it comes back with the identity ${JSON.stringify(to)}, and its ${events} events that were kept have ${JSON.stringify(from)}: they would not be found. ` +
  'Nothing was changed; bring it back with the identity that it had, and change it in the next deployment';
