/** The status of a warehouse in Redshift's control plane. */
export interface WarehouseStatus {
  /**
   * `available`: it takes statements. `returning`: it comes back by itself, after minutes or hours. `paused`: a person or a schedule has to resume it.
   * `broken`: a person has to repair it.
   */
  readonly kind: 'available' | 'returning' | 'paused' | 'broken';
  /** As Redshift reports it: `paused`, `resizing`, `MODIFYING`. */
  readonly status: string;
}

/** Asks the control plane. Rejects when it denies permission or cannot be reached. */
export type AskStatus = () => Promise<WarehouseStatus>;

export interface NamedWarehouse {
  readonly kind: 'provisioned' | 'serverless';
  readonly name: string;
}

/** Cluster statuses that only a person can end (API reference, "Cluster", ClusterStatus). */
const broken = /^(?:hardware-failure|incompatible-|storage-full|deleting|final-snapshot)/;
/** A pausing cluster counts as paused, since a pause cannot be cancelled ("Pausing and resuming clusters"). */
const paused = /^paus(?:ed|ing)/;

/**
 * @param status ClusterStatus
 * @param availability ClusterAvailabilityStatus: whether the cluster takes queries, whatever its status
 */
export function clusterStatus(status: string, availability: string | undefined): WarehouseStatus {
  if (paused.test(status)) return { kind: 'paused', status };
  if (broken.test(status)) return { kind: 'broken', status };
  if (availability === 'Failed') return { kind: 'broken', status: `${status}, ${availability}` };
  const takesQueries = availability === undefined || availability === 'Available';
  // So are `available, prep-for-resize` and `available, resize-cleanup`.
  if (/^available\b/.test(status) && takesQueries) return { kind: 'available', status };
  return { kind: 'returning', status: takesQueries ? status : `${status}, ${availability}` };
}

/** @param status of a workgroup: CREATING, AVAILABLE, MODIFYING or DELETING */
export function workgroupStatus(status: string): WarehouseStatus {
  if (status === 'AVAILABLE') return { kind: 'available', status };
  return { kind: status === 'DELETING' ? 'broken' : 'returning', status };
}

/** One sentence: the status, and what to do. */
export function statusSentence({ kind, name }: NamedWarehouse, state: WarehouseStatus): string {
  const subject = `${kind === 'provisioned' ? 'the cluster' : 'the workgroup'} ${name} is ${state.status}`;
  if (state.kind === 'paused')
    return `${subject}: resume it with \`aws redshift resume-cluster --cluster-identifier ${name}\``;
  if (state.kind === 'broken') return `${subject}: look at it in the Redshift console`;
  return kind === 'provisioned'
    ? `${subject}: wait for it with \`aws redshift wait cluster-available --cluster-identifier ${name}\``
    : `${subject}: \`aws redshift-serverless get-workgroup --workgroup-name ${name}\` says when it is AVAILABLE`;
}
