-- One row: a customer puts a product into the cart.
-- Grain: one event of the action cart.
-- A filter without an aggregate, so that each refresh only adds the new events.
select
  event_id,
  customer_id,
  product_id,
  occurred_at
from estore.events
where action = 'cart'
