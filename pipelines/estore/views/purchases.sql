-- One row: a customer buys a product, with the price paid; null where the shop sent none.
-- Grain: one event of the action purchase.
-- A filter without an aggregate. The revenue views and the export read it, so that they agree.
select
  event_id,
  customer_id,
  product_id,
  price,
  occurred_at
from estore.events
where action = 'purchase'
