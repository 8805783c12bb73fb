import { KinesisClient } from '@aws-sdk/client-kinesis';
import { S3Client } from '@aws-sdk/client-s3';
import { clientSettings } from '../../../lambda/shared/client-settings';
import type { PartnerSite } from '../partners/site';

/** Clients that send the marks. */
export interface SmokeClients {
  readonly kinesis: KinesisClient;
  readonly s3: S3Client;
  close(): void;
}

export function smokeClients({ reach, credentials }: Pick<PartnerSite, 'reach' | 'credentials'>): SmokeClients {
  const settings = { ...reach, ...(credentials && { credentials }) };
  const kinesis = new KinesisClient({ ...clientSettings(), ...settings });
  const s3 = new S3Client({ ...clientSettings(), ...settings, forcePathStyle: reach.endpoint !== undefined });
  return {
    kinesis,
    s3,
    close() {
      kinesis.destroy();
      s3.destroy();
    },
  };
}
