-- One row: a customer sends a bought product back.
-- Grain: one event of the action return.
-- A filter without an aggregate, so that each refresh only adds the new events.
select
  event_id,
  customer_id,
  product_id,
  occurred_at
from estore.events
where action = 'return'
