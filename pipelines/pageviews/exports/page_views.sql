-- One row: a page view.
-- Grain: one messageId; the window is the day of occurred_at.
-- Without the user agent and the user's id, which leave the house for nobody.
select
  message_id,
  anonymous_id,
  url,
  page_path,
  occurred_at
from pageviews.events
