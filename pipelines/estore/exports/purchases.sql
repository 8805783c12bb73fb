-- One row: a purchase, as in the view of that name.
-- Grain: one event of the action purchase; the window is the hour of occurred_at.
-- Names its columns, so that a column added to the view does not change the partner's files.
select
  event_id,
  customer_id,
  product_id,
  price,
  occurred_at,
  occurred_at::date as sold_on
from estore.purchases
