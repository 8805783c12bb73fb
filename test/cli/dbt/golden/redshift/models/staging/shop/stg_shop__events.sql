{# Written by `millrace dbt init`. Millrace leaves this file alone once it is edited. sha256:78694af09952ecff #}
{#
  One row for each event of shop, without its payload. Grain: event_id.
  A build copies the runs whose rows differ from the copy, by their merge and not by the time of their events. So late
  events, events that were loaded again and rejects that were retried arrive, and events that were removed leave.
#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='event_id',
    on_schema_change='fail',
    dist='event_id',
    sort='merged_at',
    post_hook="{{ millrace_delete_removed(this, source('shop', 'events')) }}"
) }}

select
  event_id,
  id,
  kind,
  amount,
  at,
  source,
  shard_id,
  sequence_number,
  partition_key,
  arrived_at,
  run_id,
  merged_at,
  '73825db2'::varchar(8) as _millrace_version
from {{ source('shop', 'events') }}
{%- if is_incremental() %}
where run_id in (
  {{ millrace_changed_runs(this, source('shop', 'events'), '73825db2') }}
)
{%- endif %}
