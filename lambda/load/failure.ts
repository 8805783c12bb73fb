import { isPassing, type StatementState } from '../shared/warehouse';

/**
 * `passing`: the same may succeed later and no object is at fault. `object`: Redshift or S3 name something about the objects. `unknown`:
 * neither is recognized, so the cause may be the objects or the warehouse.
 */
export interface Failure {
  readonly kind: 'passing' | 'object' | 'unknown';
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
  /\bload into table\b.*\bfailed\b/is,
  /\b(?:sys_load_error_detail|stl_load_errors)\b/i,
  /\bspectrum scan error\b/i,
  /\bparquet\b/i,
  /\bs3:\/\/\S+ cannot be read\b/i,
  /\bincorrect header check\b/i,
];

/** Of a statement that FAILED or was ABORTED: the latter is somebody's or the warehouse's doing, not the objects'. */
export function classify(state: StatementState): Failure {
  const { status, error } = state;
  const reason = error ?? `${status.toLowerCase()}, Redshift gave no reason`;
  if (status === 'ABORTED' || isPassing(state)) return { kind: 'passing', reason };
  const object = !aboutAccess.test(reason) && aboutObjects.some((pattern) => pattern.test(reason));
  return { kind: object ? 'object' : 'unknown', reason };
}
