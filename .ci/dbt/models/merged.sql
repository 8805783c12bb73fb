{{ config(materialized='incremental', unique_key='event_id', incremental_strategy='merge') }}
select event_id, action, occurred_at from {{ ref('stg_estore__events') }} where action = 'return'
