/** A fault that makes a refresh skip good records, for tests of what follows. */
export interface ScanFault {
  /**
   * The refresh numbers its records by shard and sequence number. It skips those whose number leaves the remainder
   * `from` when divided by `every`.
   */
  readonly every: number;
  readonly from: number;
  /** True if SYS_STREAM_SCAN_STATES counts them, but SYS_STREAM_SCAN_ERRORS does not list them. @default false */
  readonly unlisted?: boolean;
}
