import type { Pipeline, ViewDefinition } from '../../pipelines/definition';
import { eventColumns, tableColumns, viewColumns } from './columns';
import { plainText, yamlText } from './yaml';

/** A source is late after so many missed refreshes, or so many minutes if that is more. */
const late = { warn: { refreshes: 3, minutes: 15 }, error: { refreshes: 12, minutes: 60 } } as const;

/** The relations of a pipeline that dbt reads: `src_<pipeline>.yml`. */
export function sourcesFile(pipeline: Pipeline): string {
  const { name, views } = pipeline;
  const table = (relation: string, description: string, config: object, columns: readonly unknown[]) => ({
    name: relation,
    description,
    config,
    columns,
  });
  return yamlText({
    version: 2,
    sources: [
      {
        name,
        description: `The pipeline ${name} of Millrace, in the schema of the same name.`,
        schema: name,
        loader: 'millrace',
        tables: [
          table(
            'events',
            'One row for each event. Corrected and late events have a new `merged_at`.',
            { loaded_at_field: 'merged_at', freshness: freshness(pipeline) },
            eventColumns(pipeline),
          ),
          table(
            'rejects',
            'One row for each record that is no event, with the reason.',
            notChecked,
            tableColumns(pipeline, 'rejects'),
          ),
          table(
            'duplicates',
            'One row for each record that repeats an event.',
            notChecked,
            tableColumns(pipeline, 'duplicates'),
          ),
          table(
            'checkpoints',
            'How far the pipeline is. Its freshness is that of the views, and moves while no event arrives.',
            { loaded_at_field: 'complete_until', freshness: freshness(pipeline) },
            tableColumns(pipeline, 'checkpoints'),
          ),
          ...views.map((view) => table(view.name, descriptionOf(view), notChecked, viewColumns(pipeline, view.query))),
        ],
      },
    ],
  });
}

/** Views have no time of their rows: `checkpoints` has it. Rejects and duplicates come only when something is wrong. */
const notChecked = { freshness: null };

const freshness = ({ refreshEveryMinutes }: Pick<Pipeline, 'refreshEveryMinutes'>) => {
  const after = ({ refreshes, minutes }: { readonly refreshes: number; readonly minutes: number }) => ({
    count: Math.max(refreshes * refreshEveryMinutes, minutes),
    period: 'minute',
  });
  return { warn_after: after(late.warn), error_after: after(late.error) };
};

/** The comment at the beginning of the view's file. */
export function descriptionOf({ query, name }: Pick<ViewDefinition, 'query' | 'name'>): string {
  const lines = query.split('\n');
  const end = lines.findIndex((line) => !/^\s*--/.test(line));
  const text = lines
    .slice(0, Math.max(end, 0))
    .map((line) => line.replace(/^\s*--\s?/, '').trim())
    .filter((line) => line !== '');
  return text.length === 0 ? `The view ${name}.` : plainText(text.join(' '));
}
