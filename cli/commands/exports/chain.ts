import { publishedAfter, readHead, type Success } from '../../../lambda/export/publication';
import { checkTime, type Work } from '../work';
import type { NamedExport } from './named';

/** Object store of the commands, as far as the chain is read through it: what a partner may do, and no more. */
export function readerOf(work: Work) {
  const { buckets, names } = work.cloud;
  const bucket = names.exportsBucket;
  const getWithEtag = async (_: string, key: string) => {
    const head = await buckets.head(bucket, key);
    return head && { text: (await wholeObject(work, key)).toString('utf8'), etag: head.etag };
  };
  return { bucket, objects: { getWithEtag, get: async (_: string, key: string) => (await getWithEtag(_, key))?.text } };
}

export async function wholeObject(work: Work, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await work.cloud.buckets.read(work.cloud.names.exportsBucket, key)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Every publication of an export as a reader finds them who follows latest.json, the oldest first. */
export async function publications(work: Work, { pipeline, item }: NamedExport): Promise<Success[]> {
  checkTime(work, 'reading the publications');
  const { bucket, objects } = readerOf(work);
  const host = { bucket, objects, plan: { pipeline: pipeline.name } };
  const head = await readHead(host, item);
  return publishedAfter(host, head, 0);
}
