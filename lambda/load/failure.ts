import { asNumber } from '../shared/parse';
import { isPassing, type Row, type StatementState } from '../shared/warehouse';

/**
 * `passing`: the same may succeed later and no object is at fault. `lines`: COPY cannot read some lines of the objects, or does not account for all of
 * them. `unseen`: the warehouse does not show what COPY read. `object`: Redshift or S3 name something about the objects. `unknown`: none of these
 * is recognized, so the cause may be the objects or the warehouse.
 */
export interface Failure {
  readonly kind: 'passing' | 'lines' | 'unseen' | 'object' | 'unknown';
  readonly reason: string;
}

/** Denied access is more often the load role's or the key's fault, and so that of no object, than the object's. */
const aboutAccess = /\bAccess ?Denied\b|\bStatus 403\b|\bnot authorized\b|\bassume ?role\b/i;

/** What COPY and S3 say of objects that they cannot find, open or read (Redshift developer guide, "Load error reference", and S3's error responses). */
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

/** COPY points to its log of lines that it could not read (same page). */
const aboutLines = [/\bload into table\b.*\bfailed\b/is, /\b(?:sys_load_error_detail|stl_load_errors)\b/i];

/** A statement that FAILED or was ABORTED. A person or the warehouse aborts a statement, so its objects are not to blame. */
export function classify(state: StatementState): Failure {
  const { status, error } = state;
  const reason = error ?? `${status.toLowerCase()}, Redshift gave no reason`;
  if (status === 'ABORTED' || isPassing(state)) return { kind: 'passing', reason };
  if (aboutLines.some((pattern) => pattern.test(reason))) return { kind: 'lines', reason };
  const object = !aboutAccess.test(reason) && aboutObjects.some((pattern) => pattern.test(reason));
  return { kind: object ? 'object' : 'unknown', reason };
}

/** Why a load that finished changed nothing, from the row of its answer; undefined where that row has no reason. */
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
    reason: `COPY made ${staged} rows and named ${refused} lines that it could not read, but there should be ${expected} rows beside those`,
  };
}
