import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { windowStart } from '../../../lambda/export/contract';
import type { Row } from '../../../lambda/shared/warehouse';
import type { ExportDefinition, Pipeline } from '../../../pipelines/definition';
import { compileViews, publicTables, quoteIdentifier } from '../../../sql';
import { withoutComments } from '../../../sql/text/tokens';
import { relationReferences } from '../../../sql/views/relations';
import { printable } from '../../terminal';
import { type Context, queryRows, warehouseText, warehouseTime } from '../context';
import { no, type Sighting, unknown, yes } from './sighting';

/**
 * Rewrites a query of the pipeline so that it reads one event only. Its result is what the event contributes. The
 * events and every earlier view become common table expressions under their own names.
 */
export function restricted(pipeline: Pipeline, query: string): string {
  const views = compileViews(pipeline).map(({ name }) => pipeline.views.find((view) => view.name === name)!);
  const names = new Set(['events', ...views.map(({ name }) => name)]);
  const local = (sql: string) => unqualified(withoutComments(sql), pipeline, names);
  const parts = [
    `events as (select * from ${publicTables(pipeline).events} where event_id = {{id}})`,
    ...views.map((view) => `${quoteIdentifier(view.name)} as (${local(view.query)})`),
  ];
  return `with ${parts.join(',\n')}\nselect * from (${local(query)}) as contributed limit 3`;
}

function unqualified(sql: string, pipeline: Pipeline, names: ReadonlySet<string>): string {
  let result = '';
  let at = 0;
  for (const { schema, name, first, last } of relationReferences(sql)) {
    if (schema !== pipeline.name || !names.has(name)) continue;
    result += sql.slice(at, first.at) + quoteIdentifier(name);
    at = last.at + last.text.length;
  }
  return result + sql.slice(at);
}

/** Finds every view that includes the event, and whether it already shows it. */
export async function viewSightings(context: Context, pipeline: Pipeline, eventId: string): Promise<Sighting[]> {
  const stale = await staleViews(context, pipeline);
  const sightings: Sighting[] = [];
  for (const { name, publicName, physicalName } of compileViews(pipeline)) {
    const view = pipeline.views.find((candidate) => candidate.name === name)!;
    const rows = await queryRows(context, `view-${name}`, restricted(pipeline, view.query), { id: eventId });
    if (rows.length === 0) sightings.push(no('view', `${name} does not include it`, { view: name }));
    else if ('event_id' in rows[0]!) {
      const [count] = await queryRows(
        context,
        `view-${name}`,
        `select count(*) as amount from ${publicName} where event_id = {{id}}`,
        { id: eventId },
      );
      const held = Number(count?.['amount']) > 0;
      sightings.push(
        held
          ? yes('view', `${name} has it`, { view: name })
          : unknown('view', `${name} includes it and does not show it yet: the next refresh adds it`, {
              view: name,
              stale: true,
            }),
      );
    } else {
      const share = shown(rows[0]!);
      sightings.push(
        stale.has(physicalName.split('.')[1]!)
          ? unknown('view', `${name} includes it, as ${share}; it is older than the newest events`, {
              view: name,
              stale: true,
              contributes: share,
            })
          : yes('view', `${name} has it, as ${share}`, { view: name, contributes: share }),
      );
    }
  }
  return sightings;
}

/** Returns the pipeline's materialized views whose tables have changed since their refresh. */
async function staleViews(context: Context, pipeline: Pipeline): Promise<Set<string>> {
  const rows = await queryRows(
    context,
    'stale-views',
    `select name from svv_mv_info where schema_name = {{schema}} and is_stale = 't'`,
    { schema: pipeline.name },
  );
  return new Set(rows.map(({ name }) => String(name).trim()));
}

const shown = (row: Row) =>
  Object.entries(row)
    .map(([name, value]) => `${name}=${printable(value ?? '').slice(0, 40)}`)
    .join(', ');

/** Finds every export that includes the event: the window, and the files that contain it. */
export async function exportSightings(
  context: Context,
  pipeline: Pipeline,
  eventId: string,
  mergedAt: number,
): Promise<Sighting[]> {
  const sightings: Sighting[] = [];
  for (const definition of pipeline.exports) {
    const rows = await queryRows(context, `export-${definition.name}`, restricted(pipeline, definition.query), {
      id: eventId,
    });
    if (rows.length === 0)
      sightings.push(no('export', `${definition.name} does not include it`, { export: definition.name }));
    for (const row of rows) sightings.push(await exportSighting(context, pipeline, definition, row, eventId, mergedAt));
  }
  return sightings;
}

async function exportSighting(
  context: Context,
  pipeline: Pipeline,
  definition: ExportDefinition,
  row: Row,
  eventId: string,
  mergedAt: number,
): Promise<Sighting> {
  const { name, content } = definition;
  if (content.kind === 'snapshot')
    return unknown('export', `${name} includes it: the newest snapshot has it once the view does`, {
      export: name,
    });
  const { timeColumn } = content;
  const time = row[timeColumn];
  if (time === null || time === undefined)
    return no('export', `${name}: its ${timeColumn} is null, so it has no window`, { export: name });
  const window = warehouseText(windowStart(content.window, warehouseTime(time))).slice(0, 19);
  const [published] = await queryRows(
    context,
    `export-${name}`,
    `select location, row_count, published_at from ${publicTables(pipeline).exports} where export = {{export}} and window_start = {{window}}::timestamp order by coalesce(revision, 0) desc limit 1`,
    { export: name, window },
  );
  const facts = { export: name, window };
  if (published === undefined) return unknown('export', `${name}, window ${window}: not published yet`, facts);
  const location = String(published['location']);
  if (warehouseTime(published['published_at']) < mergedAt)
    return no(
      'export',
      `${name}, window ${window}: published ${published['published_at']}, before the event was merged`,
      { ...facts, location },
    );
  const files = await filesOf(context, location);
  if (!('event_id' in row))
    return yes('export', `${name}, window ${window}: ${files.join(', ') || location}`, {
      ...facts,
      location,
      contributes: shown(row),
    });
  const file = await fileWith(context, definition, files, eventId);
  return file === undefined
    ? no('export', `${name}, window ${window}: none of the ${files.length} files of ${location} holds it`, {
        ...facts,
        location,
      })
    : yes('export', `${name}, window ${window}: s3://${context.cloud.names.exportsBucket}/${file}`, {
        ...facts,
        location,
        file,
      });
}

/** Returns the files that the run's success file names. */
async function filesOf(context: Context, location: string): Promise<string[]> {
  const [, bucket, prefix] = /^s3:\/\/([^/]+)\/(.*)$/.exec(location) ?? [];
  if (bucket === undefined) return [];
  const success = await wholeObject(context, bucket, `${prefix}success.json`);
  return (JSON.parse(success.toString('utf8')) as { files: { key: string }[] }).files.map(({ key }) => key);
}

async function wholeObject(context: Context, bucket: string, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await context.cloud.buckets.read(bucket, key)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads the files themselves, independent of the warehouse and the ledger. */
async function fileWith(
  context: Context,
  { format }: ExportDefinition,
  keys: readonly string[],
  eventId: string,
): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-why-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    for (const key of keys) {
      const path = join(folder, basename(key));
      await writeFile(path, await wholeObject(context, context.cloud.names.exportsBucket, key));
      const reader = { parquet: 'read_parquet', csv: 'read_csv', json: 'read_json' }[format.kind];
      const found = await connection.runAndReadAll(`select 1 from ${reader}($1) where event_id = $2 limit 1`, [
        path,
        eventId,
      ]);
      if (found.getRows().length > 0) return key;
    }
    return undefined;
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true });
  }
}
