import { windowEnd, windowStart } from '../../lambda/export/contract';
import type { Success } from '../../lambda/export/publication';
import type { Pipeline } from '../../pipelines/definition';
import { ofLanding, publicTables } from '../../sql/names';
import type { ExportCalendar, ExportWindow } from '../../ui/api';
import { type Calls, Refusal, type Source } from '../../ui/server';
import { warehouseTime } from '../commands/context';
import { allExports, contentText, findExport, type NamedExport } from '../commands/exports/find-export';
import { firstRow, type PagePorts, textOf } from './ports';

/** The most windows that are shown. */
const MOST_WINDOWS = 24 * 62;

/** Answers the page's calls about exports: published windows, and what the next one waits for. */
export function exportCalls(
  ports: PagePorts,
  pipelines: readonly Pipeline[],
): Pick<Calls, '/api/exports' | '/api/exports/window'> & Pick<Source, 'download'> {
  const readersOf = (name: string) =>
    ports.environment.partners
      .filter(({ access }) => access.mode === 'read' && access.exports.includes(name))
      .map((partner) => partner.name);
  return {
    async '/api/exports'() {
      const exports: ExportCalendar[] = [];
      for (const named of allExports(pipelines)) {
        if (!ports.isDeployed(named.pipeline.name)) continue;
        const { content, format } = named.item;
        exports.push({
          name: named.name,
          content: contentText(named.item),
          format: format.kind,
          windowMinutes: Math.round((windowEnd(content.window, 0) - windowStart(content.window, 0)) / 60_000),
          readers: readersOf(named.name),
          windows: await windowsOf(ports, named),
        });
      }
      return { exports };
    },
    async '/api/exports/window'({ export: name, start, revision }) {
      const { pipeline, definition } = findExport(name, pipelines);
      const at = Date.parse(start);
      if (Number.isNaN(at)) throw new Refusal(`start must be a time such as 2026-11-21T05:00:00Z, got '${start}'`);
      const { rows } = await ports.query(
        `select location from ${publicTables(pipeline).exports} where "export" = '${definition.name}'
  and window_start = '${warehouseSecond(at)}'::timestamp and coalesce(revision, 0) = ${Math.floor(revision)}`,
      );
      if (rows.length === 0) throw new Refusal(`${name} has no publication ${revision} of the window ${start}`);
      const location = String(rows[0]![0]);
      const { key } = placeOf(location);
      const manifest = await textOf(ports, ports.exportBucket, `${key}success.json`);
      if (manifest === undefined) throw new Refusal(`${location} has no success.json: it was deleted`);
      const { files } = JSON.parse(manifest) as Success;
      return {
        location,
        manifest,
        files: files.map(({ key: file, rows: count, bytes }) => ({ key: file, rows: count, bytes })),
      };
    },
    async download(key) {
      if (!key.startsWith('exports/'))
        throw new Refusal(`key must be the key of a published file, got '${key.slice(0, 200)}'`);
      const found = await ports.read(ports.exportBucket, key);
      if (found === undefined) throw new Refusal(`there is no file ${key.slice(0, 200)}`);
      return { name: key.split('/').at(-1)!, ...found };
    },
  };
}

async function windowsOf(ports: PagePorts, named: NamedExport): Promise<ExportWindow[]> {
  const { pipeline, definition } = named;
  const { rows } = await ports.query(
    `select window_start, window_end, row_count, file_count, coalesce(byte_count, 0), published_at, coalesce(revision, 0) as revision
from (
  select *, row_number() over (partition by window_start order by coalesce(revision, 0) desc) as newest
  from ${publicTables(pipeline).exports} where "export" = '${definition.name}'
) as publications
where newest = 1 order by 1 desc limit ${MOST_WINDOWS}`,
  );
  const published = rows.reverse().map(
    ([start, end, count, files, bytes, at, revision]): ExportWindow => ({
      start: iso(start),
      end: iso(end),
      state: Number(revision) > 0 ? 'revised' : 'published',
      rows: Number(count),
      files: Number(files),
      bytes: Number(bytes),
      publishedAt: iso(at),
      revision: Number(revision),
    }),
  );
  const last = published.at(-1);
  return last === undefined ? [] : [...published, await nextWindow(ports, named, Date.parse(last.end))];
}

/** Returns the window after the newest publication, and what it waits for. */
async function nextWindow(ports: PagePorts, { pipeline, item }: NamedExport, start: number): Promise<ExportWindow> {
  const end = windowEnd(item.content.window, start);
  const lateness = item.content.kind === 'incremental' ? item.content.latenessMinutes : 0;
  const closes = end + lateness * 60_000;
  const row = await firstRow(
    ports,
    `select max(complete_until) as complete_until from ${publicTables(pipeline).checkpoints} where ${ofLanding(pipeline)}`,
  );
  const complete = row['complete_until'] === null ? 0 : warehouseTime(row['complete_until']);
  const { error } = ports.functionState(pipeline.name, 'Exports');
  const waiting =
    ports.now() < closes
      ? `it closes at ${clock(closes)}${lateness > 0 ? `, ${lateness} minutes after its end, for late events` : ''}`
      : complete < closes
        ? `the views are complete until ${complete === 0 ? 'now unknown' : clock(complete)}, and it needs ${clock(closes)}`
        : 'the next run of the export function publishes it';
  const failed = error !== undefined && ports.now() >= closes;
  return {
    start: new Date(start).toISOString(),
    end: new Date(end).toISOString(),
    state: failed ? 'failed' : 'waiting',
    rows: 0,
    files: 0,
    bytes: 0,
    revision: 0,
    waitsFor: failed ? error : waiting,
  };
}

function placeOf(location: string): { bucket: string; key: string } {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.*)$/.exec(location) ?? [];
  return { bucket, key };
}

const iso = (timestamp: unknown) => new Date(warehouseTime(timestamp)).toISOString();
const warehouseSecond = (epochMs: number) => new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');
const clock = (epochMs: number) => new Date(epochMs).toISOString().slice(11, 16);
