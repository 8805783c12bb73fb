-- One row: a product in the customer's cart, and when it was put there.
-- Grain: product.
-- A product is in the cart if it was put there after it was last taken out or bought. Each token fixes the customer, so
-- that customers see their own carts alone.
with actions as (
  select product_id, occurred_at as carted_at, cast(null as timestamp) as removed_at
  from estore.carts
  where customer_id = :customer_id
  union all
  select product_id, null, occurred_at
  from estore.uncarts
  where customer_id = :customer_id
  union all
  select product_id, null, occurred_at
  from estore.purchases
  where customer_id = :customer_id
)
select
  product_id,
  max(carted_at) as added_at
from actions
group by product_id
having max(carted_at) > coalesce(max(removed_at), cast('1970-01-01' as timestamp))
order by added_at desc, product_id
