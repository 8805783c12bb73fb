-- One row: an hour in which something was sold: how many purchases, and what they brought.
-- Grain: hour (UTC) of the purchase.
-- Stands on purchases, one definition of what is sold; COUNT and SUM keep it incremental.
select
  date_trunc('hour', occurred_at) as hour,
  count(*) as purchases,
  sum(price) as revenue
from estore.purchases
group by date_trunc('hour', occurred_at)
