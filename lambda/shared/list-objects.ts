import {
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';

type Output = ListObjectsV2CommandOutput;
type Entry = NonNullable<Output['Contents']>[number];

export interface ListedPage {
  readonly nextToken?: string;
  /** Reads the entries from the answer's bytes. Members that nobody uses, such as owners, are left out. */
  entries(): Entry[];
}

/**
 * Sends ListObjectsV2 without a delimiter. The SDK parses the answer without its entries: for 1,000 keys its parser
 * takes ten times as long as `entriesOf`, and the request for the next page would wait for it.
 */
export async function listObjects(
  client: Pick<S3Client, 'send'>,
  input: Omit<ListObjectsV2CommandInput, 'Delimiter'>,
): Promise<ListedPage> {
  const command = new ListObjectsV2Command(input);
  let bytes: Buffer | undefined;
  command.middlewareStack.addRelativeTo(
    <Args>(next: (args: Args) => Promise<{ response: unknown; output: Output }>) =>
      async (args: Args) => {
        const result = await next(args);
        const response = result.response as { statusCode: number; body: AsyncIterable<Uint8Array> | Uint8Array };
        if (response.statusCode !== 200) return result;
        const [before, entries, after] = cut(await bytesOf(response.body));
        bytes = entries;
        response.body = Buffer.concat([before, after]);
        return result;
      },
    { name: 'cutEntries', relation: 'after', toMiddleware: 'deserializerMiddleware' },
  );
  const { NextContinuationToken: nextToken, Contents } = await client.send(command);
  return { nextToken, entries: () => Contents ?? (bytes ? entriesOf(bytes) : []) };
}

const opening = '<Contents>';
const closing = '</Contents>';

/** Cuts the entries out of an answer. They follow one another, since nothing is grouped. */
function cut(answer: Buffer): [before: Buffer, entries: Buffer, after: Buffer] {
  const start = answer.indexOf(opening);
  const end = start < 0 ? 0 : answer.lastIndexOf(closing) + closing.length;
  return start < 0
    ? [answer, answer.subarray(0, 0), answer.subarray(0, 0)]
    : [answer.subarray(0, start), answer.subarray(start, end), answer.subarray(end)];
}

/**
 * The entries in the bytes of a ListObjectsV2 answer. Each gets a text of its own, so that a key that is kept does not
 * keep the page in memory.
 */
export function entriesOf(answer: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (let start = answer.indexOf(opening); start >= 0; start = answer.indexOf(opening, start)) {
    const end = answer.indexOf(closing, start);
    entries.push(entryOf(answer.toString('utf8', start + opening.length, end)));
    start = end;
  }
  return entries;
}

function entryOf(text: string): Entry {
  const size = textIn(text, 'Size');
  const lastModified = textIn(text, 'LastModified');
  return {
    Key: textIn(text, 'Key'),
    ETag: textIn(text, 'ETag'),
    Size: size === undefined ? undefined : Number(size),
    LastModified: lastModified === undefined ? undefined : new Date(lastModified),
    StorageClass: textIn(text, 'StorageClass') as Entry['StorageClass'],
  };
}

function textIn(text: string, name: string): string | undefined {
  const start = text.indexOf(`<${name}>`);
  if (start < 0) return undefined;
  const from = start + name.length + 2;
  return unescaped(text.slice(from, text.indexOf('<', from)));
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const unescaped = (text: string) =>
  text.includes('&')
    ? text.replace(/&(?:#x([\da-fA-F]+)|#(\d+)|(lt|gt|amp|quot|apos));/g, (_, hex, decimal, name) =>
        name ? named[name]! : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)),
      )
    : text;

async function bytesOf(body: AsyncIterable<Uint8Array> | Uint8Array): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
