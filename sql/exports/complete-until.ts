/** Books that merge no more are told by the others' merges, in hours. */
const idleHours = 24;

/**
 * Until when everything that arrived is in what readers have. While a deployment changes the identity, readers may have one version of the books or
 * the other: then it is what both say.
 */
export const completeUntil = (checkpoints: string) => `select min(complete_until)
    from (
      select identity_version, max(complete_until) as complete_until
      from ${checkpoints}
      where merged_at >= (select dateadd(hour, -${idleHours}, max(merged_at)) from ${checkpoints})
      group by identity_version
    ) as books`;
