/**
 * The Data API's error for an unreachable cluster, as reported in aws/aws-cdk issue 30536. AWS does not document its
 * error for a paused cluster, so callers must not match the text.
 */
export const notReached = "Redshift endpoint doesn't exist in this region.";
