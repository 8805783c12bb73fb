-- One row: an hour in which something was sold: how many purchases, and what they brought.
-- Grain: hour (UTC).
-- The newest hours come first, so that a small limit shows what is happening now.
select
  hour,
  purchases,
  revenue
from estore.hourly_revenue
where true
  [[ and hour >= :since ]]
  [[ and hour < :until ]]
order by hour desc
limit :limit
