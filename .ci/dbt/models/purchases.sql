{{ config(materialized='incremental', unique_key='event_id', dist='event_id', sort='occurred_at') }}
select event_id, customer_id, product_id, action, price, occurred_at
from {{ ref('stg_estore__events') }}
where action = 'purchase'
{% if is_incremental() %}
  and occurred_at >= (select max(occurred_at) from {{ this }})
{% endif %}
