import { asArray, asJson, asNumber, asRecord, asText } from '../shared/parse';
import type { ExportItem } from './contract';

/** What UNLOAD says it wrote: its manifest with the option VERBOSE. */
export interface Manifest {
  /** s3:// URLs. */
  readonly files: readonly string[];
  readonly bytes: number;
  /** Sum of the files' record counts. */
  readonly records: number;
  /** Columns as the manifest gives them, if it does. */
  readonly schema: unknown;
}

export const emptyManifest: Manifest = { files: [], bytes: 0, records: 0, schema: null };

export function parseManifest(text: string): Manifest {
  const manifest = asRecord(asJson(text, 'manifest'), 'manifest');
  const entries = asArray(manifest.entries, 'manifest.entries').map((value, i) => {
    const at = `manifest.entries[${i}]`;
    const entry = asRecord(value, at);
    const meta = asRecord(entry.meta, `${at}.meta`);
    return {
      url: asText(entry.url, `${at}.url`),
      bytes: asNumber(meta.content_length, `${at}.meta.content_length`),
      records: asNumber(meta.record_count, `${at}.meta.record_count`),
    };
  });
  return {
    files: entries.map(({ url }) => url),
    bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
    records: entries.reduce((sum, entry) => sum + entry.records, 0),
    schema: manifest.schema ?? null,
  };
}

/**
 * Whether the files hold the window's rows. The counts of CSV files with a header include the header lines, as observed with UNLOAD's
 * HEADER option; AWS documents neither. So for CSV both readings count as equal: rows, and rows plus one line a file.
 */
export function holds(manifest: Manifest, rows: number, format: ExportItem['format']): boolean {
  return manifest.records === rows || (format === 'csv' && manifest.records === rows + manifest.files.length);
}
