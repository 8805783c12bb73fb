import { Duration } from 'aws-cdk-lib';

/** How long one invocation of the load function may take: a COPY of a batch of objects and its merge. The queue's visibility follows from it. */
export const loadTimeout = Duration.minutes(10);
