{% snapshot actions_then %}
{{ config(target_schema='dbt_check', unique_key='action', strategy='check', check_cols=['weight']) }}
select action, weight from {{ ref('actions') }}
{% endsnapshot %}
