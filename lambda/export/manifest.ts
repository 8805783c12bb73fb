import { asArray, asJson, asNumber, asRecord, asText } from '../shared/parse';
import type { WrittenFile } from './engine';

/** What UNLOAD says it wrote: its manifest with the option VERBOSE. Throws when it names a file outside the prefix. */
export function parseManifest(text: string, bucket: string, prefix: string): WrittenFile[] {
  const manifest = asRecord(asJson(text, 'manifest'), 'manifest');
  const below = `s3://${bucket}/${prefix}`;
  return asArray(manifest.entries, 'manifest.entries').map((value, i) => {
    const at = `manifest.entries[${i}]`;
    const entry = asRecord(value, at);
    const meta = asRecord(entry.meta, `${at}.meta`);
    const url = asText(entry.url, `${at}.url`);
    if (!url.startsWith(below)) throw new Error(`${at}.url must be below ${below}, got ${url}`);
    return {
      key: url.slice(`s3://${bucket}/`.length),
      bytes: asNumber(meta.content_length, `${at}.meta.content_length`),
      rows: asNumber(meta.record_count, `${at}.meta.record_count`),
    };
  });
}

/**
 * The files with their rows alone. The counts of CSV files with a header include the header lines, as observed with UNLOAD's HEADER option;
 * AWS documents neither. So where the sum is one line a file too high, a line is taken from each.
 */
export function withoutHeaders(files: readonly WrittenFile[], rows: number): readonly WrittenFile[] {
  const sum = files.reduce((total, file) => total + file.rows, 0);
  return sum === rows + files.length ? files.map((file) => ({ ...file, rows: file.rows - 1 })) : files;
}
