{# Written by `millrace dbt init`. Millrace leaves this file alone once it is edited. sha256:f3beeaa02b50a5f3 #}
{#
  Runs that a copy of the events lacks, or has with other rows: new ones, late ones, those whose events were removed or
  loaded again, and those that another version of the model copied.

  A deployment completes the columns of events that older functions merged meanwhile, for at most a day, without a new
  merged_at. So the runs of the last hours before the newest copied one are copied again, as many as the variable
  millrace_look_back_hours says.
#}
{% macro millrace_changed_runs(copy, events, version) -%}
  select s.run_id
  from (select run_id, max(merged_at) as merged_at, count(*) as amount from {{ events }} group by run_id) as s
  left join (
    select
      run_id, max(merged_at) as merged_at, count(*) as amount,
      count(case when _millrace_version <> '{{ version }}' then 1 end) as outdated
    from {{ copy }}
    group by run_id
  ) as c on c.run_id = s.run_id
  where c.run_id is null or c.amount <> s.amount or c.merged_at <> s.merged_at or c.outdated > 0
    or s.merged_at >= (
      select dateadd(hour, -{{ var('millrace_look_back_hours', 24) | int }}, max(merged_at)) from {{ copy }}
    )
{%- endmacro %}

{# Deletes events that a copy has and the pipeline no longer has. Only runs with more rows in the copy are compared. #}
{% macro millrace_delete_removed(copy, events) -%}
  {%- set larger -%}
    select c.run_id
    from (select run_id, count(*) as amount from {{ copy }} group by run_id) as c
    left join (select run_id, count(*) as amount from {{ events }} group by run_id) as s on s.run_id = c.run_id
    where s.run_id is null or c.amount > s.amount
  {%- endset -%}
  delete from {{ copy }}
  where run_id in ({{ larger }})
    and event_id not in (select event_id from {{ events }} where run_id in ({{ larger }}))
{%- endmacro %}
