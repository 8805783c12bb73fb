-- One row: an hour in which products were viewed, and how often.
-- Grain: hour (UTC).
-- Only COUNT, so that a refresh adds to the hours concerned instead of counting everything again.
select
  date_trunc('hour', occurred_at) as hour,
  count(*) as views
from estore.events
where action = 'view'
group by date_trunc('hour', occurred_at)
