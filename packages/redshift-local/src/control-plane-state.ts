/** The state of every local cluster and workgroup, as Redshift's API names it. */
export interface ControlPlaneState {
  /** ClusterStatus: `available`, `paused`, `resuming`, `rebooting`. */
  readonly status: string;
  /** ClusterAvailabilityStatus: whether the cluster accepts queries. */
  readonly availability: 'Available' | 'Unavailable' | 'Maintenance' | 'Modifying' | 'Failed';
}

export const availableState: ControlPlaneState = { status: 'available', availability: 'Available' };
