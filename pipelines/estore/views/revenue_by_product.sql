-- One row: a product that was sold: how often, for how much in all, and when first and last.
-- Grain: product.
-- Reads purchases, as hourly_revenue does. MIN and MAX are incremental as long as nothing is deleted, and events never are.
select
  product_id,
  count(*) as purchases,
  sum(price) as revenue,
  min(occurred_at) as first_sold_at,
  max(occurred_at) as last_sold_at
from estore.purchases
group by product_id
