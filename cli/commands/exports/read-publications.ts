import { publishedAfter, readHead, type Success } from '../../../lambda/export/publication';
import { assertTimeLeft, type Context } from '../context';
import type { NamedExport } from './find-export';

/** Reads the chain of publications with the calls that a partner may make, and no others. */
export function chainReader(context: Context) {
  const { buckets, names } = context.cloud;
  const bucket = names.exportsBucket;
  const getWithEtag = async (_: string, key: string) => {
    const head = await buckets.head(bucket, key);
    return head && { text: (await wholeObject(context, key)).toString('utf8'), etag: head.etag };
  };
  return { bucket, objects: { getWithEtag, get: async (_: string, key: string) => (await getWithEtag(_, key))?.text } };
}

export async function wholeObject(context: Context, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await context.cloud.buckets.read(context.cloud.names.exportsBucket, key))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Returns every publication of an export, oldest first, as a reader finds them who follows latest.json. */
export async function readPublications(context: Context, { pipeline, item }: NamedExport): Promise<Success[]> {
  assertTimeLeft(context, 'reading the publications');
  const { bucket, objects } = chainReader(context);
  const host = { bucket, objects, plan: { pipeline: pipeline.name } };
  const head = await readHead(host, item);
  return publishedAfter(host, head, 0);
}
