import { asNumber } from '../shared/parse';
import { isPassing, type Row, type StatementState } from '../shared/warehouse';

/**
 * Why a load failed.
 * - `passing`: no object is at fault, and a retry may succeed.
 * - `lines`: COPY cannot read some lines of the objects, or does not account for all of them.
 * - `unseen`: the system views do not show what COPY read.
 * - `object`: Redshift or S3 reports a problem with the objects.
 * - `unknown`: the message is not recognized. The cause may be the objects or the warehouse.
 */
export interface Failure {
  readonly kind: 'passing' | 'lines' | 'unseen' | 'object' | 'unknown';
  readonly reason: string;
}

export const goneReason = (etag: string) => `the version with etag ${etag} no longer exists, or may not be read`;

/** An unrecognized failure may be the warehouse's. After so many deliveries of the object it counts as the object's. */
export const deliveriesUntilBlamed = 3;

/** Denied access is mostly a mistake in the load role or the key, so no object is blamed for it. */
const aboutAccess = /\bAccess ?Denied\b|\bStatus 403\b|\bnot authorized\b|\bassume ?role\b/i;

/** Messages about objects that cannot be found, opened or read (Redshift developer guide, "Load error reference"; S3's error responses). */
const aboutObjects = [
  /S3ServiceException/i,
  /\b(?:NoSuchKey|NoSuchVersion|InvalidObjectState|PreconditionFailed)\b/,
  /\bmandatory\b.*\b(?:does not exist|not found)\b/is,
  /\bS3 prefix\b.*\bdoes not exist\b/is,
  /\b(?:gzip|zstd|zlib|zstandard|de?compress\w*|uncompress\w*|inflate)\b/i,
  /\bspectrum scan error\b/i,
  /\bparquet\b/i,
  /\bs3:\/\/\S+ cannot be read\b/i,
  /\bincorrect header check\b/i,
];

/** Messages that point to COPY's log of unreadable lines (same page). */
const aboutLines = [/\bload into table\b.*\bfailed\b/is, /\b(?:sys_load_error_detail|stl_load_errors)\b/i];

/** For a statement that FAILED or was ABORTED. A person or the warehouse aborts a statement, so its objects are not to blame. */
export function classify(state: StatementState): Failure {
  const { status, error } = state;
  const reason = error ?? `${status.toLowerCase()}, Redshift gave no reason`;
  if (status === 'ABORTED' || isPassing(state)) return { kind: 'passing', reason };
  if (aboutLines.some((pattern) => pattern.test(reason))) return { kind: 'lines', reason };
  const isObject = !aboutAccess.test(reason) && aboutObjects.some((pattern) => pattern.test(reason));
  return { kind: isObject ? 'object' : 'unknown', reason };
}

/** Why a load that finished changed nothing, by the row of its answer. Undefined where the row has no reason. */
export function refusalOf(row: Row): Failure | undefined {
  const [known, unseen, changed, staged, refused, expected] = (
    ['known', 'unseen', 'changed', 'staged', 'refused', 'expected'] as const
  ).map((name) => asNumber(row[name], name)) as [number, number, number, number, number, number];
  if (known > 0) return { kind: 'passing', reason: `another transaction loaded ${known} of the objects meanwhile` };
  if (unseen > 0) return { kind: 'unseen', reason: `the system views do not show what COPY read of ${unseen} files` };
  if (changed > 0) return { kind: 'object', reason: 'the bytes that COPY read are not those of the etag' };
  if (staged === expected) return undefined;
  return {
    kind: 'lines',
    reason: `COPY made ${staged} rows instead of ${expected}, and named ${refused} lines that it could not read`,
  };
}
