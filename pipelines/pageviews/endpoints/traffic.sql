-- One row: an hour in which pages were viewed, how often, and when last.
-- Grain: hour (UTC).
-- In the order of time, as a chart draws it.
select
  hour,
  page_views,
  last_at
from pageviews.hourly_pages
where hour >= :since
  [[ and hour < :until ]]
order by hour
