import type { Pipeline } from '../../pipelines/definition';
import { identityVersion } from '../../sql/names';
import { shortHash } from '../../sql/text/definition';
import { eventColumns } from './columns';
import { yamlText } from './yaml';

/** Name of the column with the version of the model that copied a row. A pipeline's column cannot have it. */
const versionColumn = '_millrace_version';

export const modelName = (pipeline: string) => `stg_${pipeline}__events`;

/** The payload stays in `events`: it would double the size of the copy. */
const copied = (pipeline: Pipeline) => eventColumns(pipeline).filter(({ name }) => name !== 'payload');

/** Changes with the columns and with the identity of the events, so that a changed model copies every run again. */
const versionOf = (pipeline: Pipeline) =>
  shortHash(
    JSON.stringify([identityVersion(pipeline), copied(pipeline).map(({ name, data_type }) => [name, data_type])]),
  );

/** The incremental copy of the events: `stg_<pipeline>__events.sql`. */
export function stagingModel(pipeline: Pipeline): string {
  const { name } = pipeline;
  const source = `source('${name}', 'events')`;
  const version = versionOf(pipeline);
  return `{#
  One row for each event of ${name}, without its payload. Grain: event_id.
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
    post_hook="{{ millrace_delete_removed(this, ${source}) }}"
) }}

select
${copied(pipeline)
  .map((column) => `  ${column.name},`)
  .join('\n')}
  '${version}'::varchar(8) as ${versionColumn}
from {{ ${source} }}
{%- if is_incremental() %}
where run_id in (
  {{ millrace_changed_runs(this, ${source}, '${version}') }}
)
{%- endif %}
`;
}

/** Describes and tests the copy: `stg_<pipeline>.yml`. */
export function stagingProperties(pipeline: Pipeline): string {
  return yamlText({
    version: 2,
    models: [
      {
        name: modelName(pipeline.name),
        description: `The events of ${pipeline.name}, one row each, without the payload.`,
        columns: [
          ...copied(pipeline).map(({ name, data_type, description }) => ({
            name,
            data_type,
            description,
            ...(name === 'event_id' ? { data_tests: ['unique', 'not_null'] } : {}),
          })),
          {
            name: versionColumn,
            data_type: 'varchar(8)',
            description: 'The version of the columns and of the identity with which the row was copied.',
          },
        ],
      },
    ],
  });
}

/** The macros behind the copies: `millrace.sql`. */
export const stagingMacros = `{#
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
      count(case when ${versionColumn} <> '{{ version }}' then 1 end) as outdated
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
`;
