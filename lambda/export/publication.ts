import type { ConditionalObjects, ObjectStore } from '../shared/objects';
import { asArray, asJson, asNumber, asOneOf, asRecord, asText, asTime } from '../shared/parse';
import { type ExportItem, type ItemColumn, type ItemFormat, type PublishedDetail, windowEnd } from './contract';
import { type ExportWindow, latestKey } from './layout';

/** `INCOMPLETE`: in a run that is not published yet. */
export interface Sentinel {
  /** Sequence of the publication that the run follows. It can be published only while that is the newest. */
  readonly basedOn: number;
  /** Name of the statement that writes the files. */
  readonly statement: string;
}

/** A file of a publication. */
export interface PublishedFile {
  readonly key: string;
  readonly bytes: number;
  readonly rows: number;
  /** Hexadecimal SHA-256 of the bytes. */
  readonly sha256: string;
}

/** Points to an earlier publication. */
export interface Previous {
  readonly sequence: number;
  /** Key of its success file. */
  readonly success: string;
}

/**
 * `success.json`: describes a run. A run is published if and only if it is in the chain that begins at `latest.json` and continues with
 * `previous`.
 */
export interface Success {
  /** `<pipeline>.<export>`. */
  readonly export: string;
  /** Counts the publications of the export, from 1, without a gap. */
  readonly sequence: number;
  readonly kind: PublishedDetail['kind'];
  readonly revision: number;
  /** ISO 8601, end exclusive. */
  readonly window: { readonly start: string; readonly end: string };
  readonly prefix: string;
  readonly rows: number;
  readonly bytes: number;
  readonly format: ItemFormat;
  readonly columns: readonly ItemColumn[];
  readonly files: readonly PublishedFile[];
  /** Changes if any row changes. */
  readonly fingerprint: string;
  readonly statementId: string;
  /** End of the unload, ISO 8601. */
  readonly unloadedAt: string;
  readonly previous: Previous | null;
}

/** `latest.json`: points to the newest publication. Its success file leads to all earlier ones. */
export interface LatestPointer {
  readonly export: string;
  readonly sequence: number;
  readonly kind: PublishedDetail['kind'];
  readonly revision: number;
  readonly window: { readonly start: string; readonly end: string };
  readonly prefix: string;
  readonly success: string;
  readonly rows: number;
  /** Keys of the files. */
  readonly files: readonly string[];
  /** End of the unload, ISO 8601. */
  readonly publishedAt: string;
}

/** The newest publication, on which the next one builds. */
export interface Head extends Previous {
  /** ETag of `latest.json`. Undefined before the first publication. */
  readonly etag?: string;
}

const kinds = ['window', 'correction', 'snapshot'] as const;

/** What is needed to read the chain. */
export interface ChainReader {
  readonly bucket: string;
  readonly objects: Pick<ObjectStore, 'get'> & Pick<ConditionalObjects, 'getWithEtag'>;
}

/** Reads `latest.json`. Before the first publication the sequence is 0. */
export async function readHead(
  { objects, bucket, plan }: ChainReader & { readonly plan: { readonly pipeline: string } },
  item: Pick<ExportItem, 'name'>,
): Promise<Head> {
  const key = latestKey(plan.pipeline, item.name);
  const found = await objects.getWithEtag(bucket, key);
  if (found === undefined) return { sequence: 0, success: '' };
  const fields = asRecord(asJson(found.text, key), key);
  // The first versions of Millrace wrote pointers without these fields. The chain begins after such a pointer.
  return {
    sequence: asNumber(fields['sequence'] ?? 0, `${key}: sequence`),
    success: asText(fields['success'] ?? '', `${key}: success`),
    etag: found.etag,
  };
}

export interface Unloaded {
  readonly window: ExportWindow;
  /** Key prefix of the run. */
  readonly prefix: string;
  readonly fingerprint: string;
  readonly rows: number;
  readonly files: readonly PublishedFile[];
  readonly statementId: string;
  /** Epoch milliseconds. */
  readonly endedAt: number;
}

export function describeRun(pipeline: string, item: ExportItem, run: Unloaded, previous: Previous | null): Success {
  const { start, revision } = run.window;
  return {
    export: `${pipeline}.${item.name}`,
    sequence: (previous?.sequence ?? 0) + 1,
    kind: item.content.kind === 'snapshot' ? 'snapshot' : revision > 0 ? 'correction' : 'window',
    revision,
    window: {
      start: new Date(start).toISOString(),
      end: new Date(windowEnd(item.content.window, start)).toISOString(),
    },
    prefix: run.prefix,
    rows: run.rows,
    bytes: run.files.reduce((sum, { bytes }) => sum + bytes, 0),
    format: item.format,
    columns: item.columns,
    files: run.files,
    fingerprint: run.fingerprint,
    statementId: run.statementId,
    unloadedAt: new Date(run.endedAt).toISOString(),
    previous,
  };
}

export function pointerTo(success: Success, successKey: string): LatestPointer {
  const { export: name, sequence, kind, revision, window, prefix, rows, files, unloadedAt } = success;
  return {
    export: name,
    sequence,
    kind,
    revision,
    window,
    prefix,
    success: successKey,
    rows,
    files: files.map(({ key }) => key),
    publishedAt: unloadedAt,
  };
}

export function parseSentinel(text: string, key: string): Sentinel {
  const fields = asRecord(asJson(text, key), key);
  return {
    basedOn: asNumber(fields['basedOn'], `${key}: basedOn`),
    statement: asText(fields['statement'], `${key}: statement`),
  };
}

export function parseSuccess(text: string, key: string): Success {
  const fields = asRecord(asJson(text, key), key);
  const at = (name: string) => `${key}: ${name}`;
  const window = asRecord(fields['window'], at('window'));
  const previous = fields['previous'] === null ? null : asRecord(fields['previous'], at('previous'));
  const iso = (value: unknown, name: string) => new Date(asTime(value, at(name))).toISOString();
  return {
    export: asText(fields['export'], at('export')),
    sequence: asNumber(fields['sequence'], at('sequence')),
    kind: asOneOf(fields['kind'], kinds, at('kind')),
    revision: asNumber(fields['revision'], at('revision')),
    window: { start: iso(window['start'], 'window.start'), end: iso(window['end'], 'window.end') },
    prefix: asText(fields['prefix'], at('prefix')),
    rows: asNumber(fields['rows'], at('rows')),
    bytes: asNumber(fields['bytes'], at('bytes')),
    format: asRecord(fields['format'], at('format')) as unknown as ItemFormat,
    columns: asArray(fields['columns'], at('columns')) as unknown as ItemColumn[],
    files: asArray(fields['files'], at('files')).map((value, i) => {
      const file = asRecord(value, at(`files[${i}]`));
      return {
        key: asText(file['key'], at(`files[${i}].key`)),
        bytes: asNumber(file['bytes'], at(`files[${i}].bytes`)),
        rows: asNumber(file['rows'], at(`files[${i}].rows`)),
        sha256: asText(file['sha256'], at(`files[${i}].sha256`)),
      };
    }),
    fingerprint: asText(fields['fingerprint'], at('fingerprint')),
    statementId: asText(fields['statementId'], at('statementId')),
    unloadedAt: iso(fields['unloadedAt'], 'unloadedAt'),
    previous: previous && {
      sequence: asNumber(previous['sequence'], at('previous.sequence')),
      success: asText(previous['success'], at('previous.success')),
    },
  };
}

/** Follows the chain from the head to the publications after `sequence`. Returns the oldest first. */
export async function publishedAfter(
  { objects, bucket }: Pick<ChainReader, 'objects' | 'bucket'>,
  head: Previous,
  sequence: number,
): Promise<Success[]> {
  const found: Success[] = [];
  let at: Previous | null = head;
  while (at !== null && at.sequence > sequence) {
    const text: string | undefined = await objects.get(bucket, at.success);
    if (text === undefined) throw new Error(`${at.success}, publication ${at.sequence} of the chain, is not there`);
    const success = parseSuccess(text, at.success);
    found.unshift(success);
    at = success.previous;
  }
  return found;
}
