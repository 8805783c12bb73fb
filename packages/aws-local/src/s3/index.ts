import type { ResourceTwin, Service } from 'aws-local-kit';
import { S3, type S3Options } from './s3';
import { s3Service } from './service';
import { s3Twins } from './twins';

export { S3, type S3Options } from './s3';

/** S3: the port, the API for the gateway, and the twins of buckets, their policies and their notifications. */
export function createS3(options: S3Options): { port: S3; service: Service; resources: ResourceTwin[] } {
  const port = new S3(options);
  return { port, service: s3Service(port), resources: s3Twins(port) };
}
