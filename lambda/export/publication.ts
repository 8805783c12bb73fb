import type { ConditionalObjects, ObjectStore } from '../shared/objects';
import { asArray, asJson, asNumber, asOneOf, asRecord, asText, asTime } from '../shared/parse';
import type { ExportItem, ItemColumn, ItemFormat, PublishedDetail } from './contract';
import { latestKey } from './layout';

/** A file of a publication, as its success file has it. */
export interface PublishedFile {
  readonly key: string;
  readonly bytes: number;
  readonly rows: number;
  /** Of the bytes, hexadecimal. */
  readonly sha256: string;
}

/** Points to the publication before. */
export interface Previous {
  readonly sequence: number;
  /** Key of its success file. */
  readonly success: string;
}

/**
 * The success file `success.json` of a run. A run is published if, and only if, the chain that begins at `latest.json` and goes on by
 * `previous` comes to it.
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
  /** Changes when any row changes. */
  readonly fingerprint: string;
  readonly statementId: string;
  /** End of the unload, ISO 8601. */
  readonly unloadedAt: string;
  readonly previous: Previous | null;
}

/** `latest.json`: the newest publication. Whoever wants all of them reads its success file and follows `previous`. */
export interface LatestPointer {
  readonly export: string;
  readonly sequence: number;
  readonly kind: PublishedDetail['kind'];
  readonly revision: number;
  readonly window: { readonly start: string; readonly end: string };
  readonly prefix: string;
  readonly success: string;
  readonly rows: number;
  /** Keys. */
  readonly files: readonly string[];
  /** End of the unload, ISO 8601. */
  readonly publishedAt: string;
}

/** Of the pointer, what the next publication builds on. */
export interface Head extends Previous {
  /** Of the pointer; undefined where there is none yet. */
  readonly etag?: string;
}

const kinds = ['window', 'correction', 'snapshot'] as const;

/** Who reads needs no more than this. */
export interface ChainReader {
  readonly bucket: string;
  readonly objects: Pick<ObjectStore, 'get'> & Pick<ConditionalObjects, 'getWithEtag'>;
}

/** The head of an export's chain. Before the first publication: sequence 0. */
export async function readHead(
  { objects, bucket, plan }: ChainReader & { readonly plan: { readonly pipeline: string } },
  item: Pick<ExportItem, 'name'>,
): Promise<Head> {
  const key = latestKey(plan.pipeline, item.name);
  const found = await objects.getWithEtag(bucket, key);
  if (found === undefined) return { sequence: 0, success: '' };
  const fields = asRecord(asJson(found.text, key), key);
  // A pointer of before there was a chain has neither: the chain begins after it.
  return {
    sequence: asNumber(fields['sequence'] ?? 0, `${key}: sequence`),
    success: asText(fields['success'] ?? '', `${key}: success`),
    etag: found.etag,
  };
}

export function pointerTo(success: Success, successKey: string): LatestPointer {
  const { export: name, sequence, kind, revision, window, prefix, rows, files, unloadedAt } = success;
  const keys = files.map(({ key }) => key);
  return {
    export: name,
    sequence,
    kind,
    revision,
    window,
    prefix,
    success: successKey,
    rows,
    files: keys,
    publishedAt: unloadedAt,
  };
}

/** @throws Error naming the field that is not as it should be */
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

/** The publications with a sequence above the given one, the oldest first. */
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
