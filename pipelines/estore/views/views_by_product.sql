-- One row: a product that was viewed: how often, and when last.
-- Grain: product.
-- COUNT and MAX keep it incremental: events are never deleted.
select
  product_id,
  count(*) as views,
  max(occurred_at) as last_viewed_at
from estore.events
where action = 'view'
group by product_id
