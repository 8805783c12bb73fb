/** An identity whose last merge is this many hours older than the newest merge is no longer read. */
const idleHours = 24;

/**
 * SQL for the time until which readers see every record that arrived. While a deployment changes the identity,
 * readers may see either identity, so the earlier time counts.
 */
export const completeUntil = (checkpoints: string) => `select min(complete_until)
    from (
      select identity_version, max(complete_until) as complete_until
      from ${checkpoints}
      where merged_at >= (select dateadd(hour, -${idleHours}, max(merged_at)) from ${checkpoints})
      group by identity_version
    ) as merged`;
