-- One row: an hour in which something was sold.
-- Grain: hour (UTC); a window holds one row or none.
-- Few rows for people to read: a CSV that opens in a spreadsheet.
select
  hour,
  purchases,
  revenue
from estore.hourly_revenue
