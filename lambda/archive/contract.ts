/** `plan.json` beside the bundle. */
export interface ArchivePlan {
  /** The names of the streams whose records are texts. */
  readonly textStreams: readonly string[];
}
