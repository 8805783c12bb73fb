-- One row: a page view.
-- Grain: one messageId; the window is the day of occurred_at.
-- Without the user agent and the user's id, which are not shared with partners.
select
  message_id,
  anonymous_id,
  url,
  page_path,
  occurred_at
from pageviews.events
