import { renderAll } from '../shared/statement';
import { rewriteMetadata } from '../shared/tombstone';
import { execute } from '../shared/warehouse';
import { idOf } from './groups';
import type { LoadCall } from './host';
import type { HistoryObject } from './notification';
import { type Claim, inLedger, lookUp, nameOf, runIdOf } from './transaction';

/** An object with the etag of the one whose lines it has. */
type Rewritten = HistoryObject & { readonly before: string };

/**
 * The ids of those objects that are in the ledger. `npx millrace forget` replaces objects, and S3 notifies of the new ones.
 * They have the lines of the old ones, so they take their place in the ledger and are not loaded.
 */
export async function inLedgerOrSwapped(
  call: LoadCall,
  objects: readonly HistoryObject[],
): Promise<ReadonlySet<string>> {
  const { loaded, claims } = await lookUp(call, objects);
  const rewritten: Rewritten[] = [];
  for (const object of objects) {
    const id = idOf(object);
    const claim = loaded.has(id) ? undefined : await claimOf(call, object, claims.get(id) ?? []);
    if (claim) rewritten.push({ ...object, before: claim.before });
  }
  if (!call.plan.swap || rewritten.length === 0) return loaded;
  const list = rewritten.map(({ bucket, key, etag, versionId, size, before }) => ({
    ...{ bucket, key, etag: before },
    ...{ newEtag: etag, newVersionId: versionId, newSize: size },
  }));
  const statements = renderAll(call.plan.swap, { objects: JSON.stringify(list) });
  await execute(call.warehouse, nameOf(call, runIdOf(rewritten), 'swap'), statements, call.remainingMs);
  call.log('took the place of objects that were loaded', { objects: rewritten.length });
  return inLedger(call, objects);
}

/** The claim under which the object was written. Undefined for an object that another user has uploaded. */
async function claimOf(
  { objects }: LoadCall,
  object: HistoryObject,
  claims: readonly Claim[],
): Promise<Claim | undefined> {
  if (claims.length === 0) return undefined;
  const { bucket, key, etag } = object;
  const versionId = object.versionId || (await objects.find(bucket, key, etag));
  if (versionId === undefined) return undefined;
  const rewriteId = await objects.metadata({ bucket, key, versionId }, rewriteMetadata);
  return claims.find((claim) => claim.rewriteId === rewriteId);
}
