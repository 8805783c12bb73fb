import type { ObjectStore } from '../shared/objects';
import { asNumber, asText } from '../shared/parse';
import { statementNamePrefix } from '../shared/plan';
import { asked, clientToken, render } from '../shared/statement';
import { formatTimestamp } from '../shared/timestamp';
import { isPassing, isTerminal, type StatementStatus, type Warehouse } from '../shared/warehouse';
import type { ExportItem } from './contract';
import type { UnloadEngine, UnloadState, UnloadTarget, Written } from './engine';
import { maxBatchWindows, unloadIdPrefix } from './layout';
import { parseManifest, withoutHeaders } from './manifest';

export interface RedshiftEngineOptions {
  readonly environment: string;
  readonly pipeline: string;
  readonly bucket: string;
  readonly unloadRoleArn: string;
  readonly warehouse: Warehouse;
  readonly objects: ObjectStore;
}

/** Of each window: its count, its UNLOAD, and what the session says was unloaded. */
const statementsAWindow = 3;
/** PG_LAST_UNLOAD_COUNT: rows of the session's last UNLOAD (Redshift developer guide). */
const unloadCount = 'select pg_last_unload_count() as unloaded';

/** Redshift's UNLOAD through the Data API. A batch is one transaction, so that count and files are of the same state of the data. */
export function redshiftEngine(options: RedshiftEngineOptions): UnloadEngine {
  const { environment, pipeline, bucket, unloadRoleArn, warehouse, objects } = options;

  const statements = (item: ExportItem, { window, end, prefix }: UnloadTarget): string[] => {
    const times = { window_start: formatTimestamp(window.start), window_end: formatTimestamp(end) };
    const unload = { ...times, target: `s3://${bucket}/${prefix}`, unload_role: unloadRoleArn };
    return [
      render(item.count, asked([item.count], times)),
      render(item.unload, asked([item.unload], unload)),
      unloadCount,
    ];
  };

  const firstRow = async (id: string) => (await warehouse.rows(id))[0] ?? {};

  const written = async (item: ExportItem, ids: readonly string[], { prefix }: UnloadTarget): Promise<Written> => {
    const counted = await firstRow(ids[0]!);
    const { unloaded } = await firstRow(ids[2]!);
    const rows = asNumber(counted['row_count'], `${item.name}: row_count`);
    const text = await objects.get(bucket, `${prefix}manifest`);
    const listed = text === undefined ? [] : parseManifest(text, bucket, prefix);
    const files = item.format.header ? withoutHeaders(listed, rows) : listed;
    return {
      rows,
      unloaded: asNumber(unloaded, `${item.name}: pg_last_unload_count`),
      listed: files.reduce((total, file) => total + file.rows, 0),
      fingerprint: asText(counted['fingerprint'], `${item.name}: fingerprint`),
      files,
    };
  };

  return {
    windowsAtOnce: () => maxBatchWindows,
    mayBegin: () => true,
    forget: async () => undefined,

    submit: async (item, { name, targets }) => ({
      id: await warehouse.submit({
        name,
        mode: 'transaction',
        statements: targets.flatMap((target) => statements(item, target)),
        withEvent: true,
        token: clientToken(name),
      }),
    }),

    async describe(id) {
      const state = await warehouse.describe(id);
      const { status, error, updatedAt } = state;
      return { status: stateOf(status), error, mayPass: isPassing(state), updatedAt };
    },

    async recent(exportName) {
      const prefix = statementNamePrefix(environment, pipeline, 'export') + unloadIdPrefix(exportName);
      const known = await warehouse.list(prefix);
      return known.map(({ id, name, status, createdAt }) => ({ id, name, status: stateOf(status), createdAt }));
    },

    async results(item, id, targets) {
      const { parts } = await warehouse.describe(id);
      if (parts.length !== targets.length * statementsAWindow)
        throw new Error(`unload ${id} must have ${targets.length * statementsAWindow} statements, got ${parts.length}`);
      const results: Written[] = [];
      for (const [i, target] of targets.entries()) {
        const ids = parts.slice(i * statementsAWindow, (i + 1) * statementsAWindow).map((part) => part.id);
        results.push(await written(item, ids, target));
      }
      return results;
    },
  };
}

const stateOf = (status: StatementStatus): UnloadState['status'] =>
  !isTerminal(status) ? 'running' : status === 'FINISHED' ? 'finished' : 'failed';
