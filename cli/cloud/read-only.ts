import { Failure } from '../failure';
import type { Cloud } from './ports';

/**
 * The environment without everything that changes it. Queues are counted and not looked into: in AWS, SQS shows a
 * message only by delivering it, and a delivery counts.
 */
export function readOnlyCloud(cloud: Cloud): Cloud {
  const refused = (what: string) => async (): Promise<never> => {
    throw new Failure(`${what} is refused: this page only reads`);
  };
  const { buckets, queues } = cloud;
  return {
    ...cloud,
    buckets: {
      ...buckets,
      put: refused('writing an object'),
      putNew: refused('writing an object'),
      versions: {
        ...buckets.versions,
        replace: refused('writing an object'),
        delete: refused('deleting a version'),
      },
    },
    queues: {
      send: refused('sending a message'),
      receive: refused('receiving a message'),
      release: refused('releasing a message'),
      delete: refused('deleting a message'),
      counts: (url) => queues.counts(url),
      async look(url) {
        const { waiting, inFlight, delayed } = await queues.counts(url);
        return { messages: [], whole: waiting + inFlight + delayed === 0 };
      },
      lookCounts: true,
    },
  };
}
