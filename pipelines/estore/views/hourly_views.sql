-- One row: an hour in which products were viewed, and how often.
-- Grain: hour (UTC).
-- COUNT only, so that a refresh adds to the hours with new events instead of counting everything again.
select
  date_trunc('hour', occurred_at) as hour,
  count(*) as views
from estore.events
where action = 'view'
group by date_trunc('hour', occurred_at)
