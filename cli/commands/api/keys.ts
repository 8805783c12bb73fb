import { randomBytes } from 'node:crypto';
import { maxTokenSeconds, type TokenKeys } from '../../../lambda/endpoint/contract';

/** Clocks may differ, and functions hold keys for some minutes. */
const reserveSeconds = 600;

export interface Rotation {
  readonly keys: TokenKeys;
  readonly added: string;
  readonly removed: readonly string[];
  /** Older keys whose tokens may be valid still. */
  readonly kept: readonly string[];
}

/**
 * Adds a key, which signs from then on. Removes the keys whose last token has expired: those whose successor is older than the longest life of a token.
 * The id of an added key says when it was made; the first key has no time.
 * @param revoke removes every older key. Their tokens end
 */
export function rotateKeys(
  keys: TokenKeys,
  { nowMs, revoke, random = () => randomBytes(48).toString('base64url') }: RotationOptions,
): Rotation {
  const now = Math.floor(nowMs / 1000);
  const ids = Object.keys(keys);
  const isOver = (index: number): boolean => {
    const successor = ids[index + 1];
    const since = successor === undefined ? now : Number(/^k(\d{10,})$/.exec(successor)?.[1] ?? now);
    return now - since > maxTokenSeconds + reserveSeconds;
  };
  const removed = ids.filter((_, index) => revoke || isOver(index));
  const kept = ids.filter((id) => !removed.includes(id));
  let added = `k${now}`;
  // Two rotations in one second.
  for (let next = now + 1; ids.includes(added); next++) added = `k${next}`;
  return {
    keys: { ...Object.fromEntries(kept.map((id) => [id, keys[id]!])), [added]: random() },
    added,
    removed,
    kept,
  };
}

export interface RotationOptions {
  readonly nowMs: number;
  readonly revoke: boolean;
  /** @default - 48 random bytes */
  readonly random?: () => string;
}
