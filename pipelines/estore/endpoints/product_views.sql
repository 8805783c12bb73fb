-- One row: a product that was viewed: how often, and when last.
-- Grain: product.
-- The most viewed come first. With product_id it is the one product.
select
  product_id,
  views,
  last_viewed_at
from estore.views_by_product
where true
  [[ and product_id = :product_id ]]
order by views desc, product_id
limit :limit
