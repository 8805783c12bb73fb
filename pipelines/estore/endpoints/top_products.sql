-- One row: a product that was sold: how often, for how much in all, and when last.
-- Grain: product.
-- The highest revenue comes first. Products without a price come last.
select
  product_id,
  purchases,
  revenue,
  last_sold_at
from estore.revenue_by_product
where true
  [[ and last_sold_at >= :sold_since ]]
order by revenue desc nulls last, product_id
limit :limit
