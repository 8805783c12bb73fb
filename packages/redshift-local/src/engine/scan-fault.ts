/** Records that a refresh skips though nothing is wrong with them, for tests of what comes after. */
export interface ScanFault {
  /** Of all records of the refresh, by shard and sequence number, those whose number leaves the remainder `from` when divided by `every`. */
  readonly every: number;
  readonly from: number;
  /** SYS_STREAM_SCAN_STATES counts them and SYS_STREAM_SCAN_ERRORS does not name them. @default false */
  readonly unlisted?: boolean;
}
