-- One row: a customer takes a product out of the cart again.
-- Grain: one event of the action uncart.
-- A filter without an aggregate, so that each refresh only adds the new events.
select
  event_id,
  customer_id,
  product_id,
  occurred_at
from estore.events
where action = 'uncart'
