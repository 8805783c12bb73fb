import { Duration } from 'aws-cdk-lib';

/** Timeout of the load function, which covers the COPY of a batch of objects and its merge. The queue's visibility is derived from it. */
export const loadTimeout = Duration.minutes(10);
