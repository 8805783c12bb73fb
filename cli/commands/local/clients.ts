import { clientSettings } from '../../../lambda/shared/client-settings';
import type { DemoRuntime } from './demo-runtime';

/** Loads the SDK late: commands without a runtime do not need it. */
export const loadClients = () => ({
  kinesis: require('@aws-sdk/client-kinesis') as typeof import('@aws-sdk/client-kinesis'),
  s3: require('@aws-sdk/client-s3') as typeof import('@aws-sdk/client-s3'),
});

/** Makes clients of a local runtime. */
export function clientsOf({ endpoint, region, credentials }: DemoRuntime) {
  const sdk = loadClients();
  const kinesis = new sdk.kinesis.KinesisClient({ ...clientSettings(), endpoint, region, credentials });
  const s3 = new sdk.s3.S3Client({ ...clientSettings(), endpoint, region, credentials, forcePathStyle: true });
  return {
    kinesis,
    s3,
    destroy: () => {
      kinesis.destroy();
      s3.destroy();
    },
  };
}
