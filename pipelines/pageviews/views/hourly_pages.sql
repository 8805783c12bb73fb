-- One row: an hour in which pages were viewed, how often, and when last.
-- Grain: hour (UTC).
-- COUNT and MAX only, so that it is refreshed incrementally; visitors would need COUNT(DISTINCT), which is not.
select
  date_trunc('hour', occurred_at) as hour,
  count(*) as page_views,
  max(occurred_at) as last_at
from pageviews.events
group by date_trunc('hour', occurred_at)
