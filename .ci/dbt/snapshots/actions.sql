{% snapshot actions_then %}
{{ config(unique_key='action', strategy='check', check_cols=['weight']) }}
select action, weight from {{ ref('actions') }}
{% endsnapshot %}
