import type { Column, Pipeline } from '../../pipelines/definition';
import { tableShapes } from '../../sql/names';
import { eventsViewColumns } from '../../sql/tables/columns';
import { outputColumns } from '../../sql/views/output-columns';
import { isTemplate, plainText } from './yaml';

/** A column of a source or model, as dbt's YAML has it. */
export interface YamlColumn {
  readonly name: string;
  /** True for a name that needs quotes. */
  readonly quote?: true;
  /** Undefined if the query of a view does not determine it. */
  readonly data_type?: string;
  readonly description: string;
  readonly data_tests?: readonly unknown[];
}

/** Descriptions of the columns that Millrace fills itself. */
const ownTexts: Readonly<Record<string, string>> = {
  event_id: 'The identity of the event. Records with the same identity are one event.',
  source: 'Where the record was read: `stream`, `archive`, `history`.',
  shard_id: 'The shard of the stream. Null for a record of history.',
  sequence_number: "The record's sequence number on the stream. Null for a record of history.",
  partition_key: "The record's partition key on the stream. Null for a record of history.",
  arrived_at: 'When the stream got the record, in UTC. Null for a record of history.',
  run_id: 'The run that merged the record. It is a row of `runs`.',
  merged_at: 'When the run merged the record, in UTC.',
  payload: 'The record as it was sent.',
  object_key: 'The object of the history bucket that holds the record. Null for a record of the stream.',
  line: 'The line of the object. Null if it is not known.',
  reason: 'Why the record is no event.',
  reasons: 'All reasons, separated by `; `. Null in old rows.',
  unparsed: 'The bytes of a record that is not JSON.',
  landing: 'The landing view that the checkpoint belongs to.',
  identity_version: 'The version of the identity that the checkpoint belongs to.',
  refresh_time: 'The newest refresh of the landing view that is merged.',
  merged_until: 'Records that arrived before it are merged.',
  complete_until: 'Records that arrived before it are in `events` and in the views.',
  skips_until: 'Refreshes before it were searched for records that Redshift skipped.',
  read_until: 'When the newest refresh that is merged began.',
  decode_after: 'Set while the record waits to be decoded.',
};

/** The columns of `events` with the tests that the pipeline's declaration promises. */
export function eventColumns(pipeline: Pipeline): YamlColumn[] {
  return eventsViewColumns(pipeline).map(({ name, type }) => {
    const declared = pipeline.columns.find((column) => column.name === name);
    return {
      name,
      data_type: type,
      description: declared ? declaredText(declared) : ownTexts[name]!,
      ...withTests(declared ? declaredTests(declared) : name === 'event_id' ? ['unique', 'not_null'] : []),
    };
  });
}

/** The columns of a table of the pipeline that is not `events`. */
export const tableColumns = (pipeline: Pipeline, table: 'rejects' | 'duplicates' | 'checkpoints'): YamlColumn[] =>
  tableShapes(pipeline)[table].map(({ name, type }) => ({ name, data_type: type, description: ownTexts[name]! }));

/** The columns of a view. Their types come from the query, and so do their descriptions. */
export function viewColumns(pipeline: Pipeline, query: string): YamlColumn[] {
  const events = new Map(eventColumns(pipeline).map((column) => [column.name, column]));
  return outputColumns(pipeline, query).map(({ name, type, text }) => {
    const source = text === name ? events.get(text) : undefined;
    const expression = text.replace(/\s+as\s+("[^"]*"|\S+)$/i, '').replaceAll(' , ', ', ');
    return {
      name: name!,
      ...(/^[a-z_][a-z0-9_]*$/.test(name!) ? {} : { quote: true as const }),
      ...(type === undefined ? {} : { data_type: type }),
      description: source?.data_type === type && source ? source.description : plainText(`\`${expression}\``),
    };
  });
}

function declaredText(column: Column): string {
  const { path, type, required, default: value } = column;
  const oneOf = 'oneOf' in column ? column.oneOf : undefined;
  const parts = [
    type === 'super' ? `\`${path.join('.')}\` of the payload, as it is.` : `\`${path.join('.')}\` of the payload.`,
    ...(oneOf ? [`One of ${oneOf.map((each) => `\`${each}\``).join(', ')}.`] : []),
    ...(required ? ['Required: a record without it is a reject.'] : []),
    ...(value === undefined ? [] : [`\`${value}\` for a record that has none.`]),
    ...(/^(timestamp|time|date)/.test(type) ? ['In UTC.'] : []),
  ];
  return plainText(parts.join(' '));
}

function declaredTests(column: Column): unknown[] {
  const oneOf = 'oneOf' in column ? column.oneOf : undefined;
  return [
    ...(column.required ? ['not_null'] : []),
    // dbt would render such a value as a template.
    ...(oneOf && !oneOf.some(isTemplate)
      ? // The test puts the values between quotes as they are.
        [{ accepted_values: { arguments: { values: oneOf.map((value) => value.replaceAll("'", "''")) } } }]
      : []),
  ];
}

const withTests = (tests: readonly unknown[]) => (tests.length === 0 ? {} : { data_tests: tests });
