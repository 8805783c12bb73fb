/** The state of every cluster and workgroup here, in the words of Redshift's API. */
export interface ControlPlaneState {
  /** ClusterStatus: `available`, `paused`, `resuming`, `rebooting`. */
  readonly status: string;
  /** ClusterAvailabilityStatus: whether it takes queries. */
  readonly availability: 'Available' | 'Unavailable' | 'Maintenance' | 'Modifying' | 'Failed';
}

export const availableState: ControlPlaneState = { status: 'available', availability: 'Available' };
