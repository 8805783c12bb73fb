{{ config(materialized='incremental', unique_key='event_id', incremental_strategy='merge') }}
select event_id, action, occurred_at from {{ ref('events_of_estore') }} where action = 'return'
