import type { Row } from '../shared/warehouse';

/**
 * What a row of a landing view's `unread` says: `last_merge`, `hours_since`, `hours_kept` by the stream, and `open_gaps` that were there
 * before.
 */
export function lossOf(row: Row): string {
  const { last_merge: last, hours_since: since, hours_kept: kept, open_gaps: gaps } = row;
  const lost = Math.max(1, Number(since) + 1 - Number(kept));
  const open = Number(gaps ?? 0) === 0 ? '' : ` ${gaps} open gaps are told already.`;
  return (
    `the last merge that is known to be complete reaches to ${last}, ${since} h ago, the stream keeps ${kept} h and a deployment may take 1 h: ` +
    `what arrived in ${lost} h would be neither merged nor on the stream.${open} Let two refreshes succeed first, which merge what is there, or keep ` +
    'the stream longer (retentionHours); if the view that is there cannot be refreshed any more, set stream.recreatedAt of the pipeline to now: ' +
    'then the hours in between become a gap, which a backfill from the archive closes'
  );
}
