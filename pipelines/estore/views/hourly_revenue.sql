-- One row: an hour in which something was sold: how many purchases, and what they brought.
-- Grain: hour (UTC) of the purchase.
-- Reads purchases, the one definition of a sale. COUNT and SUM keep it incremental.
select
  date_trunc('hour', occurred_at) as hour,
  count(*) as purchases,
  sum(price) as revenue
from estore.purchases
group by date_trunc('hour', occurred_at)
