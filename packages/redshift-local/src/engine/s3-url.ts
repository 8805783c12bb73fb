import { WarehouseError } from './errors';

export function parseS3Url(url: string): { bucket: string; key: string } {
  const match = /^s3:\/\/([^/]+)\/(.*)$/s.exec(url);
  if (!match) throw new WarehouseError(`"${url}" is not an s3:// URL with a bucket and a key`);
  return { bucket: match[1]!, key: match[2]! };
}
